"""What models and tuned models have in common: generating content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypedDict, Unpack

from ragkit.api.content import ContentInput, wrap_content, wrap_contents
from ragkit.api.generation_config import GenerationConfig
from ragkit.api.safety import SafetySetting
from ragkit.api.tools import Tool, ToolConfig

Contents: TypeAlias = ContentInput | Iterable[ContentInput]
"""One message, or a conversation; plain strings are the user's."""


class GenerationOptions(TypedDict, total=False):
    """What else a request to generate content can say.

    `system_instruction` is text only; `safety_settings` has at most one setting per category;
    `cached_content` is the name of content cached for the same model.
    """

    system_instruction: ContentInput
    generation_config: GenerationConfig
    safety_settings: Sequence[SafetySetting]
    tools: Sequence[Tool]
    tool_config: ToolConfig
    cached_content: str


def generation(contents: Contents, **options: Unpack[GenerationOptions]) -> dict[str, object]:
    """The fields of a request to generate content, but for the model."""
    fields: dict[str, object] = {**options, "contents": wrap_contents(contents)}
    if "system_instruction" in options:
        fields["system_instruction"] = wrap_content(options["system_instruction"])
    return fields
