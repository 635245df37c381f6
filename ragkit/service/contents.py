"""The text in contents, and what of a content no model here can read."""

from __future__ import annotations

from ragkit.api.content import Content, Part
from ragkit.api.errors import InvalidArgument
from ragkit.service.values import missing

_MEDIA = ("inline_data", "file_data")


def joined_text(content: Content, field: str) -> str:
    """The text of all parts, each on a line of its own so that words do not run together.

    Raises:
        InvalidArgument: a part holds something else, or there is no text but white space.
    """
    text = "\n".join(part_texts(content, field))
    if not text.strip():
        raise missing(f"{field}.parts", "at least one part with text")
    return text


def part_texts(content: Content, field: str) -> list[str]:
    """The text of each part. Raises InvalidArgument for a part that is not text."""
    return [_text_of(part, f"{field}.parts[{number}]") for number, part in enumerate(content.parts)]


def countable_texts(content: Content, field: str) -> list[str]:
    """What of each part has tokens: text, and calls and results of functions and code as JSON.

    Raises:
        InvalidArgument: a part is an image or other media, whose tokens cannot be counted.
    """
    texts = []
    for number, part in enumerate(content.parts):
        media = [name for name in _MEDIA if getattr(part, name) is not None]
        if media:
            raise _unreadable(part, f"{field}.parts[{number}]")
        texts.append(part.to_json().decode() if part.text is None else part.text)
    return texts


def _text_of(part: Part, field: str) -> str:
    if part.text is None:
        raise _unreadable(part, field)
    return part.text


def _unreadable(part: Part, field: str) -> InvalidArgument:
    kinds = ", ".join(part.to_wire()) or "an empty part"
    return InvalidArgument(f"{field}: holds {kinds}; this model reads text only", field=field)
