"""Invariant D1: no band, load or sun, however wrong, drives a battery out of its limits."""

import random

from hypothesis import given
from hypothesis import strategies as st

from dispatch.safety import UNBOUNDED_WH, GridBand, actuate
from dispatch.storage import Battery, BatterySpec

exchanges = st.one_of(st.integers(-900, 900), st.sampled_from([-UNBOUNDED_WH, UNBOUNDED_WH]))
energies = st.one_of(st.integers(0, 900), st.just(2**40))


@st.composite
def batteries(draw: st.DrawFn) -> Battery:
    """Half of them ordinary, half of them strange."""
    if draw(st.booleans()):
        spec = BatterySpec(6_400, 5_000, 948, 949, charge_from_grid=draw(st.booleans()), reserve_wh=640)
        return Battery(spec, draw(st.sampled_from([3_200_000, 1_000_000, 6_350_000])))
    capacity = draw(st.integers(1, 50_000))
    spec = BatterySpec(
        capacity,
        draw(st.integers(1, 50_000)),
        draw(st.integers(1, 1_000)),
        draw(st.integers(1, 1_000)),
        charge_from_grid=draw(st.booleans()),
        reserve_wh=draw(st.integers(0, capacity)),
    )
    return Battery(spec, draw(st.integers(0, spec.capacity_milliwh)))


@given(batteries(), exchanges, exchanges, energies, energies)
def test_one_step_is_always_possible_and_never_overshoots(
    battery: Battery, low: int, high: int, load_wh: int, pv_wh: int
) -> None:
    band = GridBand(min(low, high), max(low, high))
    charge_wh, discharge_wh = actuate(battery, band, load_wh, pv_wh)
    after = battery.step(charge_wh, discharge_wh)
    net_wh = load_wh - pv_wh
    assert after.stored_milliwh >= min(battery.stored_milliwh, battery.spec.reserve_milliwh)
    assert not charge_wh or net_wh + charge_wh <= band.low_wh
    assert not discharge_wh or net_wh - discharge_wh >= band.high_wh
    if not battery.spec.charge_from_grid:
        assert charge_wh <= max(0, -net_wh)


def test_ten_thousand_steps_of_nonsense_break_no_limit() -> None:
    draw = random.Random(7)
    battery = Battery(BatterySpec(6_400, 5_000, 948, 949, reserve_wh=640), 640_000)
    given_wh = taken_wh = 0
    for _ in range(10_000):
        low, high = sorted(draw.choice((draw.randint(-4_000, 4_000), -UNBOUNDED_WH, UNBOUNDED_WH)) for _ in "ab")
        load_wh, pv_wh = draw.randint(0, 2_000), draw.randint(0, 2_000)
        charge_wh, discharge_wh = actuate(battery, GridBand(low, high), load_wh, pv_wh)
        assert charge_wh <= max(0, pv_wh - load_wh)
        battery = battery.step(charge_wh, discharge_wh)
        assert 640_000 <= battery.stored_milliwh <= 6_400_000
        taken_wh += charge_wh
        given_wh += discharge_wh
    assert taken_wh > 100_000
    assert given_wh * 1_000_000 <= taken_wh * 948 * 949
