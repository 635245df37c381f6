"""How many tokens cached content has."""

from __future__ import annotations

from collections.abc import Iterator

from ragkit.api.cached_contents import CachedContent
from ragkit.api.content import Content, Part
from ragkit.api.errors import InvalidArgument
from ragkit.api.wire import to_json_text
from ragkit.service.registry import Context
from ragkit.text.tokens import count_tokens_batch


def count_cached_tokens(context: Context, content: CachedContent, where: str) -> int:
    """Count the tokens of text, of text files, and of tools, calls and results as JSON.

    Other media have no tokens that could be counted here, and count as none.

    Arguments:
        context: whose files may be read.
        content: what is cached.
        where: where it stands in the request.

    Raises:
        InvalidArgument: a part refers to what is no uploaded file, or has text that is not UTF-8.
        NotFound: a part refers to a file that the caller does not have.
    """
    texts = [
        text
        for number, one in enumerate(content.contents)
        for text in _texts(context, one, f"{where}.contents[{number}]")
    ]
    if content.system_instruction is not None:
        texts += _texts(context, content.system_instruction, f"{where}.systemInstruction")
    return sum(count_tokens_batch([*texts, *map(to_json_text, content.tools)]))


def _texts(context: Context, content: Content, where: str) -> Iterator[str]:
    for number, part in enumerate(content.parts):
        yield _text(context, part, f"{where}.parts[{number}]")


def _text(context: Context, part: Part, field: str) -> str:
    if part.text is not None:
        return part.text
    if part.inline_data is None and part.file_data is None:
        return to_json_text(part)
    from ragkit.service.files import file_of_uri
    from ragkit.service.prompts import part_text

    if part.file_data is not None:
        # Before its text is read: a file that is absent is an error whatever its type.
        file_of_uri(context, part.file_data.file_uri, f"{field}.fileData.fileUri")
    try:
        return part_text(context, part, field)
    except InvalidArgument:
        return ""
