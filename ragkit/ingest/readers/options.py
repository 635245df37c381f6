"""What a user may tell the readers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the readers that ship with ragkit are told; a plug-in is told nothing.

    Attributes:
        passwords: Tried in turn on files that are encrypted.
        ocr: Whether pages without a text layer are read by OCR where that is installed.
        ocr_languages: The languages to expect in OCR, as tesseract names them (`eng`, `deu+eng`).
    """

    passwords: tuple[str, ...] = field(default=(), repr=False)
    ocr: bool = True
    ocr_languages: str = "eng"
