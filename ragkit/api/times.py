"""google.protobuf.Timestamp and Duration, nanoseconds included.

Values are plain `datetime` and `timedelta` wherever microseconds suffice. One that has finer digits
becomes a subclass that keeps them, so that it goes back onto the wire as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, LiteralString

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
_SECOND = 1_000_000_000
_LONGEST_SECONDS = 315_576_000_000
"""The most seconds, either way, of a google.protobuf.Duration: about 10,000 years."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class PreciseDatetime(datetime):
    """A datetime with nanoseconds. Arithmetic gives datetimes to the microsecond."""

    __slots__ = ("_beyond",)
    _beyond: int

    @classmethod
    def of(cls, moment: datetime, nanosecond: int) -> PreciseDatetime:
        """The moment with its fraction of a second replaced by `nanosecond`, below 10**9."""
        micros, beyond = divmod(nanosecond, 1000)
        day, clock = moment.date(), moment.timetz()
        precise = cls.combine(day, clock.replace(microsecond=micros))
        precise._beyond = beyond
        return precise

    @property
    def nanosecond(self) -> int:
        """The fraction of the second, in nanoseconds."""
        return self.microsecond * 1000 + self._finer

    @property
    def _finer(self) -> int:
        return getattr(self, "_beyond", 0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, datetime):
            return NotImplemented
        return super().__eq__(other) and self._finer == getattr(other, "_finer", 0)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((super().__hash__(), self._finer)) if self._finer else super().__hash__()

    def __lt__(self, other: datetime) -> bool:  # type: ignore[override]
        if super().__eq__(other):
            return self._finer < int(getattr(other, "_finer", 0))
        return super().__lt__(other)

    def __gt__(self, other: datetime) -> bool:  # type: ignore[override]
        if super().__eq__(other):
            return self._finer > int(getattr(other, "_finer", 0))
        return super().__gt__(other)

    def __le__(self, other: datetime) -> bool:  # type: ignore[override]
        return self < other or self == other

    def __ge__(self, other: datetime) -> bool:  # type: ignore[override]
        return self > other or self == other

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        plain = datetime.combine(self.date(), self.timetz())
        return PreciseDatetime.of, (plain, self.nanosecond)

    def __repr__(self) -> str:
        return f"PreciseDatetime({format_timestamp(self)!r})"


class PreciseTimedelta(timedelta):
    """A timedelta with nanoseconds. Arithmetic gives timedeltas to the microsecond."""

    __slots__ = ("_beyond",)
    _beyond: int

    @classmethod
    def of(cls, nanoseconds: int) -> PreciseTimedelta:
        """The duration of so many nanoseconds, of either sign."""
        micros, beyond = divmod(nanoseconds, 1000)
        precise = cls(microseconds=micros)
        precise._beyond = beyond
        return precise

    @property
    def _finer(self) -> int:
        return getattr(self, "_beyond", 0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, timedelta):
            return NotImplemented
        return super().__eq__(other) and self._finer == getattr(other, "_finer", 0)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((super().__hash__(), self._finer)) if self._finer else super().__hash__()

    def __lt__(self, other: timedelta) -> bool:
        return total_nanoseconds(self) < total_nanoseconds(other)

    def __le__(self, other: timedelta) -> bool:
        return total_nanoseconds(self) <= total_nanoseconds(other)

    def __gt__(self, other: timedelta) -> bool:
        return total_nanoseconds(self) > total_nanoseconds(other)

    def __ge__(self, other: timedelta) -> bool:
        return total_nanoseconds(self) >= total_nanoseconds(other)

    def __reduce__(self) -> tuple[Any, ...]:
        return PreciseTimedelta.of, (total_nanoseconds(self),)

    def __repr__(self) -> str:
        return f"PreciseTimedelta({format_duration(self)!r})"


def total_nanoseconds(duration: timedelta) -> int:
    """A duration as a number of nanoseconds."""
    micros = (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
    return micros * 1000 + int(getattr(duration, "_finer", 0))


def _fraction(nanos: int) -> str:
    """Nothing, or a point and 3, 6 or 9 digits, as proto3 JSON writes fractions of a second."""
    if not nanos:
        return ""
    text = f".{nanos:09d}"
    if nanos % 1000:
        return text
    return text[:4] if nanos % 1_000_000 == 0 else text[:7]


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z` and 0, 3, 6 or 9 fraction digits; naive datetimes are UTC."""
    nanos = moment.microsecond * 1000
    if type(moment) is PreciseDatetime:
        nanos = moment.nanosecond
    if moment.utcoffset():
        moment = moment.astimezone(UTC)
    return moment.isoformat()[:19] + (_fraction(nanos) if nanos else "") + "Z"


def parse_timestamp(value: object) -> datetime:
    """The moment that RFC 3339 text or a datetime stands for; a naive datetime is taken as UTC.

    Raises:
        ValueError: the text is not a timestamp, or lies outside the years 1 to 9999 in UTC.
    """
    if isinstance(value, datetime):
        moment = value
        if moment.tzinfo is None:
            moment = _with_fraction(moment.replace(tzinfo=UTC), getattr(value, "nanosecond", None))
    else:
        found = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError("not a timestamp")
        moment = datetime.fromisoformat((found[1] + found[3]).upper())
        moment = _with_fraction(moment, int((found[2] or "").ljust(9, "0")))
    if not _EARLIEST <= moment.replace(microsecond=0) <= _LATEST:
        raise ValueError("out of range")
    return moment


def _with_fraction(moment: datetime, nanosecond: int | None) -> datetime:
    if nanosecond is None:
        return moment
    if nanosecond % 1000:
        return PreciseDatetime.of(moment, nanosecond)
    return moment.replace(microsecond=nanosecond // 1000)


def format_duration(duration: timedelta) -> str:
    """Seconds with 0, 3, 6 or 9 fraction digits and an `s`: "3.500s"."""
    nanos = total_nanoseconds(duration)
    seconds, fraction = divmod(abs(nanos), _SECOND)
    return f"{'-' if nanos < 0 else ''}{seconds}{_fraction(fraction)}s"


def parse_duration(value: object) -> timedelta:
    """The duration that text such as "3.5s" or a timedelta stands for.

    Raises:
        ValueError: the text is not a duration, or it is longer than 10,000 years.
    """
    if isinstance(value, timedelta):
        duration = value
    else:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError("not a duration")
        nanos = int(found[2]) * _SECOND + int((found[3] or "").ljust(9, "0"))
        if nanos > _LONGEST_SECONDS * _SECOND:
            raise ValueError("out of range")
        nanos = -nanos if found[1] else nanos
        fine = nanos % 1000
        duration = PreciseTimedelta.of(nanos) if fine else timedelta(microseconds=nanos // 1000)
    if abs(total_nanoseconds(duration)) > _LONGEST_SECONDS * _SECOND:
        raise ValueError("out of range")
    return duration


def _checked(parse: Callable[[object], Any], expected: LiteralString) -> core_schema.CoreSchema:
    def validate(value: object) -> Any:
        try:
            return parse(value)
        except (ValueError, OverflowError):
            raise PydanticCustomError("time", expected) from None

    return core_schema.no_info_plain_validator_function(validate)


class _TimestampSchema:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        any_digits = _checked(parse_timestamp, "expected RFC 3339 as in 2024-05-01T12:00:00Z")
        # Most have microseconds at most: those never leave the compiled parser.
        to_microseconds = core_schema.chain_schema(
            [
                core_schema.str_schema(strict=True, min_length=len("2024-05-01T12:00:00Z")),
                core_schema.datetime_schema(
                    tz_constraint="aware",
                    microseconds_precision="error",
                    ge=_EARLIEST,
                    le=_LATEST,
                ),
            ]
        )
        return core_schema.json_or_python_schema(
            json_schema=core_schema.union_schema(
                [to_microseconds, any_digits],
                mode="left_to_right",
                custom_error_type="time",
                custom_error_message="expected RFC 3339 as in 2024-05-01T12:00:00Z",
            ),
            python_schema=any_digits,
            serialization=core_schema.plain_serializer_function_ser_schema(
                format_timestamp, when_used="json"
            ),
        )


class _DurationSchema:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = _checked(parse_duration, 'expected seconds as in "3.5s"')
        return core_schema.json_or_python_schema(
            json_schema=schema,
            python_schema=schema,
            serialization=core_schema.plain_serializer_function_ser_schema(
                format_duration, when_used="json"
            ),
        )


Timestamp = Annotated[datetime, _TimestampSchema]
"""google.protobuf.Timestamp: an aware datetime; naive ones are taken as UTC."""

Duration = Annotated[timedelta, _DurationSchema]
"""google.protobuf.Duration: a timedelta; "3.5s" on the wire."""
