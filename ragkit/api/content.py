"""Content: multi-part messages of a conversation, and the safety settings over them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, TypeAlias

from ragkit.api.base import OneofModel, ProtoBytes, ProtoEnum, ProtoModel


class Blob(ProtoModel):
    """Raw media bytes with their MIME type."""

    mime_type: str = ""
    data: ProtoBytes = b""


class FileData(ProtoModel):
    """A reference to an uploaded file."""

    mime_type: str = ""
    file_uri: str = ""


class FunctionCall(ProtoModel):
    """A model's call of a function declared in the request."""

    id: str = ""
    name: str = ""
    args: dict[str, Any] | None = None


class FunctionResponse(ProtoModel):
    """What a called function gave back."""

    id: str = ""
    name: str = ""
    response: dict[str, Any] | None = None


class Part(OneofModel):
    """One piece of a message: text, or data of one of the other kinds."""

    ONEOFS: ClassVar = {
        "data": (
            "text",
            "inline_data",
            "function_call",
            "function_response",
            "file_data",
            "executable_code",
            "code_execution_result",
        )
    }

    text: str | None = None
    inline_data: Blob | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    file_data: FileData | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    video_metadata: dict[str, Any] | None = None
    thought: bool = False
    thought_signature: ProtoBytes = b""


class Content(ProtoModel):
    """One turn of a conversation: its parts and who said it (`user` or `model`)."""

    parts: list[Part] = []
    role: str = ""

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if part.text is not None)


ContentInput: TypeAlias = str | Content


def wrap_content(content: ContentInput, role: str = "") -> Content:
    """The API's form of a message given as plain text."""
    if isinstance(content, Content):
        return content
    return Content(parts=[Part(text=content)], role=role)


def wrap_contents(contents: ContentInput | Iterable[ContentInput]) -> list[Content]:
    """The API's form of one message or a conversation; plain strings are the user's."""
    if isinstance(contents, (str, Content)):
        contents = [contents]
    return [wrap_content(content, role="user") for content in contents]


class HarmCategory(ProtoEnum):
    """Kinds of harmful content."""

    HARM_CATEGORY_UNSPECIFIED = 0
    HARM_CATEGORY_DEROGATORY = 1
    HARM_CATEGORY_TOXICITY = 2
    HARM_CATEGORY_VIOLENCE = 3
    HARM_CATEGORY_SEXUAL = 4
    HARM_CATEGORY_MEDICAL = 5
    HARM_CATEGORY_DANGEROUS = 6
    HARM_CATEGORY_HARASSMENT = 7
    HARM_CATEGORY_HATE_SPEECH = 8
    HARM_CATEGORY_SEXUALLY_EXPLICIT = 9
    HARM_CATEGORY_DANGEROUS_CONTENT = 10
    HARM_CATEGORY_CIVIC_INTEGRITY = 11


class HarmBlockThreshold(ProtoEnum):
    """From which probability of harm on content is blocked."""

    HARM_BLOCK_THRESHOLD_UNSPECIFIED = 0
    BLOCK_LOW_AND_ABOVE = 1
    BLOCK_MEDIUM_AND_ABOVE = 2
    BLOCK_ONLY_HIGH = 3
    BLOCK_NONE = 4
    OFF = 5


class HarmProbability(ProtoEnum):
    """How likely content is harmful."""

    HARM_PROBABILITY_UNSPECIFIED = 0
    NEGLIGIBLE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


class SafetySetting(ProtoModel):
    """The threshold for one category."""

    category: HarmCategory = HarmCategory.HARM_CATEGORY_UNSPECIFIED
    threshold: HarmBlockThreshold = HarmBlockThreshold.HARM_BLOCK_THRESHOLD_UNSPECIFIED


class SafetyRating(ProtoModel):
    """How harmful content was found to be in one category."""

    category: HarmCategory = HarmCategory.HARM_CATEGORY_UNSPECIFIED
    probability: HarmProbability = HarmProbability.HARM_PROBABILITY_UNSPECIFIED
    blocked: bool = False
