import subprocess
import sys
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.engine.models.answerer import (
    ANSWERABLE_WEIGHTS,
    RANKING_WEIGHTS,
    ExtractedAnswer,
    Style,
    load_answerer,
)
from ragkit.engine.models.evidence import ANSWERABLE_FEATURES, RANKING_FEATURES

LIMITS = """# Limits

What one call may hold is bounded, so that every call stays short.

## Chunks

A chunk holds at most 2,043 tokens. A batch may create up to 100 chunks in one call; more than
that is refused with INVALID_ARGUMENT.

- Every chunk may carry 20 metadata entries.
- Names are at most 40 characters long.

## Corpora

A project may have ten corpora. A corpus holds up to one million chunks.
"""

DELETION = """# Deleting

## Documents

Deleting a document deletes its chunks only if `force` is true. Otherwise the service answers
FAILED_PRECONDITION, and nothing is deleted.

## Corpora

A corpus is deleted with `ragkit corpora delete`. It was added in March 2023 by Ada Smith in
Zurich.

```sh
ragkit corpora delete library --force
```

| Resource | Has force | Since |
|---|---|---|
| corpora | yes | 2023 |
| chunks | no | 2024 |
"""

STATES = """# States

A chunk is pending until its index has it. Then it becomes active and queries find it.

How long does that take? Usually a few milliseconds.
"""

DOCUMENTS = [LIMITS, DELETION, STATES]


def quoted(answer: ExtractedAnswer, passages: list[str]) -> list[str]:
    return [passages[s.passage][s.start : s.end] for s in answer.sentences]


def best(question: str, passages: list[str] = DOCUMENTS, **options: list[str]) -> str:
    answer = load_answerer().answer(question, passages, style=Style.EXTRACTIVE, **options)
    (sentence,) = quoted(answer, passages)
    return sentence


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("how many chunks may one batch create?", "up to 100 chunks"),
        ("How many chunks can I create with batchCreate?", "up to 100 chunks"),
        ("what is the maximum number of tokens in a chunk?", "at most 2,043 tokens"),
        ("How many corpora may a project have?", "ten corpora"),
        ("what happens to chunks when a document is deleted?", "deletes its chunks"),
        ("When is a chunk pending?", "pending until"),
        ("when was corpus deletion added?", "March 2023"),
        ("Who added the deletion of a corpus?", "Ada Smith"),
        ("how long may names be?", "at most 40 characters"),
        ("What is the size limit of a corpus?", "one million chunks"),
    ],
)
def test_the_sentence_with_the_answer_wins(question, part):
    assert part in best(question)


def test_a_table_s_row_answers_under_its_header():
    table = "Plans:\n\n| Plan | Price |\n|---|---|\n| small | 10 euros |\n| large | 30 euros |\n"
    assert best("What is the price of the large plan?", [table]) == "| large | 30 euros |"


def test_an_example_that_repeats_the_question_is_no_answer():
    question = "what happens to chunks when a document is deleted?"
    example = f'Ask:\n\n```sh\nragkit query library "{question}" -k 5\n```\n'
    assert "deletes its chunks" in best(question, [example, *DOCUMENTS])


def test_code_answers_how():
    passage = "Installing is easy.\n\n```sh\npip install ragkit\n```\n\nIt takes a minute.\n"
    assert best("How do I install ragkit with pip?", [passage]) == "pip install ragkit"


def test_what_a_lead_in_announces_is_quoted_with_it():
    passage = "Two kinds of data are stored:\n\n- rows in SQL\n- the search index\n\nGoodbye.\n"
    answer = load_answerer().answer(
        "Which kinds of data are stored?", [passage], style=Style.ABSTRACTIVE
    )
    assert quoted(answer, [passage]) == [
        "Two kinds of data are stored:", "rows in SQL", "the search index",
    ]  # fmt: skip


def test_a_heading_alone_is_no_answer():
    assert best("Deleting documents", ["# Deleting documents\n\nUse force for all of it.\n"]) == (
        "Use force for all of it."
    )
    assert best("Limits?", ["# Limits"]) == "Limits"  # but better than nothing


@pytest.mark.parametrize(
    ("question", "passage", "part"),
    [
        (
            "Wie viele Abschnitte darf ein Stapel enthalten?",
            "Ein Abschnitt ist kurz. Ein Stapel darf höchstens 100 Abschnitte enthalten. Ende gut.",
            "höchstens 100",
        ),
        ("批次最多可以创建多少个块？", "块很短。一个批次最多可以创建一百个块。完。", "一百个块"),
        (
            "Сколько фрагментов в пакете?",
            "Фрагмент короток. Пакет содержит до 100 фрагментов. Конец.",
            "100",
        ),
    ],
    ids=["de", "zh", "ru"],
)
def test_other_languages(question, passage, part):
    assert part in best(question, [passage])


def test_answerable_questions_are_told_from_others():
    answer = load_answerer().answer
    good = answer("how many chunks may one batch create?", DOCUMENTS)
    bad = answer("What is the capital of France?", DOCUMENTS)
    missing = answer("Who designed the Eiffel Tower in 1889?", DOCUMENTS)
    assert good.answerable_probability > 0.6
    assert bad.answerable_probability < 0.2
    assert missing.answerable_probability < 0.2
    assert bad.sentences


def test_styles_say_more_and_more():
    question = "what happens to chunks when a document is deleted?"
    counts = {
        style: len(load_answerer().answer(question, DOCUMENTS, style=style).sentences)
        for style in Style
    }
    assert counts[Style.EXTRACTIVE] == 1
    assert counts[Style.ABSTRACTIVE] <= 3
    assert counts[Style.EXTRACTIVE] <= counts[Style.ABSTRACTIVE] <= counts[Style.VERBOSE] <= 7


def test_what_a_pronoun_stands_for_is_quoted_with_it():
    passage = "The scanner reads every file. It costs 300 euros and needs no driver. Rain fell."
    answer = load_answerer().answer("How much does it cost?", [passage], style=Style.ABSTRACTIVE)
    assert quoted(answer, [passage])[:2] == [
        "The scanner reads every file.",
        "It costs 300 euros and needs no driver.",
    ]


def test_sentences_that_say_the_same_are_quoted_once():
    passages = ["A batch may create up to 100 chunks."] * 3
    for style in Style:
        answer = load_answerer().answer(
            "How many chunks may a batch create?", passages, style=style
        )
        assert len(answer.sentences) == 1


def test_history_resolves_a_question_that_refers_back():
    passages = [
        "The red boat weighs 90 tons. It left the yard in 1990.",
        "The green boat weighs 70 tons. It left the yard in 2001.",
    ]
    history = ["How much does the green boat weigh?"]
    assert best("And when did it leave the yard?", passages, history=history) == (
        "It left the yard in 2001."
    )
    # A question that stands alone is not disturbed.
    assert best("When did the red boat leave the yard?", passages, history=history) == (
        "It left the yard in 1990."
    )


def test_context_names_what_a_sentence_is_about():
    passages = [
        "## Chunks\n\nThe limit is 20 entries.\n\n## Documents\n\nThe limit is 30 entries.\n",
    ]
    assert best("What is the limit of documents?", passages) == "The limit is 30 entries."


@pytest.mark.parametrize("passages", [[], [""], ["", " \n\n "]])
def test_nothing_to_quote(passages):
    assert load_answerer().answer("why?", passages) == ExtractedAnswer((), 0.0)


@pytest.mark.parametrize("question", ["", "?!", "the of a", "\ud800", "x" * 100_000])
def test_odd_questions_still_get_an_answer(question):
    answer = load_answerer().answer(question, DOCUMENTS)
    assert len(answer.sentences) == 1
    assert 0 <= answer.answerable_probability < 0.5


PIECES = st.sampled_from(
    ["A batch creates 100 chunks. ", "# Head\n", "\n\n", "| a | b |\n|---|---|\n", "```\n", "- ",
     "  ", "中文。", "1. ", "> ", "It ends! ", "\ud800", "---\n", "x"]
)  # fmt: skip
PASSAGES = st.lists(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=50), max_size=5)


@given(st.text(max_size=30) | st.just("How many chunks?"), PASSAGES, st.sampled_from(Style))
def test_answers_are_verbatim_and_in_reading_order(question, passages, style):
    answer = load_answerer().answer(question, passages, style=style)
    assert 0 <= answer.answerable_probability <= 1
    assert bool(answer.sentences) == any(passage.strip() for passage in passages)
    places = [(s.passage, s.start, s.end) for s in answer.sentences]
    assert places == sorted(places)
    for one, other in pairwise(places):
        assert one[0] < other[0] or one[2] <= other[1]
    for text in quoted(answer, passages):
        assert text
        assert text == text.strip()


def test_passages_beyond_the_budget_are_sifted():
    filler = "Nothing of interest is said in this sentence about the weather. " * 100
    passages = [filler] * 60 + [LIMITS] + [filler] * 60
    answer = load_answerer().answer("how many chunks may one batch create?", passages)
    assert "up to 100 chunks" in quoted(answer, passages)[0]
    assert answer.sentences[0].passage == 60


def test_a_huge_passage():
    passage = "Nothing of interest is said here about the weather. " * 20_000 + LIMITS
    assert "up to 100 chunks" in best("how many chunks may one batch create?", [passage])


def test_threads_agree():
    question = "what happens to chunks when a document is deleted?"
    expected = load_answerer().answer(question, DOCUMENTS, style=Style.VERBOSE)
    results: list[ExtractedAnswer] = []

    def work() -> None:
        results.append(load_answerer().answer(question, DOCUMENTS, style=Style.VERBOSE))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8


def test_every_feature_has_its_weight():
    assert tuple(RANKING_WEIGHTS) == RANKING_FEATURES
    assert tuple(ANSWERABLE_WEIGHTS) == ANSWERABLE_FEATURES


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, ragkit.engine.models.answerer;"
        "sys.exit(bool({'wordllama', 'tokenizers', 'tiktoken'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
