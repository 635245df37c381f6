"""How many tokens prompts have, where the backend does not say: as cl100k_base, like chunks."""

from __future__ import annotations

import json

from ragkit.api.generation import GenerateContentRequest
from ragkit.engine.models.generators import GenerationPrompt
from ragkit.service.registry import Context
from ragkit.text.tokens import count_tokens_batch


def counted_tokens(prompt: GenerationPrompt) -> int:
    """The tokens of all that a prompt says."""
    texts = [prompt.system, *(turn.text for turn in prompt.turns)]
    for turn in prompt.turns:
        texts += [f"{call.name} {json.dumps(dict(call.arguments))}" for call in turn.calls]
        texts += [result.result for result in turn.results]
    texts += [
        f"{one.name} {one.description} {json.dumps(dict(one.parameters))}"
        for one in prompt.functions
    ]
    return sum(count_tokens_batch([text for text in texts if text]))


def cached_tokens(
    context: Context, request: GenerateContentRequest, whole: GenerateContentRequest
) -> int:
    """The tokens of what a cached content added to a request; 0 if nothing did."""
    if not request.cached_content:
        return 0
    from ragkit.api.cached_contents import CachedContent
    from ragkit.service.cached_tokens import count_cached_tokens

    added = CachedContent(
        contents=whole.contents[: len(whole.contents) - len(request.contents)],
        system_instruction=whole.system_instruction,
        tools=whole.tools,
    )
    return count_cached_tokens(context, added, "cachedContent")
