"""E-mail, mailboxes and subtitles."""

import email
import email.policy

import pytest

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers import Extracted, read

from .sample_files import SRT, VTT, eml_file, mbox_file, message

HEAD = "From: Ann <ann@example.org>\nTo: bob@example.org\nDate: Tue, 02 Jan 2024 03:04:05 +0000"


def parts(extracted: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


def test_a_message_is_its_subject_people_text_and_attachments():
    extracted = read(eml_file(), name="a.eml")
    assert parts(extracted) == [
        ("heading", "Tea"),
        ("paragraph", HEAD),
        ("paragraph", "Green or black?"),
        ("quote", "> Do you take tea?\n> Or coffee?"),
        ("paragraph", "Best, Ann"),
        ("heading", "menu.md"),
        ("heading", "# Menu"),
        ("paragraph", "Tea and rice."),
        ("heading", "Forwarded"),
        ("paragraph", HEAD),
        ("paragraph", "The inner text."),
    ]
    assert [block.level for block in extracted.blocks if block.level] == [1, 2, 3, 2]
    assert extracted.title == "Tea"
    assert dict(extracted.metadata) == {
        "author": "Ann <ann@example.org>",
        "to": "bob@example.org",
        "date": "2024-01-02",
    }
    left_out, damaged = extracted.warnings
    assert left_out == "an attachment was left out: no reader for 'a.png'"
    assert damaged.startswith("attachment 'bad.pdf' is damaged or no PDF")


def test_html_is_read_where_there_is_no_plain_text():
    made = message()
    made.clear_content()
    made.set_content("<h1>Big</h1><p>Caf\xe9</p>", subtype="html", charset="latin-1")
    extracted = read(made.as_bytes(), name="a.eml")
    assert parts(extracted)[2:] == [("heading", "Big"), ("paragraph", "Caf\xe9")]
    assert [block.level for block in extracted.blocks if block.level] == [1, 2]


def test_flowed_lines_are_one_paragraph():
    raw = (
        b"Subject: s\nContent-Type: text/plain; format=flowed\n\n"
        b"One line \ngoes on.\nNext.\n-- \nAnn\n"
    )
    assert parts(read(raw, name="a.eml"))[1:] == [
        ("paragraph", "One line goes on.\nNext.\n-- \nAnn")
    ]


@pytest.mark.parametrize("charset", ["no-such-charset", "us-ascii"])
def test_wrong_charsets_do_not_lose_the_text(charset):
    raw = f"Subject: s\nContent-Type: text/plain; charset={charset}\n\n".encode() + (
        "Gr\xfc\xdfe aus K\xf6ln".encode()
    )
    assert parts(read(raw, name="a.eml"))[-1][1] == "Gr\xfc\xdfe aus K\xf6ln"


def test_encoded_subjects_are_decoded():
    raw = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nx"
    assert read(raw, name="a.eml").title == "Gr\xfc\xdfe"


def test_messages_in_messages_end_somewhere():
    made = message("innermost")
    for _ in range(30):
        outer = message("outer")
        outer.add_attachment(made)
        made = outer
    text = read(made.as_bytes(), name="a.eml").text
    assert 2 <= text.count("outer") <= 10
    assert "innermost" not in text


def test_what_is_no_message_is_refused():
    with pytest.raises(ReadError, match="is no e-mail: it has no sender"):
        read(b"just a text\n\nof two paragraphs", name="a.eml")
    with pytest.raises(ReadError, match="is no mailbox: it does not begin"):
        read(b"Subject: s\n\nx", name="a.mbox")


def test_a_mailbox_is_its_messages(tmp_path):
    extracted = read(mbox_file(tmp_path), name="a.mbox")
    assert [(kind, body) for kind, body in parts(extracted) if body != HEAD] == [
        ("heading", "One"),
        ("paragraph", "From the first line on.\nFrom the second."),
        ("heading", "Two"),
        ("paragraph", "Another."),
    ]
    assert extracted.metadata["messages"] == 2.0


def test_a_line_that_begins_with_from_ends_no_message():
    raw = b"From x\nSubject: s\n\nHello\nFrom here on.\n\nFrom y\nSubject: t\n\nBye\n"
    extracted = read(raw, name="a.mbox")
    assert [block.label for block in extracted.blocks if block.label] == ["s", "t"]
    assert "From here on." in extracted.text


def test_the_sample_is_a_message_to_others_too():
    parsed = email.message_from_bytes(eml_file(), policy=email.policy.default)
    assert parsed["Subject"] == "Tea"


def test_subtitles_are_paragraphs_with_their_time():
    extracted = read(SRT.encode(), name="a.srt")
    assert parts(extracted) == [
        ("paragraph", "[0:00:01] Hello there, my friend."),
        ("paragraph", "[0:01:05] After a pause."),
    ]
    assert extracted.metadata["duration"] == 66.0
    extracted = read(VTT.encode(), name="a.vtt")
    assert parts(extracted) == [
        ("paragraph", "[0:00:01] Ann: Tea & rice?"),
        ("paragraph", "[1:00:02] Bob: Rice, please."),
    ]
    assert extracted.media_type == "text/vtt"


def test_cues_without_blank_lines_between_them():
    raw = "1\n00:00:01,000 --> 00:00:02,000\nOne.\n2\n00:00:02,000 --> 00:00:03,000\nTwo.\n"
    assert read(raw.encode(), name="a.srt").text == "[0:00:01] One. Two."


def test_long_talks_are_cut_at_sentences():
    cues = [
        f"00:{s // 60:02d}:{s % 60:02d}.000 --> 00:{s // 60:02d}:{s % 60:02d}.900\n"
        + ("This sentence goes on" if s % 2 else "and ends here.")
        for s in range(200)
    ]
    extracted = read(("WEBVTT\n\n" + "\n\n".join(cues)).encode(), name="a.vtt")
    assert len(extracted.blocks) > 5
    assert all(body.endswith("here.") for _, body in parts(extracted)[:-1])


def test_what_has_no_cue_is_refused():
    with pytest.raises(ReadError, match="holds no subtitles"):
        read(b"WEBVTT\n\nNOTE nothing\n", name="a.vtt")
