"""From bytes to text: byte order marks, declared charsets, UTF-8, legacy encodings, binary junk."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.ingest.errors import ReadError

_MARKS = (
    # UTF-32's little-endian mark begins with UTF-16's: longest first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
)

_LEGACY = (
    *("cp1252", "cp1251", "cp932", "gb18030", "euc_jp", "big5", "cp949", "cp1250", "koi8_r"),
    *("iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
)
"""The legacy encodings in real use, the likelier first where a text could be in several."""

_SAMPLE = 1 << 16
"""Bytes that are looked at to guess an encoding."""

_LEAST_EVIDENCE = 8
"""Characters from which on zero bytes in every other place speak for UTF-16."""

_TEXT_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_CONTROLS = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the encoding that it was in, and what was guessed or lost."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, *, name: str, declared: str | None = None) -> Decoded:
    """Decode a text file.

    In this order: a byte order mark; UTF-16 and UTF-32 without a mark, told by their zero bytes;
    UTF-8; the encoding that the file declares (after UTF-8, which is hard to mistake: pages that
    declare Latin-1 and are not are common); UTF-8 with a few invalid bytes; the likeliest legacy
    encoding. What is guessed or replaced is said in the warnings.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.
        declared: The encoding that the file names itself (HTML's `meta`), if any.

    Raises:
        ReadError: These bytes are no text, or contradict their byte order mark.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(encoding), encoding.removesuffix("-sig"))
            except UnicodeDecodeError as error:
                raise ReadError(
                    name,
                    f"is damaged: its byte order mark says {encoding.removesuffix('-sig')}, but "
                    f"byte {error.start} is not; save it as UTF-8",
                ) from error
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise ReadError(name, f"is not text but {what}; give it the right suffix or exclude it")
    if declared and (data.isascii() or _try(data, "utf-8") is None):
        text = _try(data, declared)
        if text is not None and "\x00" not in text:
            return Decoded(text, declared)
    if b"\x00" in data:
        return _decode_with_zeros(data, name)
    if _share_of_controls(data) > 0.02:
        raise _not_text(name)
    return _decode_bytes(data, name)


def _decode_with_zeros(data: bytes, name: str) -> Decoded:
    for encoding in _wide_encodings(data[:_SAMPLE]):
        text = _try(data, encoding)
        if text is not None and _looks_like_text(text):
            return Decoded(text, encoding, (f"no byte order mark: read as {encoding}",))
    zeros = data.count(0)
    if zeros * 100 > len(data) or _share_of_controls(data) > 0.02:
        raise _not_text(name)
    decoded = _decode_bytes(data.replace(b"\x00", b" "), name)
    warning = f"{zeros} zero bytes were replaced by spaces"
    return Decoded(decoded.text, decoded.encoding, (*decoded.warnings, warning))


def _looks_like_text(text: str) -> bool:
    """Whether a text told by its zero bytes alone is one: no controls, mostly letters and the like.

    A handful of bytes decodes as UTF-16 to something as a rule; so few prove nothing.
    """
    if len(text) < _LEAST_EVIDENCE or _TEXT_CONTROLS.search(text):
        return False
    usual = sum(character.isalnum() or character.isspace() for character in text[:_SAMPLE])
    return usual * 2 > min(len(text), _SAMPLE)


def _wide_encodings(sample: bytes) -> Iterator[str]:
    """Yield the UTF-32 and UTF-16 forms that the zero bytes' places speak for."""

    def share(offset: int, step: int) -> float:
        lane = sample[offset::step]
        return lane.count(0) / max(len(lane), 1)

    if share(3, 4) > 0.95 and share(2, 4) > 0.9 and share(0, 4) < 0.1:
        yield "utf-32-le"
    if share(0, 4) > 0.95 and share(1, 4) > 0.9 and share(3, 4) < 0.1:
        yield "utf-32-be"
    if share(1, 2) > 0.3 and share(0, 2) < 0.05:
        yield "utf-16-le"
    if share(0, 2) > 0.3 and share(1, 2) < 0.05:
        yield "utf-16-be"


def _decode_bytes(data: bytes, name: str) -> Decoded:
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        first = error.start
    replaced = data.decode("utf-8", "replace")
    genuine = data.count(b"\xef\xbf\xbd")
    bad = replaced.count("\ufffd") - genuine
    good = len(data) - len(replaced) - 2 * genuine  # bytes beyond the first of valid characters
    if good > 4 * bad:
        warning = (
            f"{bad} bytes or sequences are not UTF-8 (first at byte {first}) and were replaced"
        )
        return Decoded(replaced, "utf-8", (warning,))
    for encoding in _guess(data, first):
        text = _try(data, encoding)
        if text is not None:
            return Decoded(text, encoding, (f"not UTF-8: read as {encoding}, the likeliest guess",))
    raise _not_text(name)


def _guess(data: bytes, first: int) -> list[str]:
    """Return the legacy encodings that fit, the likeliest first.

    The sample begins shortly before the first byte that is not ASCII: a long English preface
    says nothing.
    """
    import charset_normalizer

    start = max(0, first - 256)
    # No start in the middle of a character: the part before `first` is valid UTF-8.
    while start and data[start] & 0xC0 == 0x80:
        start -= 1
    sample = data[start : start + _SAMPLE]
    matches = charset_normalizer.from_bytes(sample, cp_isolation=list(_LEGACY))
    # Encodings that give the same text are one match, under any of their names.
    ranked = {
        encoding: (round(match.chaos, 2) - round(match.coherence, 1) / 2, rank)
        for match in matches
        for rank, encoding in enumerate(_LEGACY)
        if encoding in match.could_be_from_charset
    }
    return sorted(ranked, key=ranked.__getitem__) or ["cp1252"]


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _share_of_controls(data: bytes) -> float:
    sample = data[:_SAMPLE]
    return len(_CONTROLS.findall(sample)) / max(len(sample), 1)


def _not_text(name: str) -> ReadError:
    return ReadError(
        name, "is not text (binary data); give it the right suffix, or exclude it with --exclude"
    )
