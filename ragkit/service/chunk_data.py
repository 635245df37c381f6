"""What a chunk may hold."""

from __future__ import annotations

from ragkit.api.chunks import ChunkData
from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import MAX_CHUNK_TOKENS
from ragkit.service.values import check_text, missing
from ragkit.text.tokens import count_tokens

_MAX_TOKEN_BYTES = 128
"""No token of cl100k_base stands for more bytes (its longest is a run of spaces)."""


def check_chunk_text(data: ChunkData | None, field: str) -> str:
    """The chunk's text.

    Arguments:
        data: what came in a request.
        field: where it stands in it, such as `requests[3].chunk.data`.

    Raises:
        InvalidArgument: it is absent or blank, or has too many tokens.
    """
    text = (data.string_value or "") if data is not None else ""
    field = f"{field}.stringValue"
    if not text.strip():
        raise missing(field, "a chunk without text can never be found")
    check_text(text, field)
    size = len(text.encode())
    # A token is at least one byte, so short texts need no counting; nor do absurdly long ones.
    if size <= MAX_CHUNK_TOKENS:
        return text
    least = -(-size // _MAX_TOKEN_BYTES)
    if least > MAX_CHUNK_TOKENS:
        raise _too_long(f"at least {least:,}", field)
    tokens = count_tokens(text)
    if tokens > MAX_CHUNK_TOKENS:
        raise _too_long(f"{tokens:,}", field)
    return text


def _too_long(tokens: str, field: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field}: {tokens} tokens, at most {MAX_CHUNK_TOKENS:,} are allowed (cl100k_base); "
        "split the text",
        field=field,
    )
