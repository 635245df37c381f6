"""Whether passages support what a generator says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.engine.models.embedders import load_embedder
from ragkit.engine.models.static import StaticEmbedder
from ragkit.engine.models.support import SupportCheck

# Other passages and statements than those that the threshold was set on.
PASSAGES = (
    "The ferry from Mallaig to Armadale takes 30 minutes. It carries 28 cars and 180 passengers. "
    "Bookings are recommended in summer; foot passengers need no reservation.",
    "# Retention\n\nLogs are kept for 90 days and then deleted. Audit logs are never deleted. "
    "An administrator can export logs as CSV at any time.",
    "The Treaty of Westphalia was signed in 1648 in Osnabrück and Münster. It ended the Thirty "
    "Years' War. The negotiations were led by Count Trauttmansdorff for the Emperor.",
    "Sourdough rises for twelve hours at room temperature. The dough is folded every half hour "
    "during the first three hours, and baked at 240 degrees in a closed pot.",
)
SUPPORTED = (
    "The crossing from Mallaig to Armadale takes 30 minutes.",
    "The ferry can carry 28 cars.",
    "It takes up to 180 passengers and 28 cars.",
    "Foot passengers do not need a reservation.",
    "Logs are deleted after 90 days.",
    "Audit logs are never deleted.",
    "Administrators can export the logs as CSV.",
    "The Thirty Years' War ended with the Treaty of Westphalia.",
    "The treaty was signed in Osnabrück and Münster in 1648.",
    "Count Trauttmansdorff led the negotiations for the Emperor.",
    "The dough rises for 12 hours at room temperature.",
    "It is baked in a closed pot at 240 degrees.",
    "Fold the dough every half hour in the first three hours.",
)
UNSUPPORTED = (
    "The crossing from Mallaig to Armadale takes 45 minutes.",
    "The ferry runs six times a day and costs four pounds.",
    "Dogs travel free of charge on the ferry.",
    "Foot passengers need a reservation.",
    "Logs are kept for 365 days.",
    "Logs are encrypted before they are stored.",
    "Audit logs are deleted.",
    "The treaty was signed in Vienna.",
    "The treaty was signed in 1650 in Osnabrück.",
    "Cardinal Mazarin led the negotiations for the Emperor.",
    "The dough is baked at 180 degrees.",
    "Add salt and olive oil before kneading.",
    "The bread must cool for an hour before it is cut.",
)


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    loaded = load_embedder()
    assert isinstance(loaded, StaticEmbedder)
    return loaded


def test_what_is_said_is_told_from_what_is_made_up(embedder):
    check = SupportCheck(embedder, "What do the passages say?", PASSAGES)
    missed = [one for one in SUPPORTED if not check.quotes(one)]
    believed = [one for one in UNSUPPORTED if check.quotes(one)]
    assert len(missed) <= 2, missed
    assert len(believed) <= 1, believed


@pytest.mark.parametrize("number", ["31", "3", "300", "1,030"])
def test_a_wrong_number_is_not_supported(embedder, number):
    check = SupportCheck(embedder, "How long does it take?", PASSAGES)
    assert check.quotes("The ferry from Mallaig to Armadale takes 30 minutes.")
    assert not check.quotes(f"The ferry from Mallaig to Armadale takes {number} minutes.")


def test_a_number_may_be_written_another_way(embedder):
    check = SupportCheck(embedder, "How much?", ["The bill fell to 2,400 pounds in three years."])
    assert check.quotes("The bill fell to 2400 pounds in 3 years.")
    assert not check.quotes("The bill fell to 2.400 pounds in 3 years.")


def test_quotes_are_spans_of_the_passages(embedder):
    check = SupportCheck(embedder, "How long are logs kept?", PASSAGES)
    (quote,) = check.quotes("Logs are deleted after 90 days.")
    text = PASSAGES[quote.passage][quote.start : quote.end]
    assert text == "Logs are kept for 90 days and then deleted."


def test_a_statement_may_rest_on_two_passages(embedder):
    check = SupportCheck(embedder, "Which?", PASSAGES)
    statement = "The ferry carries 28 cars, and the Treaty of Westphalia was signed in 1648."
    assert {quote.passage for quote in check.quotes(statement)} == {0, 2}


@pytest.mark.parametrize("statement", ["", "Yes.", "...", "It is so.", "1"])
def test_what_says_nothing_is_not_supported(embedder, statement):
    assert not SupportCheck(embedder, "Is it so?", PASSAGES).quotes(statement)


def test_nothing_is_supported_by_nothing(embedder):
    assert not SupportCheck(embedder, "What?", []).quotes("The ferry carries 28 cars.")
    assert not SupportCheck(embedder, "What?", ["", "---"]).quotes("The ferry carries 28 cars.")


@settings(max_examples=60, deadline=None)
@given(
    statement=st.text(max_size=60),
    passages=st.lists(st.text(max_size=80) | st.sampled_from(PASSAGES), max_size=3),
)
def test_any_text_can_be_checked(statement, passages):
    loaded = load_embedder()
    assert isinstance(loaded, StaticEmbedder)
    for quote in SupportCheck(loaded, statement[::-1], passages).quotes(statement):
        assert 0 <= quote.start < quote.end <= len(passages[quote.passage])


@pytest.mark.parametrize("passage", PASSAGES)
def test_a_sentence_of_a_passage_is_supported_by_it(embedder, passage):
    check = SupportCheck(embedder, "What is said?", PASSAGES)
    body = passage.split("\n\n")[-1]
    for sentence in body.split(". "):
        assert check.quotes(sentence), sentence
