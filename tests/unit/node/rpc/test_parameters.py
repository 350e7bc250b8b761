from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.orders import Side, TimeInForce
from node.rpc import parameters
from node.rpc.parameters import BadParameter

ACCOUNT = "0x" + "aB" * 20
ORDER: dict[str, Any] = {
    "account": ACCOUNT,
    "interval": 1_495_024_200,
    "side": "sell",
    "quantityWh": 500,
    "limitPrice": -90_000,
    "timeInForce": "fill-or-kill",
    "nonce": 7,
    "expiry": 0,
}


def test_reads_an_order() -> None:
    order = parameters.order({**ORDER, "maxCarbon": 0, "minLot": "0", "partnerGroup": "0x" + "00" * 32})
    assert order.account == bytes.fromhex("ab" * 20)
    assert order.side is Side.SELL
    assert order.time_in_force is TimeInForce.FILL_OR_KILL
    assert (order.interval, order.quantity_wh, order.limit_price_ueur_per_kwh) == (1_495_024_200, 500, -90_000)
    assert order == parameters.order(ORDER), "attributes left out are zero"


def test_reads_enumerations_as_signed_numbers_too() -> None:
    order = parameters.order({**ORDER, "side": 0, "timeInForce": 1})
    assert (order.side, order.time_in_force) == (Side.BUY, TimeInForce.IMMEDIATE_OR_CANCEL)


@given(st.integers(0, parameters.INT64_MAX))
def test_reads_an_integer_as_number_or_as_decimal_text(value: int) -> None:
    assert parameters.order({**ORDER, "nonce": value}) == parameters.order({**ORDER, "nonce": str(value)})


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("account", "0x1234", "40 hexadecimal digits"),
        ("account", None, "40 hexadecimal digits"),
        ("side", "both", '"buy"'),
        ("side", True, "true"),
        ("side", 2, '"sell"'),
        ("timeInForce", "forever", "good-till-gate"),
        ("timeInForce", False, "false"),
        ("quantityWh", 500.0, "not 500.0"),
        ("quantityWh", True, "not true"),
        ("quantityWh", "5e2", "decimal text"),
        ("quantityWh", "0500", "decimal text"),
        ("quantityWh", " 500", "decimal text"),
        ("quantityWh", "٥", "decimal text"),
        ("quantityWh", -1, "from 0 to"),
        ("nonce", 2**63, "from 0 to 9223372036854775807"),
        ("limitPrice", "-9223372036854775809", "from -9223372036854775808"),
        ("maxCarbon", 2**32, "from 0 to 4294967295"),
        ("partnerGroup", "0x00", "64 hexadecimal digits"),
        ("interval", {}, "an object"),
        ("quantitywh", 5, "no field here"),
    ],
)
def test_names_the_wrong_field_and_what_would_be_right(field: str, value: object, problem: str) -> None:
    with pytest.raises(BadParameter) as caught:
        parameters.order({**ORDER, field: value})
    assert caught.value.field == f"order.{field}"
    assert problem in caught.value.problem


@pytest.mark.parametrize("field", ORDER)
def test_names_a_missing_field(field: str) -> None:
    with pytest.raises(BadParameter, match=rf"order\.{field}: is missing"):
        parameters.order({key: value for key, value in ORDER.items() if key != field})


def test_long_wrong_values_are_not_repeated() -> None:
    with pytest.raises(BadParameter) as caught:
        parameters.order({**ORDER, "nonce": "x" * 10_000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["", "0x", "0x" + "1c" * 64, "0x" + "1c" * 66, "1c" * 65, "0x" + "zz" * 65, 5])
def test_refuses_what_is_no_signature(text: object) -> None:
    with pytest.raises(BadParameter, match="130 hexadecimal digits"):
        parameters.signature("signature", text)


def test_filters_translate_names_and_lower_addresses() -> None:
    given_filter = {"from": 900, "to": "1800", "account": ACCOUNT, "cursor": None}
    assert parameters.filters(given_filter, parameters.TRADE_FILTERS) == {
        "start": 900,
        "end": 1_800,
        "account": ACCOUNT.lower(),
    }
    assert parameters.filters(None, parameters.TRADE_FILTERS) == {}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "filter"),
        ({"colour": 1}, "filter.colour"),
        ({"limit": 0}, "filter.limit"),
        ({"cursor": 5}, "filter.cursor"),
    ],
)
def test_filters_refuse_what_they_do_not_know(value: object, field: str) -> None:
    with pytest.raises(BadParameter) as caught:
        parameters.filters(value, parameters.TRADE_FILTERS)
    assert caught.value.field == field


@pytest.mark.parametrize(("given", "asked"), [(True, True), ("true", True), ("false", False)])
def test_a_list_may_begin_at_its_end(given: object, asked: bool) -> None:
    assert parameters.filters({"newestFirst": given}, parameters.RUN_FILTERS) == {"newest_first": asked}


@pytest.mark.parametrize("given", [1, "yes", ""])
def test_newest_first_is_true_or_false(given: object) -> None:
    with pytest.raises(parameters.BadParameter, match="true or false"):
        parameters.filters({"newestFirst": given}, parameters.ORDER_FILTERS)


def test_order_status_is_one_of_the_known() -> None:
    with pytest.raises(BadParameter, match="resting, filled, cancelled"):
        parameters.filters({"status": "lost"}, parameters.ORDER_FILTERS)
