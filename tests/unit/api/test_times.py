"""Timestamps and durations, to the nanosecond."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api.base import Duration, ProtoModel, Timestamp
from ragkit.api.times import (
    PreciseDatetime,
    PreciseTimedelta,
    format_duration,
    format_timestamp,
    parse_duration,
    parse_timestamp,
    total_nanoseconds,
)

NANOS = st.integers(0, 999_999_999)
MOMENTS = st.datetimes(timezones=st.just(UTC))


class Timed(ProtoModel):
    at: Timestamp | None = None
    lasts: Duration | None = None


@given(MOMENTS, NANOS)
def test_nanoseconds_of_a_timestamp_survive(moment, nanos):
    precise = PreciseDatetime.of(moment, nanos)
    text = format_timestamp(precise)
    for read in (
        Timed.model_validate_json(f'{{"at":"{text}"}}').at,
        Timed.model_validate({"at": text}).at,
        parse_timestamp(text),
    ):
        assert read == precise
        assert read is not None
        assert format_timestamp(read) == text


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999999Z"],
)
def test_the_first_and_the_last_moment_are_read(text):
    assert Timed.model_validate_json(f'{{"at":"{text}"}}').to_wire() == {"at": text}
    assert Timed.model_validate({"at": text}).to_wire() == {"at": text}


@given(st.integers(-315_576_000_000 * 10**9, 315_576_000_000 * 10**9))
def test_nanoseconds_of_a_duration_survive(nanos):
    text = format_duration(PreciseTimedelta.of(nanos))
    read = Timed.model_validate_json(f'{{"lasts":"{text}"}}').lasts
    assert read is not None
    assert total_nanoseconds(read) == nanos
    assert Timed(lasts=read).to_wire() == {"lasts": text}
    assert type(read) is (PreciseTimedelta if nanos % 1000 else timedelta)


@given(MOMENTS, NANOS, MOMENTS, NANOS)
def test_precise_moments_are_ordered_by_all_their_digits(first, a, second, b):
    left, right = PreciseDatetime.of(first, a), PreciseDatetime.of(second, b)
    keys = [(one.replace(microsecond=0), nanos) for one, nanos in ((first, a), (second, b))]
    assert (left == right) is (keys[0] == keys[1])
    assert (left < right) is (keys[0] < keys[1])
    assert (left <= right) is (keys[0] <= keys[1])
    assert (left > right) is (keys[0] > keys[1])
    assert (left >= right) is (keys[0] >= keys[1])
    assert left != right or hash(left) == hash(right)


@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_precise_durations_are_ordered_by_all_their_digits(a, b):
    left, right = PreciseTimedelta.of(a), PreciseTimedelta.of(b)
    comparisons = (left == right, left < right, left <= right, left > right, left >= right)
    assert comparisons == (a == b, a < b, a <= b, a > b, a >= b)
    assert left != right or hash(left) == hash(right)


def test_precise_values_and_plain_ones_are_equal_where_they_say_the_same():
    plain = datetime(2024, 5, 1, tzinfo=UTC)
    assert PreciseDatetime.of(plain, 5000) == plain.replace(microsecond=5)
    assert hash(PreciseDatetime.of(plain, 5000)) == hash(plain.replace(microsecond=5))
    assert plain != PreciseDatetime.of(plain, 5)
    assert plain < PreciseDatetime.of(plain, 5)
    assert plain != "2024-05-01"
    assert PreciseDatetime.of(plain, 5) != "2024-05-01"
    assert PreciseTimedelta.of(5000) == timedelta(microseconds=5)
    assert timedelta(0) < PreciseTimedelta.of(5)
    assert PreciseTimedelta.of(5) != 5


@pytest.mark.parametrize(
    "value", [PreciseDatetime.of(datetime(2024, 5, 1, tzinfo=UTC), 7), PreciseTimedelta.of(-7)]
)
def test_precise_values_are_copied_whole(value):
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value
    assert "000000007" in repr(value)


def test_zones_are_converted_and_naive_datetimes_are_utc():
    eastward = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Timed(at=eastward).to_wire() == {"at": "2024-05-01T10:00:00Z"}
    assert Timed(at=datetime(2024, 5, 1)).at == datetime(2024, 5, 1, tzinfo=UTC)
    given_zone = Timed.model_validate_json('{"at":"2024-05-01T12:00:00.000000001+02:00"}')
    assert given_zone.to_wire() == {"at": "2024-05-01T10:00:00.000000001Z"}


@pytest.mark.parametrize(
    ("fraction", "written"),
    [(".1", ".100"), (".1200", ".120"), (".1234", ".123400"), (".1234567", ".123456700"), ("", "")],
)
def test_fractions_have_three_six_or_nine_digits(fraction, written):
    read = Timed.model_validate_json(
        f'{{"at":"2024-05-01T12:00:00{fraction}Z","lasts":"3{fraction}s"}}'
    )
    assert read.to_wire() == {"at": f"2024-05-01T12:00:00{written}Z", "lasts": f"3{written}s"}


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01",
        "2024-05-01T12:00:00",
        "2024-05-01T12:00:00.1234567890Z",
        "2024-13-01T12:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1700000000",
        "yesterday",
        "",
    ],
)
def test_what_is_no_timestamp_is_refused(text):
    with pytest.raises(ValueError, match="RFC 3339"):
        Timed.model_validate_json(f'{{"at":"{text}"}}')
    with pytest.raises(ValueError, match="RFC 3339"):
        Timed.model_validate({"at": text})
    with pytest.raises(ValueError, match="RFC 3339"):
        Timed.model_validate({"at": 1_700_000_000})


@pytest.mark.parametrize("text", ["3", "3.s", "1.0000000001s", "s", "-s", "315576000001s", "1m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"3\.5s"):
        Timed.model_validate_json(f'{{"lasts":"{text}"}}')
    with pytest.raises(ValueError, match=r"out of range|not a duration"):
        parse_duration(text)
    with pytest.raises(ValueError, match=r"3\.5s"):
        Timed.model_validate({"lasts": timedelta.max})
