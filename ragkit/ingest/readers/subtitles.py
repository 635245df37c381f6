"""Subtitles (.srt, .vtt): what is said, in paragraphs that begin with their time."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.building import Builder
from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Extracted, MetadataValue

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[^<>]*>|\{\\[^}]*\}")
_SENTENCE_END = re.compile("[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\\]]*$")

_PAUSE = 3.0
"""Seconds of silence that end a paragraph."""

_LONG = 400
"""Characters from which on a paragraph ends with its sentence."""

_TOO_LONG = 1200
"""Characters at which it ends anyway: not all subtitles have punctuation."""


@dataclass(frozen=True, slots=True)
class _Cue:
    start: float
    end: float
    speaker: str
    text: str


def read(data: bytes, *, name: str) -> Extracted:
    """Read subtitles.

    Cues are joined into paragraphs, which end at pauses, where another speaks, and when they get
    long; each begins with its time, as `[0:01:05]`, so that a quotation can be found in the film.
    Markup goes; lines that a cue repeats from the one before it (rolling captions) stand once.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: There is no cue in it.
    """
    decoded = decode(data, name=name)
    cues = list(_without_repeats(_cues(decoded.text)))
    if not cues:
        raise ReadError(name, "holds no subtitles: there is no line with times (00:00 --> 00:01)")
    builder = Builder()
    builder.warnings += decoded.warnings
    for group in _paragraphs(cues):
        speaker = f"{group[0].speaker}: " if group[0].speaker else ""
        words = " ".join(cue.text for cue in group)
        builder.add("paragraph", f"[{_clock(group[0].start)}] {speaker}{words}")
    metadata: dict[str, MetadataValue] = {
        "encoding": decoded.encoding,
        "duration": round(max(cue.end for cue in cues), 1),
    }
    vtt = PurePath(name).suffix.lower() == ".vtt"
    return builder.build("text/vtt" if vtt else "application/x-subrip", metadata=metadata)


def _cues(text: str) -> Iterator[_Cue]:
    lines = text.splitlines()
    index = 0
    while index < len(lines):
        match = _TIMING.match(lines[index])
        index += 1
        if match is None:
            continue  # numbers, names of cues, notes, styles
        body: list[str] = []
        while index < len(lines) and lines[index].strip() and not _TIMING.match(lines[index]):
            body.append(lines[index])
            index += 1
        if index < len(lines) and lines[index].strip() and body:
            body.pop()  # no blank line before the next cue's number
        raw = "\n".join(body)
        voice = _VOICE.search(raw)
        plain = html.unescape(_TAG.sub("", raw))
        yield _Cue(
            _seconds(*match.groups()[:4]),
            _seconds(*match.groups()[4:]),
            " ".join(html.unescape(voice[1]).split()) if voice else "",
            "\n".join(" ".join(line.split()) for line in plain.split("\n") if line.strip()),
        )


def _without_repeats(cues: Iterator[_Cue]) -> Iterator[_Cue]:
    before: list[str] = []
    end = 0.0
    for cue in cues:
        lines = cue.text.split("\n") if cue.text else []
        # A word said again some time later was said twice.
        rolls = cue.start <= end + 0.1
        fresh = [line for line in lines if not (rolls and line in before)]
        if fresh:
            yield _Cue(cue.start, cue.end, cue.speaker, " ".join(fresh))
        if lines:
            before, end = lines, cue.end


def _paragraphs(cues: list[_Cue]) -> Iterator[list[_Cue]]:
    group: list[_Cue] = []
    length = 0
    for cue in cues:
        if group:
            last = group[-1]
            if (
                cue.start - last.end >= _PAUSE
                or (cue.speaker and cue.speaker != group[0].speaker)
                or (length >= _LONG and _SENTENCE_END.search(last.text))
                or length >= _TOO_LONG
            ):
                yield group
                group, length = [], 0
        group.append(cue)
        length += len(cue.text) + 1
    if group:
        yield group


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return float(f"{whole}.{fraction}")


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}"
