"""models.generateMessage and countMessageTokens: the older chat methods."""

from __future__ import annotations

from ragkit.api import methods
from ragkit.api.limits import MAX_TEMPERATURE
from ragkit.api.messages import (
    CountMessageTokensRequest,
    CountMessageTokensResponse,
    GenerateMessageRequest,
    GenerateMessageResponse,
    Message,
    MessagePrompt,
)
from ragkit.engine.models.generators import GenerationPrompt, Sampling, Turn
from ragkit.service.candidates import generate_several
from ragkit.service.generation_options import check_sampling
from ragkit.service.generators import find_generator
from ragkit.service.prompt_tokens import counted_tokens
from ragkit.service.registry import Context, handles
from ragkit.service.values import missing

_MODEL_AUTHOR = "1"
"""Who the model is where the conversation has named nobody so far; Google's authors are 0 and 1."""


@handles(methods.MODELS_GENERATE_MESSAGE)
def generate_message(context: Context, request: GenerateMessageRequest) -> GenerateMessageResponse:
    """Continue a chat."""
    found = find_generator(context, request.model, "generateMessage")
    check_sampling(
        "",
        most_temperature=MAX_TEMPERATURE,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        candidates=request.candidate_count,
    )
    sampling = Sampling(temperature=request.temperature, top_p=request.top_p, top_k=request.top_k)
    prompt = _prompt(request.prompt, sampling)
    given = request.prompt.messages if request.prompt is not None else []
    author = _next_author(given)
    return GenerateMessageResponse(
        candidates=[
            Message(author=author, content=text)
            for text in generate_several(found.generator, prompt, request.candidate_count)
        ],
        messages=given,
    )


@handles(methods.MODELS_COUNT_MESSAGE_TOKENS)
def count_message_tokens(
    context: Context, request: CountMessageTokensRequest
) -> CountMessageTokensResponse:
    """Return how many tokens a chat has."""
    found = find_generator(context, request.model, "countMessageTokens")
    prompt = _prompt(request.prompt, Sampling())
    counted = found.generator.count_tokens(prompt)
    return CountMessageTokensResponse(
        token_count=counted_tokens(prompt) if counted is None else counted
    )


def _prompt(given: MessagePrompt | None, sampling: Sampling) -> GenerationPrompt:
    """The chat as a conversation: the examples come first, as turns of their own.

    Raises:
        InvalidArgument: there is no message, or one is empty.
    """
    if given is None or not given.messages:
        raise missing("prompt.messages", "the last of them is what to answer")
    turns: list[Turn] = []
    for number, example in enumerate(given.examples):
        where = f"prompt.examples[{number}]"
        turns.append(Turn("user", _said(example.input, f"{where}.input")))
        turns.append(Turn("model", _said(example.output, f"{where}.output")))
    user = given.messages[-1].author  # authors are told apart by name; the last one is answered
    anonymous = not any(message.author for message in given.messages)
    for number, message in enumerate(given.messages):
        text = _said(message, f"prompt.messages[{number}].content")
        # Without names the authors take turns.
        own = (len(given.messages) - number) % 2 == 1 if anonymous else message.author == user
        turns.append(Turn("user" if own else "model", text))
    return GenerationPrompt(tuple(turns), given.context, sampling)


def _said(message: Message | None, field: str) -> str:
    if message is None or not message.content.strip():
        raise missing(field)
    return message.content


def _next_author(messages: list[Message]) -> str:
    """The author of the reply: the one who is not the last, if there is one."""
    last = messages[-1].author
    return next((one.author for one in messages if one.author != last), "") or _MODEL_AUTHOR
