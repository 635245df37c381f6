"""Characters that stand for others or for nothing: ligatures, no-break spaces, stray marks."""

from __future__ import annotations

import re

_REPLACED = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
        "\xa0": " ",
        "\x00": None,
        "\u200b": None,
        "\ufeff": None,
    }
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Return text with ligatures spelt out and without characters that are no text."""
    if text.isascii() and "\r" not in text and "\x00" not in text:
        return text
    text = text.translate(_REPLACED).replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("\ufffd", text)
