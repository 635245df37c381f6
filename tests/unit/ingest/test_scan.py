import os
from collections.abc import Iterable

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ragkit.ingest.errors import MissingPathError, SameNameError
from ragkit.ingest.scan import (
    RootDone,
    ScanEvent,
    Skipped,
    SourceFile,
    Unreadable,
    is_selected,
    printable,
    scan,
)


@pytest.fixture
def library(tmp_path):
    root = tmp_path / "library"
    names = ["guide.md", "b.txt", "image.png", "docs/a.md", "docs/deep/c.html", "docs/deep/d.MD"]
    for name in [*names, ".hidden.md", ".git/config.md", "__pycache__/x.md", "LICENSE"]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def sources(events: Iterable[ScanEvent]) -> list[str]:
    return [event.source for event in events if isinstance(event, SourceFile)]


def test_sources_are_named_below_the_folders_own_name_in_order(library):
    events = list(scan([library]))
    assert sources(events) == [
        "library/b.txt",
        "library/docs/a.md",
        "library/docs/deep/c.html",
        "library/docs/deep/d.MD",
        "library/guide.md",
    ]
    assert {event.root for event in events} == {"library"}
    assert events[-1] == RootDone(library, "library", complete=True)


def test_other_types_are_skipped_and_said_so(library):
    skipped = {e.source: e.reason for e in scan([library]) if isinstance(e, Skipped)}
    assert skipped == {
        "library/LICENSE": "no reader for a file without suffix",
        "library/image.png": "no reader for .png",
    }


def test_a_file_given_itself_is_taken_whatever_its_type(library):
    events = list(scan([library / "LICENSE", library / ".hidden.md"], include=["*.txt"]))
    assert sources(events) == ["LICENSE", ".hidden.md"]
    assert [e for e in events if isinstance(e, RootDone)] == [
        RootDone(library / "LICENSE", "LICENSE", complete=True),
        RootDone(library / ".hidden.md", ".hidden.md", complete=True),
    ]


def test_dot_is_the_folder_it_stands_for(library, monkeypatch):
    monkeypatch.chdir(library / "docs")
    assert sources(scan(["."])) == ["docs/a.md", "docs/deep/c.html", "docs/deep/d.MD"]
    assert sources(scan([".."]))[0] == "library/b.txt"
    assert sources(scan(["deep"])) == ["deep/c.html", "deep/d.MD"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.md"], [], ["docs/a.md", "guide.md"]),
        (["docs/**"], [], ["docs/a.md", "docs/deep/c.html", "docs/deep/d.MD"]),
        (["docs/*"], [], ["docs/a.md"]),
        (["**/*.html"], [], ["docs/deep/c.html"]),
        (["**/*.md"], [], ["docs/a.md", "guide.md"]),
        ([], ["docs"], ["b.txt", "guide.md"]),
        ([], ["docs/"], ["b.txt", "guide.md"]),
        ([], ["docs/**"], ["b.txt", "guide.md"]),
        ([], ["docs/deep"], ["b.txt", "docs/a.md", "guide.md"]),
        ([], ["?.*", "[!a-f]*.md"], []),
        (["[ag]*"], [], ["docs/a.md", "guide.md"]),
        (["nothing"], [], []),
    ],
)
def test_patterns(library, include, exclude, expected):
    found = sources(scan([library], include=include, exclude=exclude))
    assert found == [f"library/{name}" for name in expected]
    every = ["b.txt", "docs/a.md", "docs/deep/c.html", "docs/deep/d.MD", "guide.md"]
    assert [name for name in every if is_selected(name, include, exclude)] == expected


@settings(deadline=None)
@given(st.text("ab*?[]!/.^-\\&", max_size=12), st.text("ab/.", min_size=1, max_size=8))
def test_no_pattern_is_an_error(pattern, name):
    assert is_selected(name, [pattern]) in (True, False)


def test_loops_of_links_end_and_nothing_comes_twice(library):
    (library / "docs" / "loop").symlink_to(library)
    (library / "docs" / "z.md").symlink_to(library / "docs" / "a.md")
    found = sources(scan([library, library / "docs" / "a.md"]))
    assert len(found) == len(set(found)) == 5


def test_a_link_to_nowhere_leaves_its_root_incomplete(library):
    (library / "away").symlink_to(library / "not mounted")
    (library / "away.md").symlink_to(library / "not mounted.md")
    events = list(scan([library]))
    (skipped,) = [e for e in events if isinstance(e, Skipped) and e.source == "library/away"]
    assert skipped.reason == "is a link to nothing"
    (unreadable,) = [event for event in events if isinstance(event, Unreadable)]
    assert unreadable.source == "library/away.md"
    assert unreadable.reason == "cannot be opened: no such file or directory"
    assert events[-1] == RootDone(library, "library", complete=False)
    assert len(sources(events)) == 5


def test_an_unreadable_folder_is_reported_and_ends_nothing(library, monkeypatch):
    # Permission bits do not stop the superuser, as whom tests may run.
    scandir = os.scandir

    def refuse(path):
        if path == library / "docs":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    events = list(scan([library]))
    assert (
        Unreadable(
            library / "docs", "library/docs", "library", "cannot be opened: permission denied"
        )
        in events
    )
    assert sources(events) == ["library/b.txt", "library/guide.md"]
    assert events[-1] == RootDone(library, "library", complete=False)


def test_special_files_are_not_read(library):
    os.mkfifo(library / "pipe.txt")
    skipped = [
        e for e in scan([library]) if isinstance(e, Skipped) and e.source.endswith("pipe.txt")
    ]
    assert [event.reason for event in skipped] == ["is no regular file"]


def test_names_that_are_not_utf_8(library):
    name = b"caf\xe9.md"
    (library / os.fsdecode(name)).write_text("x")
    assert r"library/caf\xe9.md" in sources(scan([library]))
    assert printable("straße/日本.md") == "straße/日本.md"


def test_a_missing_path_is_named_before_anything_else(library):
    with pytest.raises(MissingPathError, match=r"no such file or folder: .*nowhere"):
        scan([library, library / "nowhere"])


def test_two_folders_of_one_name_are_refused(library, tmp_path):
    other = tmp_path / "other" / "library"
    other.mkdir(parents=True)
    with pytest.raises(SameNameError, match="would both be called 'library' in the corpus"):
        scan([library, other])
    assert len(sources(scan([library, library]))) == 5
