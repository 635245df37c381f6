"""tunedModels.generateContent, streamGenerateContent and generateText.

With a generator, the examples nearest to a prompt are put before it, as earlier turns of the
conversation, the nearest last. Without one, the nearest examples answer it themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.api import methods
from ragkit.api.candidates import Candidate
from ragkit.api.content import Content, Part
from ragkit.api.generation import GenerateContentRequest, GenerateContentResponse
from ragkit.api.generation_config import GenerationConfig
from ragkit.api.texts import GenerateTextRequest, GenerateTextResponse, TextCompletion
from ragkit.engine.engine import Engine
from ragkit.engine.job_records import TunedModelRecord
from ragkit.engine.models.embedders import Task
from ragkit.engine.models.nearest import nearest, weights
from ragkit.service.generation_options import check_options, check_text_options
from ragkit.service.registry import Context, handles
from ragkit.service.tuned_creation import require_active, tuned_id
from ragkit.service.values import missing


@dataclass(frozen=True, slots=True)
class NearExample:
    """An example near to a prompt, and its weight among those found."""

    input: str
    output: str
    weight: float


@handles(methods.TUNED_MODELS_GENERATE_CONTENT)
def generate(context: Context, request: GenerateContentRequest) -> GenerateContentResponse:
    """Continue a conversation as the examples of a tuned model suggest."""
    record = _usable(context, request.model)
    if not context.engine.config.generators:
        return _by_examples(context, record, request)
    from ragkit.service.generation import generate_content

    response = generate_content(context, _for_base(context, record, request))
    return _named(response, record)


@handles(methods.TUNED_MODELS_STREAM_GENERATE_CONTENT)
def stream_generate(
    context: Context, request: GenerateContentRequest
) -> Iterator[GenerateContentResponse]:
    """Continue a conversation likewise, piece by piece where a generator does."""
    record = _usable(context, request.model)
    if not context.engine.config.generators:
        return iter([_by_examples(context, record, request)])
    from ragkit.service.generation import stream_generate_content

    return _pieces(stream_generate_content(context, _for_base(context, record, request)), record)


@handles(methods.TUNED_MODELS_GENERATE_TEXT)
def generate_text(context: Context, request: GenerateTextRequest) -> GenerateTextResponse:
    """Continue a text likewise, in the older form."""
    if request.prompt is None or not request.prompt.text.strip():
        raise missing("prompt.text")
    check_text_options(request)
    config = GenerationConfig(
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        max_output_tokens=request.max_output_tokens,
        candidate_count=request.candidate_count,
        stop_sequences=request.stop_sequences,
    )
    content = Content(role="user", parts=[Part(text=request.prompt.text)])
    response = generate(
        context,
        GenerateContentRequest(model=request.model, contents=[content], generation_config=config),
    )
    return GenerateTextResponse(
        candidates=[TextCompletion(output=_text(one)) for one in response.candidates]
    )


def near_examples(engine: Engine, record: TunedModelRecord, prompt: str) -> list[NearExample]:
    """The examples of an active tuned model that are nearest to a prompt, nearest first.

    Arguments:
        engine: whose models.
        record: the tuned model; it says how many examples, and how they are weighed.
        prompt: the text to compare with the examples' inputs.
    """
    examples = engine.store.tuned_examples(record.key)
    query = engine.embedder(record.embedder).embed([prompt], task=Task.SEMANTIC_SIMILARITY)
    found = nearest(query, examples.vectors, record.neighbours)
    return [
        NearExample(examples.inputs[index], examples.outputs[index], float(weight))
        for index, weight in zip(
            found.indices[0], weights(found.similarities, record.sharpness)[0], strict=True
        )
    ]


def _usable(context: Context, name: str) -> TunedModelRecord:
    record = context.engine.store.get_tuned_model(tuned_id(name, "model"))
    return require_active(record)


def _by_examples(
    context: Context, record: TunedModelRecord, request: GenerateContentRequest
) -> GenerateContentResponse:
    from ragkit.service.example_answers import answer_by_examples, check_answerable

    check_options(request.generation_config, request.safety_settings)
    check_answerable(request)
    prompt = _last_text(request)
    if not prompt:
        raise missing("contents", "a last message with text")
    return answer_by_examples(record, request, near_examples(context.engine, record, prompt))


def _for_base(
    context: Context, record: TunedModelRecord, request: GenerateContentRequest
) -> GenerateContentRequest:
    """The request to the base model: with the tuned model's own settings and near examples."""
    if request.cached_content:
        # Content is cached for one model, which here is the tuned one.
        from ragkit.service.cached_contents import prepend_cached

        request = prepend_cached(context, request)
    prompt = _last_text(request)
    shown: list[Content] = []
    for example in reversed(near_examples(context.engine, record, prompt) if prompt else ()):
        shown.append(Content(role="user", parts=[Part(text=example.input)]))
        shown.append(Content(role="model", parts=[Part(text=example.output)]))
    return request.model_copy(
        update={
            "model": record.base_model,
            "contents": [*shown, *request.contents],
            "generation_config": _config(record, request.generation_config),
        }
    )


def _config(record: TunedModelRecord, given: GenerationConfig | None) -> GenerationConfig:
    """How to generate: as the request says, else as the tuned model does."""
    config = given or GenerationConfig()
    own = {
        name: getattr(record.fields, name)
        for name in ("temperature", "top_p", "top_k")
        if getattr(config, name) is None
    }
    return config.model_copy(update=own)


def _last_text(request: GenerateContentRequest) -> str:
    """The text of the last message, which is what examples are compared with."""
    parts = request.contents[-1].parts if request.contents else []
    return "\n".join(part.text for part in parts if part.text).strip()


def _pieces(
    pieces: Iterator[GenerateContentResponse], record: TunedModelRecord
) -> Iterator[GenerateContentResponse]:
    for piece in pieces:
        yield _named(piece, record)


def _named(response: GenerateContentResponse, record: TunedModelRecord) -> GenerateContentResponse:
    return response.model_copy(update={"model_version": f"tunedModels/{record.id}"})


def _text(candidate: Candidate) -> str:
    parts = candidate.content.parts if candidate.content is not None else []
    return "".join(part.text for part in parts if part.text is not None and not part.thought)
