from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Digest
from interconnect.clearing import Awarded, clear_zone
from interconnect.curves import Curve, Step, beyond_fee, pooled, residual, welfare_neur, within_capacity
from tests.support.zone_records import STEPS

CURVES = st.builds(
    lambda asks, bids, fee, out, into: within_capacity(beyond_fee(residual(asks, bids), fee), out, into),
    STEPS,
    STEPS,
    st.sampled_from([0, 1_000, 3_000]),
    st.integers(0, 900),
    st.integers(0, 900),
)
ZONES = st.lists(CURVES, min_size=1, max_size=5).map(lambda curves: {child(n): each for n, each in enumerate(curves)})


def child(number: int) -> Digest:
    return Digest(number.to_bytes(32, "big"))


def test_surplus_of_one_goes_to_the_other_at_one_price() -> None:
    curves = {child(1): Curve(asks=(Step(50_000, 300),)), child(2): Curve(bids=(Step(90_000, 200),))}
    cleared = clear_zone(0, curves, 1_000)
    assert cleared.net_export_wh == {child(1): 200, child(2): -200}
    assert cleared.price_ueur_per_kwh == 50_000


def test_fee_that_eats_the_gain_keeps_energy_at_home() -> None:
    curves = {
        child(1): beyond_fee(Curve(asks=(Step(50_000, 300),)), 30_000),
        child(2): beyond_fee(Curve(bids=(Step(90_000, 200),)), 30_000),
    }
    assert clear_zone(0, curves, 1_000).net_export_wh == {child(1): 0, child(2): 0}


@given(ZONES, st.integers(-25, 25), st.booleans(), st.integers(1, 3))
def test_award_of_the_zone_above_is_always_covered(
    curves: dict[Digest, Curve], tick: int, exports: bool, part: int
) -> None:
    zone, price = pooled(curves.values()), tick * 1_000
    most = zone.export_at(price) if exports else -zone.import_at(price)
    net = int(most / part)
    cleared = clear_zone(0, curves, 1_000, Awarded(net, price))
    assert cleared.uplink_wh == net == sum(cleared.net_export_wh.values())


@given(ZONES)
def test_nobody_is_filled_beyond_its_curve(curves: dict[Digest, Curve]) -> None:
    cleared = clear_zone(0, curves, 1_000)
    price = cleared.price_ueur_per_kwh
    assert sum(cleared.net_export_wh.values()) == 0
    for each, net in cleared.net_export_wh.items():
        if net:
            assert price is not None
            assert -curves[each].import_at(price) <= net <= curves[each].export_at(price)


SMALL = st.lists(st.builds(Step, st.integers(0, 6).map(lambda n: n * 1_000), st.just(1)), max_size=3)


@given(st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=3))
def test_tree_of_zones_gains_as_much_as_any_allocation(homes: list[tuple[list[Step], list[Step]]]) -> None:
    """Two zones below a third: offered up, cleared, and awarded down, nobody finds a better exchange by trying all."""
    fee = 1_000
    below = {child(n): residual(*each) for n, each in enumerate(homes)}
    curves = {each: within_capacity(beyond_fee(curve, fee), 2, 2) for each, curve in below.items()}
    cleared = clear_zone(0, curves, 1_000)

    def gain(nets: tuple[int, ...]) -> int:
        return sum(welfare_neur(below[each], net) - abs(net) * fee for each, net in zip(below, nets, strict=True))

    ranges = [range(-min(2, curve.import_wh), min(2, curve.export_wh) + 1) for curve in below.values()]
    best = max(gain(nets) for nets in product(*ranges) if sum(nets) == 0)
    assert gain(tuple(cleared.net_export_wh[each] for each in below)) == best


def test_sequence_among_equals_turns_with_the_interval() -> None:
    curves = {child(n): Curve(asks=(Step(50_000, 10),)) for n in range(3)} | {child(9): Curve(bids=(Step(50_000, 10),))}
    first = {next(c for c, net in clear_zone(i, curves, 1_000).net_export_wh.items() if net > 0) for i in range(20)}
    assert first == {child(0), child(1), child(2)}


def test_price_off_the_tick_is_refused() -> None:
    with pytest.raises(ValueError):
        clear_zone(0, {child(1): Curve(asks=(Step(50_500, 1),))}, 1_000)
