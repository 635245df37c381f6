"""E-mail: one message (.eml) or many (.mbox), with their attachments read by their own readers."""

from __future__ import annotations

import contextlib
import email
import re
from collections.abc import Iterator, Sequence
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from email.utils import parsedate_to_datetime
from pathlib import PurePath

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.archives import SEPARATOR
from ragkit.ingest.readers.building import Builder
from ragkit.ingest.readers.extracted import Extracted, MetadataValue
from ragkit.ingest.readers.options import ReadOptions
from ragkit.ingest.readers.plain import paragraphs

_FROM_LINE = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)
_ESCAPED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_QUOTE = re.compile(r"(?:[ \t]*>[^\n]*(?:\n|\Z))+")
_HEADERS = ("From", "To", "Cc", "Date")
_LONGEST_HEADER = 4000
"""Characters of a header that are looked at: some name thousands of receivers."""

_DEEPEST = 4
"""Messages in one another, and attachments in them, that are opened."""


def read(data: bytes, *, name: str, options: ReadOptions | None = None) -> Extracted:
    """Read an e-mail, or a mailbox of many by the suffix .mbox.

    A message is its subject as heading, who wrote to whom and when, and its text (the plain form
    where there is one, else the HTML form); what it quotes is marked as quotation. Attachments
    that a reader knows follow, each under its name. Those that cannot be read are warnings.

    Args:
        data: The file's bytes.
        name: The file's name, for errors; its suffix tells a mailbox from a message.
        options: For the readers of attachments.

    Raises:
        ReadError: It is no e-mail.
    """
    options = options or ReadOptions()
    builder = Builder()
    if PurePath(name).suffix.lower() == ".mbox":
        count = 0
        for raw in _messages(data, name):
            _add_message(builder, _parse(raw), name, options, level=1)
            count += 1
        return builder.build("application/mbox", metadata={"messages": float(count)})
    message = _parse(data)
    if not any(message.get(key) for key in ("From", "To", "Subject", "Date", "Message-ID")):
        raise ReadError(name, "is no e-mail: it has no sender, receiver, subject or date")
    _add_message(builder, message, name, options, level=1)
    metadata = _metadata(message)
    return builder.build(
        "message/rfc822", title=_header(message, "Subject") or None, metadata=metadata
    )


def _messages(data: bytes, name: str) -> Iterator[bytes]:
    """Yield a mailbox's messages: what stands between lines that begin with `From `."""
    start = _FROM_LINE.match(data)
    if start is None:
        raise ReadError(name, "is no mailbox: it does not begin with a line `From ...`")
    begin = start.end()
    for match in _FROM_LINE.finditer(data, begin):
        # Only behind a blank line; in a text the line should have been escaped, but often is not.
        if data[max(match.start() - 3, 0) : match.start()].endswith((b"\n\n", b"\n\r\n")):
            yield _ESCAPED_FROM.sub(rb"\1", data[begin : match.start()])
            begin = match.end()
    yield _ESCAPED_FROM.sub(rb"\1", data[begin:])


class _Bounded(EmailPolicy):
    """The library's policy with bounded headers: its parser takes quadratic time over them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return a header's name and value."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


_POLICY = _Bounded()


def _parse(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=_POLICY)
    assert isinstance(message, EmailMessage)
    return message


def _add_message(
    builder: Builder, message: EmailMessage, name: str, options: ReadOptions, level: int
) -> None:
    subject = _header(message, "Subject")
    builder.add("heading", subject or "(no subject)", level=level)
    lines = [f"{key}: {value}" for key in _HEADERS if (value := _header(message, key))]
    builder.add("paragraph", "\n".join(lines))
    _add_body(builder, message, name, level)
    for attachment in _attachments(message):
        _add_attachment(builder, attachment, name, options, level + 1)


def _header(message: Message, key: str) -> str:
    try:
        value = message.get(key)
    except Exception:  # noqa: BLE001 the header parser fails on some damaged headers
        return ""
    text = " ".join(str(value or "").split())
    return text.encode("utf-8", "replace").decode()


def _add_body(builder: Builder, message: EmailMessage, name: str, level: int) -> None:
    try:
        body = message.get_body(("plain", "html"))
    except Exception as error:  # noqa: BLE001 as above, of its parts
        builder.warnings.append(f"a message's text cannot be read: {error}")
        return
    if body is None:
        return
    if body.get_content_type() == "text/html":
        from ragkit.ingest.readers import html

        try:
            # The charset is the message's to say, so the page goes in decoded.
            page = html.read(_text(body).encode("utf-8", "replace"), name=name)
        except ReadError as error:
            builder.warnings.append(f"a message's text cannot be read: {error.reason}")
        else:
            builder.add_document(page, deeper=level)
        return
    _add_plain(builder, _flowed(body, _text(body)))


def _text(part: Message) -> str:
    """Return a part's text; a charset that is unknown or wrong costs characters, not the text."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset("utf-8")
    try:
        return data.decode(charset)
    except (LookupError, UnicodeError):
        from ragkit.ingest.readers.decoding import decode

        try:
            return decode(data, name="").text
        except ReadError:
            return data.decode("utf-8", "replace")


def _flowed(part: Message, text: str) -> str:
    """Join the lines of `format=flowed` (RFC 3676): a space at a line's end goes on."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        line = line.removeprefix(" ")  # stuffed
        if lines and lines[-1].endswith(" ") and lines[-1] != "-- " and not line.startswith(">"):
            lines[-1] += line
        else:
            lines.append(line)
    return "\n".join(lines)


def _add_plain(builder: Builder, text: str) -> None:
    """Add plain text: paragraphs, and quotations by their `>`."""
    position = 0
    for match in [*_QUOTE.finditer(text), None]:
        between = text[position : match.start() if match else len(text)]
        for block in paragraphs(between):
            builder.add("paragraph", between[block.start : block.end])
        if match is not None:
            builder.add("quote", match[0])
            position = match.end()


def _attachments(message: EmailMessage) -> Sequence[Message]:
    try:
        return list(message.iter_attachments())
    except Exception:  # noqa: BLE001 a message that is its own single part, or damaged
        return ()


def _add_attachment(
    builder: Builder, part: Message, name: str, options: ReadOptions, level: int
) -> None:
    from ragkit.ingest.readers import find_reader
    from ragkit.ingest.readers import read as read_any

    title = " ".join((part.get_filename() or "").split())
    inner = f"{name}{SEPARATOR}{title or 'attachment'}"
    if part.get_content_type() == "message/rfc822":
        forwarded = part.get_payload(0) if part.is_multipart() else None
        if isinstance(forwarded, EmailMessage) and level <= _DEEPEST:
            _add_message(builder, forwarded, inner, options, level)
        return
    if not title or find_reader(title) is None:
        if title:
            builder.warnings.append(f"an attachment was left out: no reader for {title[:200]!r}")
        return
    if name.count(SEPARATOR) >= _DEEPEST:
        builder.warnings.append(f"an attachment was left out: {title[:200]!r} is too deep")
        return
    payload = part.get_payload(decode=True)
    try:
        document = read_any(
            payload if isinstance(payload, bytes) else b"", name=inner, options=options
        )
    except ReadError as error:
        builder.warnings.append(f"attachment {title[:200]!r} {error.reason}")
        return
    builder.add("heading", title, level=level)
    builder.add_document(document, deeper=level)
    builder.warnings += [f"attachment {title[:200]!r}: {warning}" for warning in document.warnings]


def _metadata(message: EmailMessage) -> dict[str, MetadataValue]:
    found: dict[str, MetadataValue] = {}
    if sender := _header(message, "From"):
        found["author"] = sender
    if receivers := _header(message, "To"):
        found["to"] = receivers
    with contextlib.suppress(ValueError, TypeError, OverflowError, IndexError):
        found["date"] = parsedate_to_datetime(_header(message, "Date")).date().isoformat()
    return found
