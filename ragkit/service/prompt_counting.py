"""models.countTokens for generators: by the backend where it counts, else as cl100k_base."""

from __future__ import annotations

from ragkit.api.generation import GenerateContentRequest, Modality, ModalityTokenCount
from ragkit.api.models import CountTokensRequest, CountTokensResponse
from ragkit.engine.models.generators import load_generator
from ragkit.service.generators import Forwards
from ragkit.service.models import inner_request
from ragkit.service.prompt_tokens import cached_tokens, counted_tokens
from ragkit.service.prompts import to_prompt, with_files_inline
from ragkit.service.registry import Context


def count_for_generator(
    context: Context, request: CountTokensRequest, model_id: str
) -> CountTokensResponse:
    """Return how many tokens a generator's prompt has.

    Arguments:
        context: whose engine and files.
        request: contents, or a request whose system instruction, tools and cached content count.
        model_id: the generator's id.

    Raises:
        InvalidArgument: there is no prompt that could be generated from; names the field.
    """
    inner = inner_request(request) or GenerateContentRequest(
        model=request.model, contents=request.contents
    )
    whole = inner
    if inner.cached_content:
        from ragkit.service.cached_contents import prepend_cached

        whole = prepend_cached(context, inner)
    generator = load_generator(context.engine, model_id)
    if isinstance(generator, Forwards):
        return generator.forward_count(with_files_inline(context, whole))
    prompt = to_prompt(context, whole, functions=generator.calls_functions)
    counted = generator.count_tokens(prompt)
    total = counted_tokens(prompt) if counted is None else counted
    cached = min(cached_tokens(context, inner, whole), total)
    return CountTokensResponse(
        total_tokens=total,
        cached_content_token_count=cached,
        prompt_tokens_details=[ModalityTokenCount(modality=Modality.TEXT, token_count=total)],
    )
