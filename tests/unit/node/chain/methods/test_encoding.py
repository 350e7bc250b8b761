from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.errors import INVALID_PARAMS, ChainError
from node.chain.methods.encoding import (
    data,
    parse_address,
    parse_bool,
    parse_data,
    parse_quantity,
    parse_slot,
    quantity,
)


@given(st.integers(0, 2**256 - 1))
def test_quantities_survive(value: int) -> None:
    assert parse_quantity(quantity(value), "value") == value


@given(st.binary(max_size=64))
def test_data_survives(value: bytes) -> None:
    assert parse_data(data(value), "data") == value


@pytest.mark.parametrize(
    "value", ["", "0x", "0x00", "0x01", "1", "0xg", "0X1", "-0x1", " 0x1", "0x1\n", 1, None, [], "0x" + "f" * 65]
)
def test_refuses_what_is_no_quantity(value: Any) -> None:
    with pytest.raises(ChainError, match="invalid height") as caught:
        parse_quantity(value, "height")
    assert caught.value.code == INVALID_PARAMS


def test_refuses_quantities_of_too_many_bits() -> None:
    assert parse_quantity("0xff", "index", 8) == 255
    with pytest.raises(ChainError, match="exceeds 8 bits"):
        parse_quantity("0x100", "index", 8)


@pytest.mark.parametrize("value", ["", "0x0", "00", "0xzz", "0x00\n", 0, None])
def test_refuses_what_is_no_data(value: Any) -> None:
    with pytest.raises(ChainError, match="invalid input"):
        parse_data(value, "input")


def test_refuses_data_of_another_length() -> None:
    with pytest.raises(ChainError, match="expected 20 bytes, not 19"):
        parse_address("0x" + "22" * 19)


def test_a_long_value_is_shown_short() -> None:
    with pytest.raises(ChainError) as caught:
        parse_data("x" * 10_000, "input")
    assert len(caught.value.message) < 200


def test_a_slot_may_have_leading_zeros() -> None:
    assert parse_slot("0x0") == parse_slot("0x" + "00" * 32) == 0
    with pytest.raises(ChainError):
        parse_slot("0x" + "00" * 33)


def test_only_booleans_are_booleans() -> None:
    assert parse_bool(True, "full")
    with pytest.raises(ChainError):
        parse_bool(1, "full")
