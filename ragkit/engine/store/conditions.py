"""What metadata filters ask of the entries: conditions, ORed and reduced to a few lookups.

The semantics are those of the API's `MetadataFilter`: a value of another type than the condition's
never matches; EQUAL and NOT_EQUAL look at strings and numbers, the orders at numbers, INCLUDES and
EXCLUDES at lists of strings; numbers compare as float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ragkit.engine.records import Condition, Operation
from ragkit.engine.store.metadata import INFINITY_CODE, NAN_CODE, number_code, text_code

Interval = tuple[int, int]
"""Number codes from the first to the second, both included."""


@dataclass(slots=True)
class Lookups:
    """Which values under one key match: those in any of these."""

    intervals: list[Interval] = field(default_factory=list)
    """Numbers, as disjoint intervals of their codes in ascending order."""
    equal: set[bytes] = field(default_factory=set)
    """Strings that are one of these."""
    unequal: set[bytes] = field(default_factory=set)
    """Strings that are not this (one of these, so any string if there are several)."""
    includes: set[bytes] = field(default_factory=set)
    """Lists that have one of these."""
    excludes: set[bytes] = field(default_factory=set)
    """Lists that lack one of these."""

    @property
    def only_numbers(self) -> bool:
        """Whether nothing but numbers can match."""
        return not (self.equal or self.unequal or self.includes or self.excludes)


def lookups(conditions: Sequence[Condition]) -> Lookups:
    """The conditions of one filter as lookups."""
    found = Lookups()
    intervals: list[Interval] = []
    by_string = {
        Operation.EQUAL: found.equal,
        Operation.NOT_EQUAL: found.unequal,
        Operation.INCLUDES: found.includes,
        Operation.EXCLUDES: found.excludes,
    }
    for condition in conditions:
        if not isinstance(condition.value, str):
            intervals += _intervals(condition.operation, condition.value)
        elif condition.operation in by_string:
            by_string[condition.operation].add(text_code(condition.value))
    found.intervals = _merged(intervals)
    return found


def _intervals(operation: Operation, value: float) -> Iterable[Interval]:
    code = number_code(value)
    if code == NAN_CODE:  # compares to nothing, and is unequal to everything, itself included
        return [(0, NAN_CODE)] if operation is Operation.NOT_EQUAL else []
    return {
        Operation.LESS: [(0, code - 1)],
        Operation.LESS_EQUAL: [(0, code)],
        Operation.EQUAL: [(code, code)],
        Operation.GREATER_EQUAL: [(code, INFINITY_CODE)],
        Operation.GREATER: [(code + 1, INFINITY_CODE)],
        Operation.NOT_EQUAL: [(0, code - 1), (code + 1, NAN_CODE)],
    }.get(operation, [])


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for low, high in sorted(interval for interval in intervals if interval[0] <= interval[1]):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def both(first: Lookups, second: Lookups) -> Lookups:
    """The numbers that match two filters on one key, such as the two ends of a range.

    Raises:
        ValueError: one of them matches other values than numbers.
    """
    if not (first.only_numbers and second.only_numbers):
        raise ValueError("lookups for other values than numbers")
    common = (
        (max(low, other_low), min(high, other_high))
        for low, high in first.intervals
        for other_low, other_high in second.intervals
    )
    return Lookups(intervals=_merged(common))
