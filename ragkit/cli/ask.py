"""`ragkit ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ragkit.cli.options import Session, parse_where, session_options

if TYPE_CHECKING:
    from ragkit.answerer import Answer

STYLES = ("extractive", "abstractive", "verbose")


@click.command(name="ask")
@click.argument("corpus")
@click.argument("question")
@click.option("--style", type=click.Choice(STYLES), default="abstractive", show_default=True)
@click.option(
    "--where", multiple=True, metavar="KEY=VALUE", help="Only where metadata match; repeatable."
)
@click.option("--document", metavar="ID", help="Only from this document.")
@session_options
def ask(
    session: Session,
    corpus: str,
    question: str,
    style: str,
    where: tuple[str, ...],
    document: str | None,
) -> None:
    """Answer QUESTION from the documents of CORPUS, with citations.

    \b
    Examples:
      ragkit ask library "how many chunks may one batch create?"
      ragkit ask library "what is a corpus?" --style verbose

    When the sources probably do not hold the answer, it says so. With --json: {"answer",
    "answerable_probability", "citations": [{"chunk", "source", "page", "start", "end", "quote"}]}.
    """  # noqa: D301
    from ragkit.answerer import Answerer

    with session.connect() as client:
        answerer = Answerer(
            client, corpus, document=document, filters=parse_where(where), style=style.upper()
        )
        answer = answerer.ask(question)
    if session.as_json:
        session.print_json(_plain(answer))
    else:
        _show(session, question, answer)


def _plain(answer: Answer) -> dict[str, object]:
    return {
        "answer": answer.text,
        "answerable_probability": answer.answerable_probability,
        "citations": [
            {
                "chunk": citation.chunk,
                "source": citation.source,
                "page": citation.page,
                "start": citation.start,
                "end": citation.end,
                "quote": citation.quote,
            }
            for citation in answer.citations
        ],
    }


def _numbered(answer: Answer) -> str:
    """The answer with the number of its citation after each quote that stands in it."""
    text, searched_from = answer.text, 0
    for number, citation in enumerate(answer.citations, start=1):
        found = text.find(citation.quote, searched_from)
        if found < 0:
            continue
        end = found + len(citation.quote)
        mark = f" [{number}]"
        text = text[:end] + mark + text[end:]
        searched_from = end + len(mark)
    return text


def _show(session: Session, question: str, answer: Answer) -> None:
    from rich.text import Text

    from ragkit.cli.text import (
        excerpt,
        highlight_pattern,
        marked,
        on_one_line,
        place,
        print_indented,
    )

    console = session.console()
    probability = f"{answer.answerable_probability:.0%}"
    if not answer.text:
        console.print("The corpus holds nothing to answer from.")
        return
    if not answer.answered:
        console.print(
            Text(
                f"The sources probably do not answer this (probability {probability}). "
                "The nearest that they say:",
                style="yellow",
            )
        )
        console.print()
    pattern = highlight_pattern(question)
    style = "" if answer.answered else "dim"
    print_indented(console, marked(on_one_line(_numbered(answer)), pattern, style), 0)
    console.print()
    for number, citation in enumerate(answer.citations, start=1):
        title = Text(f"[{number}] ", style="bold")
        title.append_text(place(citation.source, citation.page, citation.headings, citation.chunk))
        if citation.start is not None:
            title.append(f"  characters {citation.start}-{citation.end}", style="dim")
        print_indented(console, title, 0)
        print_indented(console, Text(f"“{excerpt(citation.quote, pattern, 200)}”"), 4)
    if answer.answered:
        console.print(Text(f"\nprobability that this is answered: {probability}", style="dim"))
