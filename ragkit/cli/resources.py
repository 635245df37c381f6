"""`ragkit corpora`, `ragkit documents` and `ragkit chunks`: the resources, method by method."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any

import click

from ragkit.api.base import ProtoModel
from ragkit.api.errors import InvalidArgument
from ragkit.api.names import corpus_name, document_name
from ragkit.cli.options import Session, parse_metadata, session_options, visible

_PAGE = 100
"""Asked for per request; the service gives at most what it allows."""

_name_option = click.option("--name", "display_name", metavar="TEXT", help="The display name.")
_meta_option = click.option(
    "--meta", multiple=True, metavar="KEY=VALUE", help="Metadata; repeat a key for a list."
)
_limit_option = click.option(
    "--limit", type=click.IntRange(1), help="Show the first so many; all by default."
)
_force_option = click.option("--force", is_flag=True, help="Delete what it holds as well.")


@click.group(name="corpora")
def corpora() -> None:
    """Work on corpora: collections of documents. CORPUS is an id such as `library`."""


@click.group(name="documents")
def documents() -> None:
    """Work on documents: DOCUMENT is CORPUS/ID, or its full name corpora/…/documents/…."""


@click.group(name="chunks")
def chunks() -> None:
    """Work on chunks: CHUNK is CORPUS/DOCUMENT/ID, or its full name corpora/…/chunks/…."""


@corpora.command("list")
@_limit_option
@session_options
def list_corpora(session: Session, limit: int | None) -> None:
    """List all corpora, oldest first."""
    with session.connect() as client:
        found = list(islice(client.corpora.list(page_size=_PAGE), limit))
    _print_list(session, "corpora", found, "no corpus yet: 'ragkit ingest PATH --corpus ID'")


@corpora.command("get")
@click.argument("corpus")
@session_options
def get_corpus(session: Session, corpus: str) -> None:
    """Show a corpus."""
    with session.connect() as client:
        _print_one(session, client.corpora.get(corpus))


@corpora.command("create")
@click.argument("corpus", required=False)
@_name_option
@session_options
def create_corpus(session: Session, corpus: str | None, display_name: str | None) -> None:
    """Create a corpus; without an id, one is derived from the display name."""
    with session.connect() as client:
        _print_one(session, client.corpora.create(corpus, display_name=display_name))


@corpora.command("update")
@click.argument("corpus")
@click.option("--name", "display_name", required=True, metavar="TEXT", help="The display name.")
@session_options
def update_corpus(session: Session, corpus: str, display_name: str) -> None:
    """Change a corpus' display name."""
    with session.connect() as client:
        _print_one(session, client.corpora.update(corpus, display_name=display_name))


@corpora.command("delete")
@click.argument("corpus")
@_force_option
@session_options
def delete_corpus(session: Session, corpus: str, force: bool) -> None:
    """Delete a corpus."""
    with session.connect() as client:
        client.corpora.delete(corpus, force=force)
    _print_deleted(session, corpus_name(corpus))


@documents.command("list")
@click.argument("corpus")
@_limit_option
@session_options
def list_documents(session: Session, corpus: str, limit: int | None) -> None:
    """List the documents of CORPUS, oldest first."""
    with session.connect() as client:
        found = list(islice(client.documents.list(corpus, page_size=_PAGE), limit))
    _print_list(session, "documents", found, "no document in it")


@documents.command("get")
@click.argument("document")
@session_options
def get_document(session: Session, document: str) -> None:
    """Show a document."""
    with session.connect() as client:
        _print_one(session, client.documents.get(document))


@documents.command("create")
@click.argument("corpus")
@click.argument("document", required=False)
@_name_option
@_meta_option
@session_options
def create_document(
    session: Session,
    corpus: str,
    document: str | None,
    display_name: str | None,
    meta: tuple[str, ...],
) -> None:
    """Create a document in CORPUS, with the id DOCUMENT or a derived one."""
    with session.connect() as client:
        created = client.documents.create(
            corpus, document, display_name=display_name, metadata=parse_metadata(meta)
        )
    _print_one(session, created)


@documents.command("update")
@click.argument("document")
@_name_option
@_meta_option
@session_options
def update_document(
    session: Session, document: str, display_name: str | None, meta: tuple[str, ...]
) -> None:
    """Change a document's display name, or replace its metadata."""
    if display_name is None and not meta:
        raise click.UsageError("say what to change: --name or --meta")
    with session.connect() as client:
        updated = client.documents.update(
            document, display_name=display_name, metadata=parse_metadata(meta)
        )
    _print_one(session, updated)


@documents.command("delete")
@click.argument("document")
@_force_option
@session_options
def delete_document(session: Session, document: str, force: bool) -> None:
    """Delete a document."""
    with session.connect() as client:
        client.documents.delete(document, force=force)
    _print_deleted(session, document_name(document))


@chunks.command("list")
@click.argument("document")
@_limit_option
@session_options
def list_chunks(session: Session, document: str, limit: int | None) -> None:
    """List the chunks of DOCUMENT, oldest first."""
    with session.connect() as client:
        found = list(islice(client.chunks.list(document, page_size=_PAGE), limit))
    _print_list(session, "chunks", found, "no chunk in it")


@chunks.command("get")
@click.argument("chunk")
@session_options
def get_chunk(session: Session, chunk: str) -> None:
    """Show a chunk."""
    with session.connect() as client:
        _print_one(session, client.chunks.get(chunk))


@chunks.command("create")
@click.argument("document")
@click.argument("text")
@click.option("--id", "chunk", metavar="ID", help="Its id; random by default.")
@_meta_option
@session_options
def create_chunk(
    session: Session, document: str, text: str, chunk: str | None, meta: tuple[str, ...]
) -> None:
    """Create a chunk in DOCUMENT; TEXT is `-` for standard input."""
    with session.connect() as client:
        created = client.chunks.create(
            document, _text(text), name=chunk, metadata=parse_metadata(meta)
        )
    _print_one(session, created)


@chunks.command("update")
@click.argument("chunk")
@click.option("--text", help="The new text, `-` for standard input.")
@_meta_option
@session_options
def update_chunk(session: Session, chunk: str, text: str | None, meta: tuple[str, ...]) -> None:
    """Change a chunk's text, or replace its metadata."""
    if text is None and not meta:
        raise click.UsageError("say what to change: --text or --meta")
    with session.connect() as client:
        updated = client.chunks.update(
            chunk, text=None if text is None else _text(text), metadata=parse_metadata(meta)
        )
    _print_one(session, updated)


@chunks.command("delete")
@click.argument("chunk")
@session_options
def delete_chunk(session: Session, chunk: str) -> None:
    """Delete a chunk."""
    with session.connect() as client:
        client.chunks.delete(chunk)
    _print_deleted(session, chunk)


def _text(argument: str) -> str:
    if argument != "-":
        return argument
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"standard input is not UTF-8: {error}") from None


def _print_deleted(session: Session, name: str) -> None:
    if session.as_json:
        session.print_json({})
    else:
        click.echo(f"deleted {name}", err=True)


def _print_one(session: Session, message: ProtoModel) -> None:
    wire = message.to_wire()
    if session.as_json:
        session.print_json(wire)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in wire.items():
        if key == "customMetadata":
            for name, plain in getattr(message, "metadata", {}).items():
                table.add_row(f"  {name}", Text(_shown(plain)))
        elif key == "data":
            table.add_row("text", Text(getattr(message, "text", "")))
        else:
            table.add_row(key, Text(_shown(value)))
    session.console().print(table)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _print_list(session: Session, key: str, found: Iterable[Any], none: str) -> None:
    items = list(found)
    if session.as_json:
        session.print_json({key: [item.to_wire() for item in items]})
        return
    if not items:
        click.echo(none, err=True)
        return
    rows = [_row(key, item) for item in items]
    console = session.console()
    if not console.is_terminal:  # whole names, a line each, for other programs
        for row in rows:
            click.echo("\t".join(row))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", overflow="fold", min_width=20)
    table.add_column("text" if key == "chunks" else "display name", overflow="ellipsis")
    table.add_column("created", no_wrap=True, min_width=16)
    for name, about, created in rows:
        table.add_row(Text(name), Text(about), created)
    console.print(table)


def _row(key: str, item: Any) -> tuple[str, str, str]:
    """A resource's short name, what it is about, and when it was created."""
    about = item.text if key == "chunks" else item.display_name
    about = visible(" ".join(about.split()))
    created = item.create_time.strftime("%Y-%m-%d %H:%M") if item.create_time else ""
    name = item.name.replace("/documents/", "/").replace("/chunks/", "/")
    shown = about if len(about) <= 120 else about[:119] + "…"
    return name.removeprefix("corpora/"), shown, created
