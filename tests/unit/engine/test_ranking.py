"""Analysis and scores, apart from any files."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.engine.index import constants, ranking
from ragkit.engine.index.analysis import MAX_TERM_LENGTH, analyse
from ragkit.engine.index.ranking import Features

CALIBRATIONS = (constants.HYBRID, constants.LEXICAL, constants.SEMANTIC)

words = st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon", "the", "東京都", "a.b"])
texts = st.lists(words, max_size=12).map(" ".join)


def features(query: str, corpus: Sequence[str], cosine: float = 0.0) -> Features:
    """Compare a query with every text of a corpus, as the index does."""
    analysed = [analyse(text) for text in corpus]
    sets = [set(each.spelled.split()) for each in analysed]

    def frequencies(terms: Sequence[str]) -> NDArray[np.int64]:
        return np.array([sum(term in one for one in sets) for term in terms], np.int64)

    question = ranking.ask(analyse(query), len(corpus), frequencies)
    lengths = np.array([len(each.terms) for each in analysed], np.int64)
    return ranking.features(
        question,
        np.concatenate([each.terms for each in analysed]),
        lengths,
        float(lengths.mean()),
        np.full(len(corpus), cosine),
    )


@given(query=texts, corpus=st.lists(texts, min_size=1, max_size=6), cosine=st.floats(-1, 1))
def test_features_and_scores_are_shares(query: str, corpus: list[str], cosine: float) -> None:
    found = features(query, corpus, cosine)
    for values in (found.bm25, found.coverage, found.exact, found.pairs):
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    assert (found.bm25 <= found.coverage + 1e-12).all()
    assert (found.exact <= found.coverage + 1e-12).all()
    for calibration in CALIBRATIONS:
        scores = found.probability(calibration)
        assert ((scores > 0) & (scores < 1)).all()


@given(query=texts, corpus=st.lists(texts, min_size=1, max_size=6), order=st.randoms())
def test_a_score_does_not_depend_on_the_other_candidates_places(
    query: str, corpus: list[str], order: Random
) -> None:
    places = list(range(len(corpus)))
    order.shuffle(places)
    straight = features(query, corpus).probability(constants.HYBRID)
    shuffled = features(query, [corpus[i] for i in places]).probability(constants.HYBRID)
    assert shuffled.tolist() == straight[places].tolist()


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_no_evidence_counts_against_a_chunk(calibration: constants.Calibration) -> None:
    assert calibration.bm25 >= 0
    assert calibration.coverage >= 0
    assert calibration.exact >= 0
    assert calibration.pairs >= 0
    assert calibration.cosine >= 0


@pytest.mark.parametrize("calibration", CALIBRATIONS[:2])
def test_all_words_are_likely_and_no_word_is_not(calibration: constants.Calibration) -> None:
    corpus = ["the capital of France is Paris", *(f"other things number {n}" for n in range(50))]
    scores = features("capital of France", corpus, 0.6).probability(calibration)
    assert scores[0] > 0.5
    assert features("capital of France", corpus, 0.0).probability(calibration)[1] < 0.05


def test_a_text_that_says_all_twice_covers_no_more() -> None:
    once, twice = features(
        "alpha beta", ["alpha beta gamma", "alpha beta alpha beta gamma"]
    ).coverage
    assert once == twice == 1.0


def test_rare_words_weigh_more() -> None:
    corpus = ["common rare", *("common" for _ in range(20))]
    rare, common = features("rare common", corpus).coverage[:2]
    assert rare == 1.0
    assert 0 < common < 0.1


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("", ""),
        ("Running runs", "run run"),
        ("batchCreate", "batch creat batchcreat"),
        ("HTTPServer", "http server httpserver"),
        ("__init__", "init"),
        ("snake_case", "snake case snake_cas"),
        ("corpora.query.", "corpora queri corpora.queri"),
        ("models/aqa", "model aqa"),
        ("2,043 3.14", "2 043 2043 3 14 3.14"),
        ("東京都", "東 京 都 東京 京都"),
        ("ﾀﾜｰ", "タワ ワー"),
        ("서울", "서 울 서울"),
        ("pre東京post", "pre 東 京 東京 post"),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("новых книги", "нов книг"),
        ("हिन्दी", "हिन्दी"),
        ("L'été naïve", "l ete naiv"),
    ],
)
def test_analysis(text: str, spelled: str) -> None:
    assert analyse(text).spelled == spelled


@given(text=st.text())
def test_analysis_takes_any_text(text: str) -> None:
    analysis = analyse(text)
    terms = analysis.spelled.split()
    assert len(terms) == len(analysis.terms)
    # What a term is made of may be folded into up to four letters each.
    assert all(len(term) <= 4 * MAX_TERM_LENGTH for term in terms)
    assert analyse(text).spelled == analysis.spelled


def test_forms_tell_words_of_one_stem_apart() -> None:
    one, other, again = (analyse(word).terms[0] for word in ("organized", "organizes", "Organized"))
    assert one["code"] == other["code"]
    assert one["form"] != other["form"]
    assert one == again
