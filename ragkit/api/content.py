"""Content: the multi-part messages of a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeAlias

from ragkit.api.base import (
    Double,
    Duration,
    OneofModel,
    ProtoBytes,
    ProtoEnum,
    ProtoModel,
    Struct,
)
from ragkit.api.safety import HarmBlockThreshold as HarmBlockThreshold
from ragkit.api.safety import HarmCategory as HarmCategory
from ragkit.api.safety import HarmProbability as HarmProbability
from ragkit.api.safety import SafetyRating as SafetyRating
from ragkit.api.safety import SafetySetting as SafetySetting


class Blob(ProtoModel):
    """Raw media bytes with their MIME type."""

    mime_type: str = ""
    data: ProtoBytes = b""


class FileData(ProtoModel):
    """A reference to an uploaded file."""

    mime_type: str = ""
    file_uri: str = ""


class FunctionCall(ProtoModel):
    """A model's call of a function declared in the request.

    `id` is to be repeated in the `FunctionResponse`, where the model gave one.
    """

    id: str = ""
    name: str = ""
    args: Struct | None = None


class FunctionResponseBlob(ProtoModel):
    """Media that a function gave back."""

    mime_type: str = ""
    data: ProtoBytes = b""


class FunctionResponsePart(OneofModel):
    """One piece of media that a function gave back."""

    ONEOFS: ClassVar = {"data": ("inline_data",)}

    inline_data: FunctionResponseBlob | None = None


class FunctionResponseScheduling(ProtoEnum):
    """When the model is to take up the response of a function that does not block."""

    SCHEDULING_UNSPECIFIED = 0
    SILENT = 1
    WHEN_IDLE = 2
    INTERRUPT = 3


class FunctionResponse(ProtoModel):
    """What a called function gave back.

    The keys of `response` are the function's choice; "output" and "error" are customary.
    """

    id: str = ""
    name: str = ""
    response: Struct | None = None
    parts: list[FunctionResponsePart] = []
    will_continue: bool = False
    scheduling: FunctionResponseScheduling | None = None


class CodeLanguage(ProtoEnum):
    """The language of generated code."""

    LANGUAGE_UNSPECIFIED = 0
    PYTHON = 1


class ExecutableCode(ProtoModel):
    """Code that the model generated to be executed; only with the code execution tool."""

    language: CodeLanguage = CodeLanguage.LANGUAGE_UNSPECIFIED
    code: str = ""


class CodeOutcome(ProtoEnum):
    """How an execution ended."""

    OUTCOME_UNSPECIFIED = 0
    OUTCOME_OK = 1
    OUTCOME_FAILED = 2
    OUTCOME_DEADLINE_EXCEEDED = 3


class CodeExecutionResult(ProtoModel):
    """What executed code printed, or why it failed; follows an `ExecutableCode` part."""

    outcome: CodeOutcome = CodeOutcome.OUTCOME_UNSPECIFIED
    output: str = ""


class VideoMetadata(ProtoModel):
    """Which part of a video is meant, and frames per second, in (0, 24], 1.0 if not given."""

    start_offset: Duration | None = None
    end_offset: Duration | None = None
    fps: Double = 0.0


class Part(OneofModel):
    """One piece of a message: text, or data of one of the other kinds.

    `video_metadata` goes with video in `inline_data` or `file_data`. `thought` marks a part that
    is the model's thought, and `thought_signature` is to be given back with it in later turns.
    """

    ONEOFS: ClassVar = {
        "data": (
            "text",
            "inline_data",
            "function_call",
            "function_response",
            "file_data",
            "executable_code",
            "code_execution_result",
        ),
        "metadata": ("video_metadata",),
    }

    text: str | None = None
    inline_data: Blob | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    file_data: FileData | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    video_metadata: VideoMetadata | None = None
    thought: bool = False
    thought_signature: ProtoBytes = b""
    part_metadata: Struct | None = None


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
