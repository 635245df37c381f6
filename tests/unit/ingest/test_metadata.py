"""What the user says of files, from the command line, paths, folders and files beside files."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given

from ragkit.ingest import MetadataError, ReadError
from ragkit.ingest.metadata import (
    MAX_SIDECAR_BYTES,
    RESERVED,
    GivenMetadata,
    PathPattern,
    parse_sidecar,
)
from ragkit.ingest.prepare import FileTask, Splitting, prepare
from ragkit.ingest.scan import SourceFile, scan


@pytest.mark.parametrize(
    ("pattern", "source", "found"),
    [
        ("r/{year:int}/{team}/*", "r/2023/sales/a.pdf", {"year": 2023, "team": "sales"}),
        ("{year:int}/{team}/*", "reports/2023/sales/a.pdf", {"year": 2023, "team": "sales"}),
        ("reports/{year:int}/{team}/*", "reports/2023/sales/deep/a.pdf", None),
        (
            "reports/{year:int}/{team}/**",
            "reports/2023/sales/deep/a.pdf",
            {"year": 2023, "team": "sales"},
        ),
        ("reports/{year:int}/*", "reports/latest/a.pdf", None),
        ("**/{name}.{kind}", "reports/x/y/a.b.pdf", {"name": "a", "kind": "b.pdf"}),
        ("{share:number}-*", "r/-0.5-x.md", {"share": -0.5}),
        ("{tags:list}/*", "r/a, b,c/x.md", {"tags": ["a", "b", "c"]}),
        ("./r/{odd key!}/*", "r/v/x.md", {"odd key!": "v"}),
        ("{a}+(b)/*", "r/x+(b)/y.md", {"a": "x"}),
    ],
)
def test_what_a_path_says(pattern, source, found):
    assert PathPattern(pattern).match(source) == found


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("reports/*", "no placeholder"),
        ("{year:date}/*", "no type 'date'"),
        ("{a}/{a}", "comes twice"),
        ("{a/*", "brace"),
        ("{a}}/*", "brace"),
        ("{}/*", "without a name"),
        ("{sha256}/*", "kept for ragkit"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_with_its_reason(pattern, says):
    with pytest.raises(MetadataError, match=says) as caught:
        PathPattern(pattern)
    assert pattern in str(caught.value)


NAMES = st.text(st.characters(exclude_characters="/{}\0", exclude_categories=["Cs"]), min_size=1)


@given(NAMES, NAMES, st.integers(-(10**6), 10**6))
def test_a_pattern_gives_back_what_a_path_was_made_of(team, name, year):
    found = PathPattern("r/{year:int}/{team}/*").match(f"r/{year}/{team}/{name}")
    assert found == {"year": year, "team": team}


def test_yaml_is_typed_as_the_command_line_is():
    text = b"""
        year: 2024
        share: 0.5
        zip: 01234
        version: 1.10
        quoted: "7"
        country: no
        day: 2024-05-01
        nothing: null
        tags: [a, 7, "x y"]
        empty: []
        long: >
            folded
            text
    """
    assert parse_sidecar(text) == {
        "year": 2024.0,
        "share": 0.5,
        "zip": "01234",
        "version": "1.10",
        "quoted": "7",
        "country": "no",
        "day": "2024-05-01",
        "tags": ["a", "7", "x y"],
        "empty": [],
        "long": "folded text\n",
    }
    assert parse_sidecar(b"") == parse_sidecar(b"# nothing\n") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"- a\n- b\n", "keys with their values"),
        (b"just words", "keys with their values"),
        (b"a: 1\na: 2\n", "line 2: 'a' comes twice"),
        (b"a:\n  b: 1\n", "line 2: 'a' holds more"),
        (b"a: [[1]]\n", "'a' holds more"),
        (b"a: [1\n", "no valid YAML"),
        (b"a: \xff\xfe\n", "no valid YAML"),
        (b"sha256: x\n", "kept for ragkit"),
        (b"[a]: x\n", "without a name"),
        (b"a: " + b"x" * MAX_SIDECAR_BYTES, "larger than"),
        (b"[" * 5000, "no valid YAML"),
    ],
)
def test_a_sidecar_that_cannot_be_used_says_why(text, says):
    with pytest.raises(MetadataError, match=says):
        parse_sidecar(text)


PLAIN = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(-(2**24), 2**24).map(float),
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))),
)


@given(
    st.dictionaries(
        st.text("abcXYZ_0-", min_size=1).filter(lambda key: key not in RESERVED), PLAIN, max_size=5
    )
)
def test_what_yaml_writes_is_read_back(values):
    # YAML writes 1e+16 where Python prints 1e16: such numbers are compared as numbers.
    found = parse_sidecar(yaml.safe_dump(values, allow_unicode=True).encode())
    assert found.keys() == values.keys()
    for key, value in values.items():
        if isinstance(value, float) and isinstance(found[key], str):
            assert float(str(found[key])) == value
        else:
            assert found[key] == value


@given(st.binary(max_size=200))
def test_any_bytes_are_metadata_or_refused(data):
    try:
        found = parse_sidecar(data)
    except MetadataError:
        return
    assert all(isinstance(value, (str, float, list)) for value in found.values())


@pytest.fixture
def archive(tmp_path):
    root = tmp_path / "archive"
    for name in ("2023/sales/a.md", "2023/sales/b.md", "2024/c.md"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\nauthor: {path.stem}\n---\n# {path.stem}\n\nText.\n")
    return root


def said(root: Path, name: str, given_metadata: GivenMetadata) -> dict[str, object]:
    path = root / name
    file = SourceFile(path, f"{root.name}/{name}", root.name)
    metadata = given_metadata.of(file, root)
    task = FileTask(path, file.source, root.name, str(root), Splitting(), metadata)
    own = {*RESERVED, "encoding"}
    return {k: v for k, v in prepare(task).metadata.items() if k not in own}


def test_what_is_nearer_to_a_file_wins(archive):
    (archive / "_meta.yaml").write_text("level: archive\nteam: none\nauthor: nobody\nowner: x\n")
    (archive / "2023" / "_meta.yml").write_text("level: year\n")
    (archive / "2023/sales/a.md.meta.yaml").write_text("author: Ann\ntitle: Better\nowner: y\n")
    rules = GivenMetadata({"owner": "z", "rank": 1}, ["{year:int}/{team}/*", "**/{level}/*"])
    assert said(archive, "2023/sales/a.md", rules) == {
        "author": "Ann",  # its sidecar over its front matter
        "title": "Better",
        "owner": "z",  # given for all over everything
        "rank": 1.0,
        "year": 2023.0,
        "team": "none",  # a folder's sidecar over the path
        "level": "year",  # the nearer folder
    }
    assert said(archive, "2023/sales/b.md", rules)["author"] == "b"  # the file over its folder
    assert said(archive, "2024/c.md", rules) == {
        "author": "c",
        "title": "c",
        "owner": "z",
        "rank": 1.0,
        "level": "archive",
        "team": "none",
    }


def test_a_file_given_itself_has_the_sidecars_of_its_folder(archive):
    path = archive / "2024/c.md"
    (archive / "_meta.yaml").write_text("above: 1\n")
    (archive / "2024/_meta.yaml").write_text("beside: 1\n")
    found = GivenMetadata().of(SourceFile(path, "c.md", "c.md"), path)
    assert found.general == {"beside": 1.0}


def test_sidecars_are_no_documents(archive):
    (archive / "_meta.yaml").write_text("a: 1\n")
    (archive / "2024/c.md.meta.yaml").write_text("a: 1\n")
    names = [event.path.name for event in scan([archive])]
    assert names == ["a.md", "b.md", "c.md", "archive"]


def test_a_broken_sidecar_leaves_its_files_out_and_is_named(archive):
    (archive / "2023/sales/_meta.yaml").write_text("a: [\n")
    rules = GivenMetadata()
    with pytest.raises(ReadError, match=r"_meta\.yaml: is no valid YAML"):
        said(archive, "2023/sales/a.md", rules)
    assert said(archive, "2024/c.md", rules) == {"author": "c", "title": "c"}


def test_more_keys_than_the_api_takes_are_refused_not_dropped(archive):
    most = {f"key{number}": "x" for number in range(13)}
    assert said(archive, "2024/c.md", GivenMetadata(most)) == most
    with pytest.raises(ReadError, match=r"14 metadata keys .* room for 13"):
        said(archive, "2024/c.md", GivenMetadata({**most, "one": "more"}))


def test_what_a_file_says_of_itself_gives_way_aloud(archive):
    path = archive / "2024/c.md"
    rules = GivenMetadata({f"key{number}": "x" for number in range(12)})
    file = SourceFile(path, "archive/2024/c.md", "archive")
    task = FileTask(path, file.source, "archive", "", Splitting(), rules.of(file, archive))
    prepared = prepare(task)
    assert len(prepared.metadata) == 20
    (warning,) = prepared.warnings
    assert "author" in warning
    assert "20 keys" in warning


def test_other_metadata_are_another_pipeline_and_none_are_none(archive):
    path = archive / "2024/c.md"
    file = SourceFile(path, "archive/2024/c.md", "archive")

    def fingerprint(rules: GivenMetadata) -> str:
        return FileTask(path, "", "", "", Splitting(), rules.of(file, archive)).fingerprint

    plain = fingerprint(GivenMetadata())
    assert plain == Splitting().fingerprint
    others = [GivenMetadata({"a": 1}), GivenMetadata({"a": 2}), GivenMetadata(None, ["{y}/*"])]
    assert len({plain, *map(fingerprint, others)}) == 4
