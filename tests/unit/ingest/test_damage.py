"""Damaged files of every format: each is read, in part perhaps, or refused with a reason."""

import warnings

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers import read

from .sample_files import samples


@pytest.mark.parametrize("name", samples())
def test_the_samples_are_sound(name):
    assert len(read(samples()[name], name=name).blocks) >= 1


def read_or_refuse(data: bytes, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            extracted = read(data, name=name)
        except ReadError:
            return
    assert extracted.text.strip()
    extracted.text.encode()  # no lone surrogates
    for warning in extracted.warnings:
        warning.encode()


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damaged_files_are_read_or_refused(data):
    name = data.draw(st.sampled_from(sorted(samples())))
    broken = bytearray(samples()[name])
    for _ in range(data.draw(st.integers(0, 8))):
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(broken[: data.draw(st.integers(0, len(broken)))]), name)


def changed_parts(name: str, seed: bytes) -> bytes:
    """Change characters in a zipped document's parts, their checksums made right again."""
    import io
    import random
    import zipfile

    chance = random.Random(seed)
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(samples()[name])) as original,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        victim = chance.choice(original.namelist())
        for part in original.namelist():
            content = bytearray(original.read(part))
            if part == victim and chance.random() < 0.1:
                continue
            if part == victim and content:
                start = chance.randrange(len(content))
                content[start : start + chance.randrange(40)] = chance.choice(
                    [
                        b"",
                        b"<w:p>",
                        b"9" * 30,
                        b"\x00",
                        b"</",
                        b'"',
                        content[: chance.randrange(99)],
                    ]
                )
            changed.writestr(part, bytes(content))
    return buffer.getvalue()


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["a.docx", "a.pptx", "a.xlsx", "a.epub"]), st.binary(max_size=8))
def test_documents_with_damaged_parts_are_read_or_refused(name, seed):
    read_or_refuse(changed_parts(name, seed), name)


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "rst", "vtt", "eml", "mbox", "html"])
@pytest.mark.parametrize(
    "unit",
    ["a,", '"', "[", "{}\n", "=\n", ":a", "- ", "+-", "`", "<", "00:01.000 --> 00:02.000\n", ">\n"],
)
def test_no_text_takes_more_than_linear_time(suffix, unit):
    # 200,000 characters: anything quadratic would not end.
    head = {"eml": "Subject: s\n\n", "mbox": "From x\n\n", "vtt": "WEBVTT\n"}.get(suffix, "")
    read_or_refuse((head + unit * (200_000 // len(unit))).encode(), f"a.{suffix}")


@pytest.mark.parametrize("line", ["From x\n\n", "=?utf-8?q?a?= ", "Subject: s\n", "a <b@c>, "])
def test_no_header_takes_more_than_linear_time(line):
    for name in ("a.eml", "a.mbox"):
        read_or_refuse(b"From: " + line.encode() * (100_000 // len(line)), name)
