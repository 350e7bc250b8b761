"""Every code of `MarketReject`: when it comes, which facts it carries, that nothing changed, and which comes first."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from energy.errors import Corrupt
from energy.identity import hex_text
from market import accepting
from market.commands import (
    AdmitAccount,
    CloseGate,
    Command,
    OpenInterval,
    PlaceOrder,
    ReleaseInterval,
    SetLimits,
    WakeOrders,
)
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.orders import Order, Side, TimeInForce
from market.rejections import MarketReject
from tests.support.market import (
    GATE,
    INTERVAL,
    SIGNATURE,
    accepted,
    address,
    cancel,
    digest,
    market,
    order,
    place,
    rejected,
)

BUY, SELL = Side.BUY, Side.SELL
FOK = TimeInForce.FILL_OR_KILL
GOOD = order(2, BUY, 50, 100_000, 1)
RESTING = place(order(1, SELL, 20, 100_000, 7))


def refuse(state: MarketState, command: Command, now: int = 0) -> tuple[MarketReject, Mapping[str, int | str]]:
    before = state.digest()
    refused = rejected(apply(state, command, now))
    assert state.digest() == before
    assert isinstance(refused.code, MarketReject)
    return refused.code, refused.facts


@pytest.mark.parametrize(
    ("bad", "code", "facts"),
    [
        (replace(GOOD, account=address(9)), MarketReject.UNKNOWN_ACCOUNT, {"account": hex_text(address(9))}),
        (
            replace(GOOD, interval=INTERVAL + 900),
            MarketReject.UNKNOWN_INTERVAL,
            {"interval": INTERVAL + 900, "open_first": INTERVAL, "open_last": INTERVAL},
        ),
        (
            replace(GOOD, quantity_wh=0),
            MarketReject.QUANTITY_OUT_OF_RANGE,
            {"quantity_wh": 0, "quantity_min_wh": 1, "quantity_max_wh": 1_000_000},
        ),
        (
            replace(GOOD, quantity_wh=1_000_001),
            MarketReject.QUANTITY_OUT_OF_RANGE,
            {"quantity_wh": 1_000_001, "quantity_min_wh": 1, "quantity_max_wh": 1_000_000},
        ),
        (
            replace(GOOD, limit_price_ueur_per_kwh=1_001_000),
            MarketReject.PRICE_OUT_OF_RANGE,
            {
                "limit_price_ueur_per_kwh": 1_001_000,
                "price_floor_ueur_per_kwh": -500_000,
                "price_ceiling_ueur_per_kwh": 1_000_000,
            },
        ),
        (
            replace(GOOD, limit_price_ueur_per_kwh=-500_001),
            MarketReject.PRICE_OUT_OF_RANGE,
            {
                "limit_price_ueur_per_kwh": -500_001,
                "price_floor_ueur_per_kwh": -500_000,
                "price_ceiling_ueur_per_kwh": 1_000_000,
            },
        ),
        (
            replace(GOOD, limit_price_ueur_per_kwh=-499_999),
            MarketReject.PRICE_OFF_TICK,
            {"limit_price_ueur_per_kwh": -499_999, "tick_ueur_per_kwh": 1_000},
        ),
        (
            replace(GOOD, last_interval=INTERVAL),
            MarketReject.CONDITIONS_CLASH,
            {"field": "last_interval", "with_field": "interval"},
        ),
        (
            replace(GOOD, last_interval=INTERVAL + 900, valid_from=5),
            MarketReject.CONDITIONS_CLASH,
            {"field": "last_interval", "with_field": "valid_from"},
        ),
        (
            replace(GOOD, last_interval=INTERVAL + 900),
            MarketReject.UNKNOWN_INTERVAL,
            {"interval": INTERVAL + 900, "open_first": INTERVAL, "open_last": INTERVAL},
        ),
        (
            replace(GOOD, bundle=1),
            MarketReject.CONDITIONS_CLASH,
            {"field": "bundle_legs", "with_field": "bundle"},
        ),
        (
            replace(GOOD, bundle_legs=2),
            MarketReject.CONDITIONS_CLASH,
            {"field": "bundle_legs", "with_field": "bundle"},
        ),
        (
            replace(GOOD, bundle=1, bundle_legs=25),
            MarketReject.CONDITIONS_CLASH,
            {"field": "bundle_legs", "with_field": "bundle"},
        ),
        (
            replace(GOOD, bundle=1, bundle_legs=2, expiry=50),
            MarketReject.CONDITIONS_CLASH,
            {"field": "bundle", "with_field": "expiry"},
        ),
        (
            replace(GOOD, green_premium_ueur_per_kwh=1),
            MarketReject.CONDITIONS_CLASH,
            {"field": "green_premium_ueur_per_kwh", "with_field": "max_carbon_g_per_kwh"},
        ),
        (
            replace(GOOD, valid_from=GATE),
            MarketReject.NEVER_VALID,
            {"valid_from": GATE, "valid_until": GATE - 1},
        ),
        (
            replace(GOOD, valid_from=60, expiry=59),
            MarketReject.NEVER_VALID,
            {"valid_from": 60, "valid_until": 59},
        ),
        (
            replace(GOOD, post_only=True, time_in_force=FOK),
            MarketReject.CONDITIONS_CLASH,
            {"field": "post_only", "with_field": "time_in_force"},
        ),
        (
            replace(GOOD, display_wh=1, quantity_wh=101),
            MarketReject.DISPLAY_TOO_SMALL,
            {"display_wh": 1, "display_min_wh": 2},
        ),
        (
            replace(GOOD, post_only=True),
            MarketReject.WOULD_MATCH,
            {"limit_price_ueur_per_kwh": 100_000, "best_price_ueur_per_kwh": 100_000},
        ),
        (replace(GOOD, replaces=digest(1)), MarketReject.UNKNOWN_ORDER, {"digest": hex_text(digest(1))}),
        (
            replace(GOOD, replaces=RESTING.digest),
            MarketReject.NOT_THE_OWNER,
            {"account": hex_text(address(2)), "digest": hex_text(RESTING.digest)},
        ),
        (
            replace(GOOD, account=address(1), replaces=RESTING.digest),
            MarketReject.WRONG_REPLACEMENT,
            {"field": "side", "right": 1},
        ),
        (replace(GOOD, expiry=9), MarketReject.EXPIRED, {"expiry": 9, "now": 10}),
        (replace(GOOD, account=address(1), nonce=7), MarketReject.DUPLICATE_NONCE, {"nonce": 7}),
        (
            replace(GOOD, account=address(3)),
            MarketReject.INSUFFICIENT_COLLATERAL,
            {"needed_neur": 5_000_000, "available_neur": 4_999_999},
        ),
        (replace(GOOD, time_in_force=FOK), MarketReject.UNFILLABLE, {"quantity_wh": 50, "available_wh": 20}),
        (replace(GOOD, limit_price_ueur_per_kwh=99_000), MarketReject.BOOK_FULL, {"open_orders_max": 1}),
    ],
)
def test_bad_order_is_refused_with_the_right_value(
    bad: Order, code: MarketReject, facts: Mapping[str, int | str]
) -> None:
    state = market(RESTING, AdmitAccount(address(3), 4_999_999), config=replace(MarketConfig(), open_orders_max=1))
    assert refuse(state, place(bad), 10) == (code, facts)


def test_bounds_themselves_are_accepted() -> None:
    state = market(RESTING, AdmitAccount(address(3), 5_000_000))
    for number, bound in enumerate(
        (
            replace(GOOD, quantity_wh=1_000_000, limit_price_ueur_per_kwh=-500_000),
            replace(GOOD, quantity_wh=1, limit_price_ueur_per_kwh=1_000_000),
            replace(GOOD, expiry=10),
            replace(GOOD, account=address(3)),
        )
    ):
        accepted(apply(state, place(replace(bound, nonce=100 + number)), 10))


def test_orders_are_refused_from_gate_closure_on() -> None:
    state = market()
    facts = {"interval": INTERVAL, "gate_closure": GATE, "now": GATE}
    assert refuse(state, place(GOOD), GATE) == (MarketReject.GATE_CLOSED, facts)
    accepted(apply(state, place(GOOD), GATE - 1))
    accepted(apply(state, CloseGate(INTERVAL), GATE))
    assert refuse(state, place(replace(GOOD, nonce=2)), GATE)[0] == MarketReject.GATE_CLOSED


def test_nothing_wakes_before_its_time_or_after_its_gate() -> None:
    state = market(place(replace(GOOD, valid_from=50)))
    assert refuse(state, WakeOrders(INTERVAL), 49) == (
        MarketReject.NOTHING_DUE,
        {"interval": INTERVAL, "due_at": 50},
    )
    assert refuse(state, WakeOrders(INTERVAL), GATE)[0] == MarketReject.GATE_CLOSED
    assert refuse(state, WakeOrders(INTERVAL + 900), 50)[0] == MarketReject.UNKNOWN_INTERVAL


def test_so_many_orders_may_wait_beside_a_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "WAITING_MAX", 2)
    state = market(*(place(replace(GOOD, all_or_none=True, nonce=nonce)) for nonce in (1, 2)))
    for asked in ({"min_lot_wh": 2}, {"valid_from": 50}):
        third = place(replace(GOOD, nonce=3, **asked))  # type: ignore[arg-type]
        assert refuse(state, third) == (MarketReject.TOO_MANY_WAITING, {"waiting_orders_max": 2})
    accepted(apply(state, place(replace(GOOD, nonce=3)), 0))


def test_first_code_of_several_wins() -> None:
    """Each repair of the worst order uncovers the next code, in the sequence of the enumeration."""
    config = replace(MarketConfig(), open_orders_max=1)
    state = market(RESTING, AdmitAccount(address(3), 0), config=config)
    worst = replace(
        order(1, BUY, 0, 1_000_001, 7),
        account=address(9),
        interval=1,
        time_in_force=FOK,
        expiry=1,
    )
    repairs: list[tuple[dict[str, object], MarketReject]] = [
        ({}, MarketReject.UNKNOWN_ACCOUNT),
        ({"account": address(1)}, MarketReject.UNKNOWN_INTERVAL),
        ({"interval": INTERVAL}, MarketReject.QUANTITY_OUT_OF_RANGE),
        ({"quantity_wh": 50}, MarketReject.PRICE_OUT_OF_RANGE),
        ({"limit_price_ueur_per_kwh": 99_001}, MarketReject.PRICE_OFF_TICK),
        ({"limit_price_ueur_per_kwh": 99_000}, MarketReject.EXPIRED),
        ({"expiry": 0}, MarketReject.DUPLICATE_NONCE),
        ({"account": address(3)}, MarketReject.INSUFFICIENT_COLLATERAL),
        ({"account": address(2)}, MarketReject.UNFILLABLE),
        ({"time_in_force": TimeInForce.GOOD_TILL_GATE}, MarketReject.BOOK_FULL),
    ]
    codes = []
    for repair, _ in repairs:
        worst = replace(worst, **repair)  # type: ignore[arg-type]
        codes.append(refuse(state, place(worst), 10)[0])
    assert codes == [code for _, code in repairs]
    assert codes == sorted(codes)


def test_refused_nonce_may_be_used_again() -> None:
    state = market()
    refuse(state, place(replace(GOOD, quantity_wh=0)))
    accepted(apply(state, place(GOOD), 0))


def test_nonce_stays_used_after_cancel_and_fill() -> None:
    bid = place(GOOD)
    state = market(bid, cancel(bid))
    assert refuse(state, place(replace(GOOD, quantity_wh=9)))[0] == MarketReject.DUPLICATE_NONCE


def test_expired_orders_collateral_is_free_for_the_next_order() -> None:
    ask = order(1, SELL, 10, 100_000, 1, expiry=100)
    state = market(AdmitAccount(address(1), 10 * 900_000), place(ask))
    again = place(replace(ask, nonce=2, expiry=0))
    facts = {"needed_neur": 9_000_000, "available_neur": 0}
    assert refuse(state, again, 100) == (MarketReject.INSUFFICIENT_COLLATERAL, facts)
    accepted(apply(state, again, 101))


def test_cancel_is_refused_to_strangers_others_and_for_what_does_not_rest() -> None:
    state = market(RESTING)
    facts: dict[str, int | str] = {"account": hex_text(address(9))}
    assert refuse(state, cancel(RESTING, address(9))) == (MarketReject.UNKNOWN_ACCOUNT, facts)
    facts = {"account": hex_text(address(2)), "digest": hex_text(RESTING.digest)}
    assert refuse(state, cancel(RESTING, address(2))) == (MarketReject.NOT_THE_OWNER, facts)
    unknown = place(GOOD)
    facts = {"digest": hex_text(unknown.digest)}
    assert refuse(state, cancel(unknown)) == (MarketReject.UNKNOWN_ORDER, facts)
    assert refuse(state, cancel(RESTING), GATE)[0] == MarketReject.GATE_CLOSED


def test_cancel_of_a_gone_order_is_refused() -> None:
    state = market(RESTING, cancel(RESTING))
    assert refuse(state, cancel(RESTING))[0] == MarketReject.UNKNOWN_ORDER
    short_lived = place(order(1, SELL, 5, 100_000, 8, expiry=50))
    accepted(apply(state, short_lived, 0))
    assert refuse(state, cancel(short_lived), 51)[0] == MarketReject.UNKNOWN_ORDER


def test_interval_opens_once_on_the_grid_and_before_its_gate() -> None:
    state = market()
    assert refuse(state, OpenInterval(INTERVAL)) == (MarketReject.INTERVAL_ALREADY_OPEN, {"interval": INTERVAL})
    facts = {"interval": INTERVAL + 900, "gate_closure": GATE + 900, "now": GATE + 900}
    assert refuse(state, OpenInterval(INTERVAL + 900), GATE + 900) == (MarketReject.GATE_CLOSED, facts)
    facts = {"interval": INTERVAL + 1, "interval_length_s": 900}
    assert refuse(state, OpenInterval(INTERVAL + 1)) == (MarketReject.INTERVAL_OFF_GRID, facts)


def test_gate_closes_once_and_not_early() -> None:
    state = market()
    facts = {"interval": INTERVAL, "gate_closure": GATE, "now": GATE - 1}
    assert refuse(state, CloseGate(INTERVAL), GATE - 1) == (MarketReject.GATE_STILL_OPEN, facts)
    assert refuse(state, CloseGate(1), GATE)[0] == MarketReject.UNKNOWN_INTERVAL
    accepted(apply(state, CloseGate(INTERVAL), GATE))
    assert refuse(state, CloseGate(INTERVAL), GATE)[0] == MarketReject.GATE_CLOSED


def test_release_comes_once_and_after_the_gate_and_is_final() -> None:
    state = market()
    assert refuse(state, ReleaseInterval(INTERVAL)) == (MarketReject.INTERVAL_NOT_CLOSED, {"interval": INTERVAL})
    accepted(apply(state, CloseGate(INTERVAL), GATE))
    accepted(apply(state, ReleaseInterval(INTERVAL), GATE))
    facts = {"interval": INTERVAL, "open_first": 0, "open_last": 0}
    assert refuse(state, ReleaseInterval(INTERVAL), GATE) == (MarketReject.UNKNOWN_INTERVAL, facts)
    assert refuse(state, OpenInterval(INTERVAL), 0)[0] == MarketReject.GATE_CLOSED


def test_collateral_is_never_negative_and_accounts_are_limited() -> None:
    state = market(config=replace(MarketConfig(), accounts_max=3))
    assert refuse(state, AdmitAccount(address(1), -1)) == (MarketReject.NEGATIVE_COLLATERAL, {"collateral_neur": -1})
    assert refuse(state, AdmitAccount(address(4), 1)) == (MarketReject.TOO_MANY_ACCOUNTS, {"accounts_max": 3})
    accepted(apply(state, AdmitAccount(address(3), 1), 0))


def test_lowered_collateral_stops_new_orders_only() -> None:
    state = market(RESTING, AdmitAccount(address(1), 0))
    view = state.account(address(1))
    assert view is not None
    assert (view.available_neur, len(state.resting_orders())) == (-20 * 900_000, 1)
    assert refuse(state, place(replace(GOOD, account=address(1))))[0] == MarketReject.INSUFFICIENT_COLLATERAL


def test_limits_that_no_market_has_are_not_set_and_others_hold_for_what_comes_next() -> None:
    state = market(RESTING)
    code, facts = refuse(state, SetLimits(0, 0, 0, 0, -1))
    assert (code, "collar_ueur_per_kwh is -1" in str(facts["problem"])) == (MarketReject.LIMIT_OUT_OF_RANGE, True)
    accepted(apply(state, SetLimits(0, 1, 0, 0, 0), 0))
    assert refuse(state, place(GOOD))[0] == MarketReject.TOO_MUCH_ENERGY


def test_two_orders_with_one_digest_are_corruption() -> None:
    state = market(RESTING)
    with pytest.raises(Corrupt):
        apply(state, PlaceOrder(GOOD, RESTING.digest, SIGNATURE), 0)


def test_codes_are_stable() -> None:
    assert {code.value: code.name for code in MarketReject} == {
        1001: "UNKNOWN_ACCOUNT",
        1002: "UNKNOWN_INTERVAL",
        1003: "INTERVAL_ALREADY_OPEN",
        1004: "GATE_CLOSED",
        1005: "GATE_STILL_OPEN",
        1006: "QUANTITY_OUT_OF_RANGE",
        1007: "PRICE_OUT_OF_RANGE",
        1008: "PRICE_OFF_TICK",
        1009: "UNSUPPORTED_ATTRIBUTE",
        1010: "EXPIRED",
        1011: "DUPLICATE_NONCE",
        1012: "INSUFFICIENT_COLLATERAL",
        1013: "UNFILLABLE",
        1014: "BOOK_FULL",
        1015: "UNKNOWN_ORDER",
        1016: "NOT_THE_OWNER",
        1017: "INTERVAL_NOT_CLOSED",
        1018: "NEGATIVE_COLLATERAL",
        1019: "TOO_MANY_ACCOUNTS",
        1020: "INTERVAL_OFF_GRID",
        1021: "NOT_ONE_LOT",
        1022: "ONE_ORDER_EACH",
        1023: "OWN_ORDERS_MEET",
        1024: "ACCOUNT_HALTED",
        1025: "TOO_FAST",
        1026: "OUTSIDE_COLLAR",
        1027: "TOO_MANY_ORDERS",
        1028: "TOO_MUCH_ENERGY",
        1029: "TOO_MUCH_MONEY",
        1030: "WOULD_MATCH",
        1031: "CONDITIONS_CLASH",
        1032: "DISPLAY_TOO_SMALL",
        1033: "WRONG_REPLACEMENT",
        1034: "NEVER_VALID",
        1035: "NOTHING_DUE",
        1036: "TOO_MANY_WAITING",
        1037: "WRONG_LEG",
        1038: "OUTLIVES_CONNECTION",
        1039: "LIMIT_OUT_OF_RANGE",
    }
