"""Archives: members one by one, and what must not be unpacked."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers import read
from ragkit.ingest.readers.archives import (
    ArchiveLimits,
    Member,
    RefusedMember,
    is_archive,
    members,
)
from ragkit.ingest.readers.zips import SMALL

from .sample_files import docx_file, tar_file, zip_file

FILES = {"a.md": b"# A", "dir/b.txt": b"text", "dir/c.docx": docx_file()}


@pytest.fixture
def opened(tmp_path):
    def opened(data: bytes, name: str = "a.zip", **options):
        path = tmp_path / name
        path.write_bytes(data)
        return list(members(path, name=name, **options))

    return opened


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", zip_file(FILES)),
        ("a.ZIP", zip_file(FILES, zipfile.ZIP_BZIP2)),
        ("a.tar", tar_file(FILES, "w")),
        ("a.tar.gz", tar_file(FILES)),
        ("a.tgz", tar_file(FILES)),
        ("a.tar.bz2", tar_file(FILES, "w:bz2")),
    ],
)
def test_members_are_read_by_their_own_readers(opened, name, data):
    assert is_archive(name)
    found = opened(data, name)
    assert found == [Member(path, data) for path, data in FILES.items()]
    assert read(found[2].data, name=found[2].path).title == "The report"


def test_what_is_no_archive():
    assert not any(map(is_archive, ["a.docx", "a.gz", "zip", "a.zip.txt"]))


def test_hidden_and_unwanted_members_are_passed_over(opened):
    files = {
        ".git/a.md": "x",
        "__MACOSX/a.md": "x",
        "a.exe": "x",
        "./dir//b.md": "b",
        "folder/": "",
    }
    assert opened(zip_file(files)) == [Member("dir/b.md", b"b")]
    assert opened(zip_file(files), wanted=lambda path: path.endswith(".exe")) == [
        Member("a.exe", b"x")
    ]


@pytest.mark.parametrize("path", ["../a.md", "dir/../../a.md", "/etc/a.md", "C:\\a.md", "..\\a.md"])
@pytest.mark.parametrize("make", [zip_file, tar_file])
def test_paths_that_lead_out_are_refused(opened, make, path):
    name = "a.zip" if make is zip_file else "a.tar.gz"
    evil, good = opened(make({path: b"evil", "b.md": b"b"}), name)
    assert isinstance(evil, RefusedMember)
    assert evil.reason == "its path leads out of the archive"
    assert good == Member("b.md", b"b")


def test_backslashes_are_slashes(opened):
    assert opened(tar_file({"dir\\a.md": b"x"}), "a.tar.gz") == [Member("dir/a.md", b"x")]


def test_names_that_are_not_utf_8_are_escaped(opened):
    name = b"caf\xe9.md".decode("utf-8", "surrogateescape")
    assert opened(tar_file({name: b"x"}), "a.tar.gz") == [Member(r"caf\xe9.md", b"x")]


def test_links_and_devices_are_no_members(opened):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("link.md")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert opened(buffer.getvalue(), "a.tar") == []


def test_archives_in_archives_are_opened_to_a_depth(opened):
    data = zip_file({"x.md": "deep"})
    for _ in range(3):
        data = zip_file({"in.zip": data, "y.md": "y"})
    found = opened(data, limits=ArchiveLimits(depth=3))
    assert [event.path for event in found] == [
        "in.zip!/in.zip!/in.zip",
        "in.zip!/in.zip!/y.md",
        "in.zip!/y.md",
        "y.md",
    ]
    assert isinstance(found[0], RefusedMember)
    assert found[0].reason == "is an archive 3 levels deep: unpack it yourself"


def test_an_inner_archive_that_is_damaged_does_not_end_the_outer(opened):
    found = opened(zip_file({"bad.tar.gz": b"\x1f\x8bno", "bad.zip": b"no", "b.md": "b"}))
    assert [type(event) for event in found] == [RefusedMember, RefusedMember, Member]


def test_two_members_of_one_name_are_one(opened):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.md", "1")
        archive.writestr("./a.md", "2")
    first, second = opened(buffer.getvalue())
    assert first == Member("a.md", b"1")
    assert second == RefusedMember("a.md", "the archive holds another file of this name")


def test_zip_bombs_are_refused(opened):
    found = opened(zip_file({"bomb.txt": bytes(SMALL + 1), "b.md": "b"}))
    assert found == [
        RefusedMember(
            "bomb.txt", "would unpack to over 200 times its size (a decompression bomb?)"
        ),
        Member("b.md", b"b"),
    ]


def test_a_zip_that_understates_its_sizes_gives_no_more_than_it_states(opened):
    data = bytearray(zip_file({"bomb.txt": b"x" * 100_000}))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = data.index(signature) + offset
        data[place : place + 4] = struct.pack("<I", 10)
    (found,) = opened(bytes(data))
    assert isinstance(found, RefusedMember)
    assert found.reason.startswith("is damaged: Bad CRC-32")


@pytest.mark.parametrize(("mode", "name"), [("w:gz", "a.tar.gz"), ("w:bz2", "a.tar.bz2")])
def test_tar_bombs_end_the_archive_even_where_they_are_passed_over(opened, mode, name):
    bomb = tar_file({"bomb.exe": bytes(2 * SMALL), "b.md": b"b"}, mode)
    assert len(bomb) < SMALL // 200
    with pytest.raises(ReadError, match="over 200 times its size"):
        opened(bomb, name)


def test_limits_hold_over_all_archives_in_one_another(opened):
    inner = zip_file({f"{number}.md": b"x" * 1000 for number in range(10)})
    nested = zip_file({"1.zip": inner, "2.zip": inner}, zipfile.ZIP_STORED)
    assert len(opened(nested)) == 20
    with pytest.raises(ReadError, match=r"^a\.zip: unpacks to more than"):
        opened(nested, limits=ArchiveLimits(total=20_000))
    with pytest.raises(ReadError, match=r"^a\.zip: has more than the 15 members allowed"):
        opened(nested, limits=ArchiveLimits(members=15))
    first = opened(nested, limits=ArchiveLimits(member=100))[0]
    assert first == RefusedMember("1.zip", "would unpack to 0 MiB, more than the 0 allowed")


def test_encrypted_members_say_so(opened):
    data = bytearray(zip_file({"a.md": "secret"}))
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(signature) + offset] |= 1
    (found,) = opened(bytes(data))
    assert isinstance(found, RefusedMember)
    assert found.reason == "is encrypted: give its password, or unpack it yourself"
    (found,) = opened(bytes(data), passwords=("wrong", "worse"))
    assert isinstance(found, RefusedMember)
    assert found.reason.startswith("is encrypted: no password fits")


def test_archives_that_are_none(tmp_path, opened):
    with pytest.raises(ReadError, match="is damaged or not a ZIP archive"):
        opened(b"no archive")
    with pytest.raises(ReadError, match="is damaged or not a tar archive"):
        opened(b"no archive" * 100, "a.tar.gz")
    with pytest.raises(ReadError, match="cannot be opened: no such file"):
        list(members(tmp_path / "none.zip"))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_archives_are_read_or_refused(tmp_path: Path, data: st.DataObject):
    name, made = data.draw(
        st.sampled_from([("a.zip", zip_file(FILES)), ("a.tar.gz", tar_file(FILES))])
    )
    broken = bytearray(made)
    for _ in range(data.draw(st.integers(0, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(broken[: data.draw(st.integers(0, len(broken)))])
    try:
        for event in members(path):
            assert event.path
            assert ".." not in event.path.split("/")
    except ReadError:
        return
