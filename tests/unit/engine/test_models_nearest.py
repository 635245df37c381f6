"""Nearest-example selection: neighbours, weights, and the leave-one-out loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.engine.models.nearest import (
    NEIGHBOURS,
    Candidate,
    candidates,
    leave_one_out_loss,
    nearest,
    nearest_others,
    vote,
    weights,
)


def unit_rows(count: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    normal: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normal


def naive_loss(
    inputs: NDArray[np.float32], outputs: NDArray[np.float32], candidate: Candidate
) -> float:
    """The definition, one example after the other."""
    losses = []
    for number, query in enumerate(inputs):
        others = [at for at in range(len(inputs)) if at != number]
        others.sort(key=lambda at: (-float(query @ inputs[at]), at))
        near = others[: candidate.neighbours]
        raw = [np.exp(candidate.sharpness * float(query @ inputs[at])) for at in near]
        predicted = np.zeros(outputs.shape[1])
        for at, weight in zip(near, raw, strict=True):
            predicted += weight / sum(raw) * outputs[at]
        losses.append(float(((predicted - outputs[number]) ** 2).sum()))
    return float(np.mean(losses))


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 30),
    seed=st.integers(0, 1000),
    neighbours=st.sampled_from(NEIGHBOURS),
    sharpness=st.sampled_from([0.0, 4.0, 64.0, 256.0]),
)
def test_the_loss_is_what_it_is_said_to_be(count, seed, neighbours, sharpness):
    inputs, outputs = unit_rows(count, 6, seed), unit_rows(count, 5, seed + 1)
    candidate = Candidate(1, min(neighbours, max(1, count - 1)), sharpness)
    found = leave_one_out_loss(nearest_others(inputs, 16), outputs, candidate)
    assert found == pytest.approx(naive_loss(inputs, outputs, candidate), abs=1e-4)
    assert 0 <= found <= 4.0001


def test_more_examples_than_a_block_are_as_few_ones():
    inputs, outputs = unit_rows(1100, 8, 3), unit_rows(1100, 8, 4)
    candidate = Candidate(1, 3, 8.0)
    found = leave_one_out_loss(nearest_others(inputs, 16), outputs, candidate)
    assert found == pytest.approx(naive_loss(inputs, outputs, candidate), abs=1e-3)


def test_nearest_first_and_among_equals_the_earlier():
    examples = np.array([[0, 1], [1, 0], [0, 1], [0.6, 0.8]], np.float32)
    found = nearest(np.array([[0, 1]], np.float32), examples, 3)
    assert found.indices.tolist() == [[0, 2, 3]]
    assert found.similarities[0] == pytest.approx([1, 1, 0.8])
    assert nearest(examples, examples, 99).indices.shape == (4, 4)


def test_no_example_is_its_own_neighbour():
    found = nearest_others(unit_rows(700, 4, 1), 16)
    assert found.indices.shape == (700, 16)
    assert not (found.indices == np.arange(700)[:, None]).any()
    assert nearest_others(unit_rows(1, 4, 1), 16).indices.shape == (1, 0)


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=16),
    st.sampled_from([0.0, 4.0, 256.0]),
)
def test_weights_sum_to_one_and_fall_with_distance(similarities, sharpness):
    row = np.sort(np.array([similarities], np.float32))[:, ::-1]
    weighed = weights(row, sharpness)
    assert weighed.sum() == pytest.approx(1, abs=1e-5)
    assert (np.diff(weighed[0]) <= 1e-6).all()
    if not sharpness:
        assert weighed[0] == pytest.approx(1 / len(similarities))


@pytest.mark.parametrize(
    ("examples", "counts"),
    [(1, [1]), (2, [1]), (3, [1, 2]), (6, [1, 2, 3, 4]), (100, list(NEIGHBOURS))],
)
def test_the_choices(examples, counts):
    found = candidates(examples, 3)
    assert [one.neighbours for one in found] == counts * 3
    assert [one.epoch for one in found] == [1] * len(counts) + [2] * len(counts) + [3] * len(counts)
    assert sorted({one.sharpness for one in found}) == [0, 4, 8]


def test_votes_add_up():
    assert vote(["a", "b", "b"], [0.4, 0.3, 0.3]) == ["b", "a"]
    assert vote(["a", "b"], [0.5, 0.5]) == ["a", "b"]
    assert vote(["a"], [1.0]) == ["a"]
