"""Text of scanned pages: rendered by pdfium (the extra `ocr`), recognised by tesseract.

Tesseract is a program of its own: what it is given and returns goes through pipes, so that a
picture on which it fails or hangs costs a page and no more.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ragkit.ingest.readers.options import ReadOptions

_DPI = 300
"""What tesseract's models are made for."""

_MOST_PIXELS = 40_000_000
"""Of a rendered page: A3 at 300 dpi has 17 million. A page can claim to be a kilometre wide."""

_SECONDS = 60.0
"""For one page; a dense one takes five."""


ADVICE = "run OCR on it first, for example with ocrmypdf"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What has come of pages without text.

    Attributes:
        pages: Number and text of those that have some.
        reason: Why others have none.
        failed: Whether that is a failure, rather than that there is nothing to see or to do it.
    """

    pages: tuple[tuple[int, str], ...]
    reason: str | None = None
    failed: bool = False


class OcrError(Exception):
    """A page cannot be recognised; the message says why."""


def recognise(
    data: bytes, numbers: Sequence[int], password: str | None, options: ReadOptions
) -> Recognised:
    """Recognise some pages of a PDF, where OCR is installed.

    Args:
        data: The file's bytes.
        numbers: The pages, from 1.
        password: The file's, where it has one.
        options: The languages to expect.
    """
    lacking = missing()
    if lacking is not None:
        return Recognised((), f"{ADVICE}; or for ragkit to do so, {lacking}")
    found: list[tuple[int, str]] = []
    reason = None
    try:
        with closing(Pages(data, password, options.ocr_languages)) as pages:
            for number in numbers:
                try:
                    text = pages.recognise(number)
                except OcrError as error:
                    reason = str(error)
                    continue
                if text.strip():
                    found.append((number, text))
    except OcrError as error:  # of the file itself
        reason = str(error)
    if reason is None:
        return Recognised(tuple(found), "OCR finds no text on its pages either")
    return Recognised(tuple(found), reason, failed=True)


def missing() -> str | None:
    """Return what has to be installed for OCR; None when nothing has."""
    wanted: list[str] = []
    if find_spec("pypdfium2") is None:
        wanted.append("pip install 'ragkit[ocr]'")
    if shutil.which("tesseract") is None:
        wanted.append("install the program tesseract (Debian and Ubuntu: tesseract-ocr)")
    return " and ".join(wanted) or None


def _pdfium() -> Any:
    return import_module("pypdfium2")  # without types


class Pages:
    """The pages of a PDF, as pictures."""

    def __init__(self, data: bytes, password: str | None, languages: str) -> None:
        """Open a PDF.

        Args:
            data: The file's bytes.
            password: Its password, where it has one.
            languages: As tesseract names them (`deu+eng`).

        Raises:
            OcrError: pdfium cannot open it.
        """
        pdfium = _pdfium()
        try:
            self._document = pdfium.PdfDocument(data, password=password)
        except pdfium.PdfiumError as error:
            raise OcrError(f"cannot be rendered: {error}") from error
        self._languages = languages

    def recognise(self, page: int) -> str:
        """Return the text that is to be seen on a page, by its number from 1.

        Raises:
            OcrError: It cannot be rendered or recognised.
        """
        command = ["tesseract", "stdin", "stdout", "--dpi", str(_DPI), "-l", self._languages]
        try:
            done = subprocess.run(
                command,
                input=self._picture(page),
                capture_output=True,
                timeout=_SECONDS,
                # Its threads mostly wait for one another, and files are read side by side.
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise OcrError(f"tesseract fails: {error}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise OcrError(f"tesseract fails: {said[-1] if said else done.returncode}")
        return done.stdout.decode("utf-8", "replace").replace("\f", "\n")

    def close(self) -> None:
        """Free what pdfium holds."""
        self._document.close()

    def _picture(self, page: int) -> bytes:
        """Return a page as a grey picture (PGM), of 300 dpi where that is not too much."""
        try:
            opened = self._document[page - 1]
            width, height = opened.get_size()
            scale = _DPI / 72
            if width * height * scale * scale > _MOST_PIXELS:
                scale = math.sqrt(_MOST_PIXELS / (width * height))
            bitmap = opened.render(scale=scale, grayscale=True)
        except (_pdfium().PdfiumError, IndexError, ValueError, MemoryError) as error:
            raise OcrError(f"cannot be rendered: {error}") from error
        rows = memoryview(bitmap.buffer).cast("B")
        lines = (
            rows[row * bitmap.stride : row * bitmap.stride + bitmap.width]
            for row in range(bitmap.height)
        )
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(lines)
