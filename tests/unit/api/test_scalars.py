"""Numbers, masks and JSON values on the wire."""

from __future__ import annotations

import json
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api.base import NULL, Double, Float32, Int32, Int64, ProtoModel, Value
from ragkit.api.scalars import parse_field_mask, shortest_float32, to_float32
from ragkit.api.schemas import Schema


class Numbers(ProtoModel):
    small: Int32 = 0
    large: Int64 = 0
    coarse: Float32 | None = None
    fine: Double = 0.0
    any: Value = None


def float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


@given(st.floats(width=32, allow_nan=False))
def test_a_float32_is_written_with_the_fewest_digits_that_make_it(value):
    short = shortest_float32(value)
    assert float32(short) == value
    assert len(repr(short)) <= len(repr(value))
    digits = len(Decimal(repr(short)).normalize().as_tuple().digits)
    if short != value and digits > 1:
        assert float32(float(f"{value:.{digits - 1}g}")) != value


@given(st.floats(allow_nan=False, max_value=3.4e38, min_value=-3.4e38))
def test_what_python_gives_is_what_comes_back(value):
    message = Numbers(coarse=value)
    assert message.coarse is not None
    assert to_float32(message.coarse) == to_float32(value)
    assert Numbers.model_validate_json(message.to_json()) == message


def test_a_number_on_the_wire_stays_as_it_was():
    for text in ("0.1", "0.10000000149011612", "16777216.0", "3.4028235e+38"):
        body = f'{{"coarse":{text}}}'.encode()
        assert Numbers.model_validate_json(body).to_json() == body


@pytest.mark.parametrize("value", [1e39, -1e39, 3.4028236e38])
def test_a_number_beyond_float32_is_refused(value):
    with pytest.raises(ValueError, match="32-bit float"):
        Numbers(coarse=value)
    with pytest.raises(ValueError, match="32-bit float"):
        Numbers.model_validate_json(json.dumps({"coarse": value}))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_number_for_is_a_string(text):
    body = json.dumps({"coarse": text, "fine": text}, separators=(",", ":")).encode()
    read = Numbers.model_validate_json(body)
    assert read.to_json() == body
    assert read.to_wire() == {"coarse": text, "fine": text}


@given(st.integers(-(2**63), 2**63 - 1))
def test_int64_is_a_string_on_the_wire_and_taken_as_either(number):
    expected = {"large": str(number)} if number else {}
    assert Numbers(large=number).to_wire() == expected
    assert Numbers.model_validate_json(json.dumps({"large": number})).large == number
    assert Numbers.model_validate({"large": str(number)}).large == number


@pytest.mark.parametrize(
    ("field", "value"),
    [("small", 2**31), ("small", -(2**31) - 1), ("large", 2**63), ("large", str(2**63))],
)
def test_integers_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        Numbers.model_validate({field: value})


def test_integers_may_come_as_text_or_as_whole_floats():
    assert Numbers.model_validate_json('{"small":"5","large":2.0}') == Numbers(small=5, large=2)
    with pytest.raises(ValueError, match="small"):
        Numbers.model_validate_json('{"small":1.5}')


def test_null_is_a_value_and_absence_is_not():
    assert Schema.model_validate_json('{"default":null}').default is NULL
    assert Schema.model_validate_json("{}").default is None
    assert Schema(default=NULL).to_json() == b'{"default":null}'
    assert Schema(default=None).to_json() == b"{}"
    assert not NULL
    nested = {"any": {"a": [None, {"b": None}], "c": 1}}
    assert Numbers.model_validate_json(json.dumps(nested)).to_wire() == nested


def test_masks_keep_digits_where_they_are():
    assert parse_field_mask("sha256Hash,videoMetadata.videoDuration") == (
        "sha256_hash",
        "video_metadata.video_duration",
    )
    assert parse_field_mask({"paths": ["display_name"]}) == ("display_name",)
    assert parse_field_mask("") == ()
    with pytest.raises(ValueError, match="field paths"):
        parse_field_mask(5)
