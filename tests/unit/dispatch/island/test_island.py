import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.island.droop import Inverter, balance
from dispatch.island.link import Link, LinkRules, LinkState, Measured
from dispatch.island.ramp import Ramp
from dispatch.island.sharing import (
    CRITICAL,
    Load,
    black_start_order,
    reserve_for_critical,
    reserve_for_worst_day,
    share_out,
)
from dispatch.layers import make
from dispatch.plant import Device, Plant

LOADS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5_000)), min_size=1, max_size=8)


@given(LOADS, st.integers(0, 20_000), st.integers(0, 5_000))
def test_critical_loads_come_first_d2(wanted: list[tuple[int, int]], available: int, reserved: int) -> None:
    loads = [Load(f"L{i}", priority, energy) for i, (priority, energy) in enumerate(wanted)]
    given_wh = share_out(loads, available, reserved)
    assert set(given_wh) == {load.name for load in loads}
    assert sum(given_wh.values()) <= available
    for load in loads:
        assert 0 <= given_wh[load.name] <= load.wanted_wh
        if load.priority > CRITICAL and given_wh[load.name]:
            earlier = [each for each in loads if each.priority < load.priority]
            assert all(given_wh[each.name] == each.wanted_wh for each in earlier)
    later = sum(given_wh[load.name] for load in loads if load.priority > CRITICAL)
    critical = sum(load.wanted_wh for load in loads if load.priority == CRITICAL)
    assert later <= max(0, available - critical - reserved)
    if not reserved:
        assert sum(given_wh.values()) == min(available, sum(load.wanted_wh for load in loads))


def test_the_reserve_is_the_deepest_deficit_ahead() -> None:
    assert reserve_for_critical([5, 5, 5, 5], [0, 20, 0, 0], 900) == 5
    assert reserve_for_critical([5, 5, 5], [0, 0, 0], 900) == 15
    assert reserve_for_critical([5, 0, 9], [0, 10, 0], 500) == 9
    assert reserve_for_critical([1, 1], [9, 9], 900) == 0


def test_the_reserve_is_for_the_worst_of_the_days() -> None:
    assert reserve_for_worst_day([([5, 5], [9, 9]), ([5, 5], [0, 2]), ([5, 5], [5, 5])], 900) == 8
    assert reserve_for_worst_day([], 900) == 0


def test_black_start_never_asks_more_than_there_is() -> None:
    named = (("fridge", 0, 25), ("lift", 0, 500), ("oven", 2, 500), ("lamps", 0, 50), ("sauna", 3, 3_000))
    loads = [Load(*each) for each in named]
    groups = black_start_order(loads, {"lift": 2_500, "fridge": 5_000}, 5_600, 900)
    assert groups == [["fridge", "lamps"], ["lift"], ["oven"]], "the lift starts alone; 12 kW of sauna never"
    assert black_start_order(loads, {}, 0, 900) == []


def test_a_lost_grid_is_an_island_in_the_same_step() -> None:
    link = Link(LinkRules(), full_exchange_w=50_000)
    assert link.step(Measured(0, 50_000, 230)) == LinkState.CONNECTED
    for bad in ((None, 230), (50_000, None), (49_300, 230), (50_000, 190), (50_000, 270)):
        link = Link(LinkRules(), full_exchange_w=50_000)
        assert link.step(Measured(1, *bad)) == LinkState.ISLAND
        assert link.exchange_max_w == 0
    assert link.step(Measured(2, None, None, stored_wh=0)) == LinkState.DARK


def test_the_way_back_has_no_jump() -> None:
    link = Link(LinkRules(), full_exchange_w=20_000)
    link.step(Measured(0, None, None))
    allowed, before, states = [], 0, []
    for now in range(1, 200):
        flickers = now == 30  # a grid that comes and goes begins anew
        island_mhz = 49_700 if now < 120 else 49_980
        states.append(link.step(Measured(now, None if flickers else 50_020, 231, island_mhz)))
        assert link.exchange_max_w - before <= 500
        before = link.exchange_max_w
        allowed.append(before)
    assert LinkState.CONNECTED not in states[:118]
    assert states[100] == LinkState.SYNCHRONISING
    assert states[-1] == LinkState.CONNECTED
    assert allowed[-1] == 20_000


def test_a_home_comes_back_by_a_tenth_a_minute() -> None:
    ramp = Ramp(1_000, 200, import_max_w=9_000, export_max_w=6_000)
    assert [ramp.within(1_000 + s, 4_000) for s in (-5, 0, 60, 180, 300)] == [200, 200, 1_100, 2_900, 4_000]
    assert [ramp.within(1_000 + s, -9_000) for s in (0, 60, 600, 6_000)] == [200, -400, -5_800, -5_800]
    assert [ramp.over(1_000 + s) for s in (0, 599, 600)] == [False, False, True]


def test_time_does_not_go_back() -> None:
    link = Link(LinkRules())
    link.step(Measured(10, 50_000, 230))
    with pytest.raises(ValueError, match="went back"):
        link.step(Measured(9, 50_000, 230))


@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 9_000)), max_size=6), st.integers(-40_000, 40_000))
def test_every_second_balances(limits: list[tuple[int, int]], net_load_w: int) -> None:
    inverters = [Inverter(*pair) for pair in limits]
    second = balance(inverters, net_load_w)
    assert sum(second.power_w) == net_load_w - second.shed_w + second.curtailed_w
    for inverter, power in zip(inverters, second.power_w, strict=True):
        assert -inverter.charge_max_w <= power <= inverter.discharge_max_w
    assert 49_000 <= second.frequency_mhz <= 51_000
    if second.shed_w:
        assert sum(second.power_w) == sum(each.discharge_max_w for each in inverters)


def test_the_frequency_comes_back_within_two_minutes() -> None:
    inverters = [Inverter(5_000, 5_000), Inverter(10_000, 10_000)]
    offset, seen = 0, []
    for second in range(180):
        now = balance(inverters, 9_000 if second >= 10 else 1_000, offset)
        offset = now.offset_mhz
        seen.append(now.frequency_mhz)
    assert min(seen) >= 49_300
    assert abs(seen[9] - 50_000) <= 60
    assert abs(seen[130] - 50_000) <= 30
    assert balance(inverters, 9_000).power_w == (3_000, 6_000), "shared by rating"


@pytest.mark.parametrize("seed", range(0, 1_000, 40))
def test_outages_of_minutes_to_days_keep_every_rule(seed: int) -> None:
    live_through(seed)


@pytest.mark.long
def test_a_thousand_outages_keep_every_rule() -> None:
    for seed in range(1_000):
        live_through(seed)


def live_through(seed: int) -> None:
    """Live through an outage from a seed: battery limits, D2, energy balance, and a link that comes back."""
    chance = random.Random(seed)
    step_s = 300
    capacity_wh, power_w = chance.randint(2_000, 60_000), chance.randint(1_000, 30_000)
    layer = make("lithium", capacity_kwh=capacity_wh / 1e3, power_kw=power_w / 1e3)
    store = Plant([Device("battery", layer)], {"battery/cells": chance.randint(0, capacity_wh * 1_000)})
    link = Link(LinkRules())
    for step in range(chance.choice([2, 12, 48, 96, 288])):
        sun_wh = max(0, chance.randint(-2_000, 1_500))
        wanted = (("medical", 0, 200), ("cold", 1, 300), ("rest", 2, 900))
        loads = [Load(name, priority, chance.randint(0, most)) for name, priority, most in wanted]
        state = link.step(
            Measured(step * step_s, None, None, stored_wh=store.stored_milliwh // 1_000, source_w=sun_wh * 12)
        )
        assert state == (LinkState.ISLAND if store.stored_milliwh // 1_000 or sun_wh else LinkState.DARK)
        assert link.exchange_max_w == 0
        given_wh = share_out(loads, sun_wh + store.most_wh("battery/discharge", 0, step_s), reserved_wh=200)
        served = sum(given_wh.values())
        if given_wh["rest"] or given_wh["cold"]:
            assert given_wh["medical"] == loads[0].wanted_wh
        discharge = store.discharge(max(0, served - sun_wh), 0, step_s)
        store.charge(max(0, sun_wh - served), 0, 0, step_s)
        assert served <= sun_wh + discharge
    end = (link.last or 0) + 1
    for now in range(end, end + 130, 5):
        link.step(Measured(now, 50_000, 230))
    assert link.state == LinkState.CONNECTED
