"""`ragkit query`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ragkit.api.limits import DEFAULT_RESULTS_COUNT, MAX_RESULTS_COUNT
from ragkit.cli.options import Session, parse_where, session_options

if TYPE_CHECKING:
    from ragkit.retriever import Passage


@click.command(name="query")
@click.argument("corpus")
@click.argument("text")
@click.option(
    "-k",
    "count",
    type=click.IntRange(1, MAX_RESULTS_COUNT),
    default=DEFAULT_RESULTS_COUNT,
    show_default=True,
    help="The most passages.",
)
@click.option(
    "--where", multiple=True, metavar="KEY=VALUE", help="Only where metadata match; repeatable."
)
@click.option("--document", metavar="ID", help="Only in this document.")
@click.option("--full", is_flag=True, help="Show whole passages rather than excerpts.")
@session_options
def query(
    session: Session,
    corpus: str,
    text: str,
    count: int,
    where: tuple[str, ...],
    document: str | None,
    full: bool,
) -> None:
    """Find the passages of CORPUS that are relevant to TEXT.

    \b
    Examples:
      ragkit query library "what happens to chunks when a document is deleted?"
      ragkit query library "limits" -k 3 --where source=library/limits.md
      ragkit query library "tables" --where "page>=2" --where document.media_type=application/pdf

    A repeated KEY= takes any of its values; different conditions must all hold. `document.KEY`
    looks at the document's metadata. With --json: {"chunks": [{"name", "score", "text", "source",
    "page", "start", "end", "headings"}]}.
    """  # noqa: D301
    from ragkit.retriever import Retriever

    with session.connect() as client:
        retriever = Retriever(
            client,
            corpus,
            document=document,
            filters=parse_where(where),
            results_count=count,
        )
        passages = retriever.retrieve(text)
    if session.as_json:
        session.print_json({"chunks": [_plain(passage) for passage in passages]})
    else:
        _show(session, text, passages, full=full)


def _plain(passage: Passage) -> dict[str, object]:
    provenance = passage.provenance
    return {
        "name": passage.name,
        "score": passage.score,
        "text": passage.text,
        "source": provenance.source,
        "page": provenance.page,
        "start": provenance.start,
        "end": provenance.end,
        "headings": list(provenance.headings),
    }


def _show(session: Session, text: str, passages: list[Passage], *, full: bool) -> None:
    from rich.text import Text

    from ragkit.cli.text import excerpt, highlight_pattern, marked, place, print_indented

    console = session.console()
    if not passages:
        click.echo("no passage was found", err=True)
        return
    pattern = highlight_pattern(text)
    for number, passage in enumerate(passages, start=1):
        provenance = passage.provenance
        title = Text.assemble((f"{number:>2}. ", "bold"), (f"{passage.score:.2f}  ", "green"))
        title.append_text(
            place(provenance.source, provenance.page, provenance.headings, passage.name)
        )
        print_indented(console, title, 0)
        shown = passage.text.strip() if full else excerpt(passage.text, pattern, 360)
        print_indented(console, marked(shown, pattern), 4)
        console.print()
