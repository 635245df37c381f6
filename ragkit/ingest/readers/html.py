"""HTML: the main content as text, without navigation, scripts and other boilerplate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Extracted, MetadataValue
from ragkit.ingest.readers.html_text import TextBuilder, collapse, walk

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)")
_EMPTY = re.compile(
    rb"<(title|script|style|a|p|div|span|i|b|em|strong|td|th|li|h[1-6]|iframe|textarea|section)"
    rb"((?:\s[^<>]{0,2000}?)?)/>",
    re.IGNORECASE,
)
_LATIN_1 = frozenset({"iso-8859-1", "iso8859-1", "latin1", "latin-1", "us-ascii", "ascii"})

_NO_TEXT = (
    *("script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas"),
    *("audio", "video", "button", "input", "select", "textarea", "dialog", "map", "datalist"),
)
_MAIN = ("main", "[role=main]", "article")
_META = {
    "author": "author",
    "description": "description",
    "date": "date",
    "dcterms.date": "date",
    "article:published_time": "date",
}


def read(data: bytes, *, name: str) -> Extracted:
    """Read HTML.

    The text is that of `main` or the only `article` where there is one, else of the body without
    navigation, footers and the like: headings, paragraphs, lists (`- item`), tables (a row a
    line, cells between ` | `) and preformatted text, with white space as a browser shows it.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: These bytes are no text.
    """
    from selectolax.lexbor import LexborHTMLParser

    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml"):
        data = expand_empty(data)
    decoded = decode(data, name=name, declared=_declared(data))
    page = LexborHTMLParser(decoded.text)
    metadata = _metadata(page)
    metadata["encoding"] = decoded.encoding
    title_node = page.css_first("head title")
    title = collapse(title_node.text()) if title_node is not None else ""
    page.strip_tags(list(_NO_TEXT))
    builder = _build(page)
    if not title:
        title = next((block.label for block in builder.blocks if block.label), "")
    return Extracted(
        builder.text,
        tuple(builder.blocks),
        "text/html",
        title or None,
        metadata,
        decoded.warnings,
    )


def expand_empty(data: bytes) -> bytes:
    """Return XHTML with `<title/>` and the like written out.

    To a parser of HTML these are mere openings, and a title that never ends swallows the page.
    """
    return _EMPTY.sub(rb"<\1\2></\1>", data)


def _build(page: LexborHTMLParser) -> TextBuilder:
    body = page.body
    whole = TextBuilder()
    if body is None:
        return whole
    length = len(collapse(body.text()))
    for selector in _MAIN:
        found = page.css(f"body {selector}")
        if len(found) == 1:
            builder = TextBuilder()
            walk(found[0], builder, in_main=True)
            # A token `main` beside the real content would lose it.
            if 4 * len(builder.text) >= length or len(builder.text) > 2000:
                return builder
    walk(body, whole, in_main=False)
    if not whole.text:
        # A page of nothing but navigation: better that than nothing.
        walk(body, whole, in_main=False, keep_all=True)
    return whole


def _declared(data: bytes) -> str | None:
    head = data[:4096]
    match = _XML_ENCODING.match(head.lstrip()) or _CHARSET.search(head)
    if match is None:
        return None
    charset = match[1].decode("ascii", "replace").lower()
    # As browsers do (WHATWG Encoding): Latin-1 means Windows-1252.
    return "cp1252" if charset in _LATIN_1 else charset


def _metadata(page: LexborHTMLParser) -> dict[str, MetadataValue]:
    found: dict[str, MetadataValue] = {}
    for node in page.css("meta"):
        key = _attribute(node, "name") or _attribute(node, "property")
        content = collapse(_attribute(node, "content"))
        if key.lower() in _META and content:
            found.setdefault(_META[key.lower()], content)
        elif key.lower() == "keywords" and content:
            words = (word.strip() for word in content.split(","))
            found["keywords"] = tuple(word for word in words if word)
    root = page.root
    language = _attribute(root, "lang") if root is not None else ""
    if language:
        found["language"] = language
    canonical = page.css_first("link[rel=canonical]")
    if canonical is not None and (url := _attribute(canonical, "href")):
        found["url"] = url
    return found


def _attribute(node: LexborNode, name: str) -> str:
    return (node.attributes.get(name) or "").strip()
