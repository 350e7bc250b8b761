import pytest
from hypothesis import given
from hypothesis import strategies as st

from interconnect.curves import (
    STEPS_MAX,
    Curve,
    Step,
    beyond_fee,
    coarse,
    pooled,
    residual,
    welfare_neur,
    within_capacity,
)
from tests.support.zone_records import STEPS


def steps(*pairs: tuple[int, int]) -> tuple[Step, ...]:
    return tuple(Step(*pair) for pair in pairs)


def net_export(asks: list[Step], bids: list[Step], price: int) -> tuple[int, int]:
    """Return the least and the most that orders give at a price, one by one."""
    given_wh = sum(step.quantity_wh for step in asks if step.price_ueur_per_kwh < price)
    taken_wh = sum(step.quantity_wh for step in bids if step.price_ueur_per_kwh > price)
    here = [step.quantity_wh for step in (*asks, *bids) if step.price_ueur_per_kwh == price]
    kept_wh = sum(step.quantity_wh for step in bids if step.price_ueur_per_kwh == price)
    return given_wh - taken_wh - kept_wh, given_wh - taken_wh - kept_wh + sum(here)


def test_orders_that_do_not_meet_are_their_own_residual() -> None:
    curve = residual(steps((120, 5), (100, 3)), steps((80, 2), (90, 4)))
    assert curve == Curve(steps((100, 3), (120, 5)), steps((90, 4), (80, 2)))


def test_orders_that_meet_inside_are_undone_where_the_border_pays_more() -> None:
    # The neighbours trade 3 Wh with each other; above 200 the seller rather exports, and its buyer goes without.
    curve = residual(steps((100, 3)), steps((200, 3)))
    assert curve == Curve(asks=steps((200, 3)), bids=steps((100, 3)))


@given(STEPS, STEPS, st.integers(-22, 22).map(lambda n: n * 1_000))
def test_residual_gives_at_each_price_what_the_orders_give(asks: list[Step], bids: list[Step], price: int) -> None:
    curve = residual(asks, bids)
    least, most = net_export(asks, bids, price)
    assert curve.export_at(price) == max(0, most)
    assert curve.import_at(price) == max(0, -least)


@given(STEPS, STEPS, STEPS, STEPS)
def test_pool_of_residuals_is_the_residual_of_all(a: list[Step], b: list[Step], c: list[Step], d: list[Step]) -> None:
    assert pooled([residual(a, b), residual(c, d)]) == residual([*a, *c], [*b, *d])


@given(STEPS, STEPS, st.integers(0, 5), st.integers(0, 900), st.integers(0, 900))
def test_fee_and_capacity_keep_the_best(asks: list[Step], bids: list[Step], fee: int, out: int, into: int) -> None:
    curve = residual(asks, bids)
    sent = within_capacity(beyond_fee(curve, fee * 1_000), out, into)
    assert (sent.export_wh, sent.import_wh) == (min(out, curve.export_wh), min(into, curve.import_wh))
    for price in range(-30_000, 30_000, 1_000):
        assert sent.export_at(price) == min(out, curve.export_at(price - fee * 1_000))
        assert sent.import_at(price) == min(into, curve.import_at(price + fee * 1_000))


@given(STEPS, STEPS, st.integers(2, 6))
def test_coarse_curve_has_few_steps_and_nobody_is_worse_off(asks: list[Step], bids: list[Step], steps_max: int) -> None:
    curve = residual(asks, bids)
    found = coarse(curve, 1_000, steps_max)
    assert max(len(found.asks), len(found.bids)) <= steps_max
    assert (found.export_wh, found.import_wh) == (curve.export_wh, curve.import_wh)
    for price in range(-70_000, 70_000, 1_000):
        assert found.export_at(price) <= curve.export_at(price)
        assert found.import_at(price) <= curve.import_at(price)


def test_message_of_a_thousand_homes_has_no_more_steps_than_one_of_a_hundred() -> None:
    curve = residual([Step(n * 1_000, 1) for n in range(1_000)], [])
    assert len(coarse(curve, 1_000).asks) <= STEPS_MAX


def test_welfare_is_the_area_under_the_curve() -> None:
    curve = Curve(asks=steps((100, 3), (120, 5)), bids=steps((90, 4)))
    assert welfare_neur(curve, 4) == -(3 * 100 + 120)
    assert welfare_neur(curve, -2) == 2 * 90
    assert welfare_neur(curve, 0) == 0


@pytest.mark.parametrize(
    ("asks", "bids"),
    [
        (steps((2, 1), (1, 1)), ()),
        ((), steps((1, 1), (2, 1))),
        (steps((1, 1), (1, 1)), ()),
        (steps((1, 1)), steps((2, 1))),
        (steps((1, 0)), ()),
    ],
    ids=["asks fall", "bids rise", "one price twice", "bid above ask", "no energy"],
)
def test_what_is_no_staircase_is_refused(asks: tuple[Step, ...], bids: tuple[Step, ...]) -> None:
    with pytest.raises(ValueError):
        Curve(asks, bids)


def test_fee_below_zero_is_refused() -> None:
    with pytest.raises(ValueError):
        beyond_fee(Curve(), -1)
