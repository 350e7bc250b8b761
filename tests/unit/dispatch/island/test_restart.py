"""What is switched goes off by priority within a step, and comes on again in published, acknowledged groups."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.island.droop import Inverter, balance, settings_of
from dispatch.island.restart import ACKNOWLEDGED_S, HELD_S, Restart, Supply, SwitchedLoad
from dispatch.island.sharing import CRITICAL
from dispatch.layers import make
from dispatch.plant import Device, Plant

LOADS = (
    SwitchedLoad("boiler", 2, 2_000),
    SwitchedLoad("fridge", 0, 150, 5_000),
    SwitchedLoad("lamps", 0, 50),
    SwitchedLoad("pump", 1, 800, 3_000),
)


def obeyed(restart: Restart, told: Mapping[str, bool]) -> set[str]:
    for name, on in told.items():
        restart.acknowledged(name, on)
    return {name for name, on in told.items() if on}


def test_what_does_not_fit_goes_off_in_the_same_step_last_priority_first() -> None:
    restart = Restart(LOADS)
    assert obeyed(restart, restart.step(0, Supply(9_000, sheds=True))) == {"fridge", "lamps", "pump", "boiler"}
    assert obeyed(restart, restart.step(10, Supply(1_100, sheds=True))) == {"fridge", "lamps", "pump"}
    assert obeyed(restart, restart.step(20, Supply(9_000, sheds=True, others_w=900))) == {"fridge", "lamps"}
    assert obeyed(restart, restart.step(30, Supply(-1, sheds=True))) == set()
    small = Restart((SwitchedLoad("lift", 1, 5_000), SwitchedLoad("radio", 2, 10)))
    assert obeyed(small, small.step(0, Supply(1_000, sheds=True))) == set(), (
        "nothing later instead of something earlier"
    )


def test_the_dark_ends_in_the_published_order_one_acknowledged_group_after_the_other() -> None:
    restart = Restart(LOADS)
    restart.dark(0)
    assert obeyed(restart, restart.step(10, Supply(3_100, sheds=True))) == set(), "first it is seen to last"
    assert restart.order == [["lamps", "fridge"], ["pump"], ["boiler"]]
    told = restart.step(HELD_S, Supply(3_100, sheds=True))
    assert {name for name, on in told.items() if on} == {"lamps", "fridge"}
    assert restart.step(HELD_S + 10, Supply(3_100, sheds=True)) == told, "nobody has said that it switched"
    obeyed(restart, told)
    assert obeyed(restart, restart.step(HELD_S + 20, Supply(3_100, sheds=True))) == {"lamps", "fridge", "pump"}
    told = restart.step(HELD_S + 30, Supply(3_100, sheds=True))
    assert all(told.values())
    assert restart.silent(HELD_S + 31) == []
    assert restart.silent(HELD_S + 30 + ACKNOWLEDGED_S) == ["boiler"]


def test_a_switch_that_says_nothing_stops_nobody_for_long() -> None:
    restart = Restart(LOADS)
    restart.dark(0)
    supply = Supply(3_100, sheds=True)
    assert not any(restart.step(now, supply)["pump"] for now in (HELD_S, HELD_S + ACKNOWLEDGED_S - 1))
    assert restart.step(HELD_S + ACKNOWLEDGED_S, supply)["pump"]


def test_a_clock_that_jumps_back_keeps_nobody_in_the_dark() -> None:
    restart = Restart(LOADS)
    restart.dark(1_000_000)
    assert obeyed(restart, restart.step(10, Supply(3_100, sheds=True))) == {"fridge", "lamps"}, "a day earlier"
    assert restart.step(1_000_100, Supply(3_100, sheds=True))["pump"], "told, and without an answer yet"
    assert restart.silent(20) == ["pump"]
    assert restart.step(20, Supply(3_100, sheds=True))["boiler"]


def test_nothing_later_starts_while_something_earlier_can_not_d2() -> None:
    restart = Restart(LOADS)
    restart.dark(0)
    assert obeyed(restart, restart.step(HELD_S, Supply(1_900, sheds=True))) == {"lamps", "fridge"}
    held = Restart((SwitchedLoad("lift", 1, 5_000), SwitchedLoad("radio", 2, 10)))
    held.dark(0)
    assert obeyed(held, held.step(HELD_S, Supply(1_000, sheds=True))) == set()
    assert held.order == []


def test_with_the_grid_back_groups_follow_its_ramp_and_nothing_is_shed() -> None:
    restart = Restart(LOADS)
    restart.dark(0)
    seen = []
    for minute in range(1, 8):
        room_w = 600 * minute
        seen.append(obeyed(restart, restart.step(HELD_S * minute, Supply(room_w, sheds=False))))
    drawn = [sum(load.power_w for load in LOADS if load.name in names) for names in seen]
    assert all(w <= 600 * (place + 1) for place, w in enumerate(drawn)), "no jump"
    assert seen[-1] == {load.name for load in LOADS}
    assert obeyed(restart, restart.step(9_000, Supply(-5_000, sheds=False))) == seen[-1]


loads = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3_000), st.integers(1_000, 6_000)), max_size=6)


@given(
    loads,
    st.lists(st.tuples(st.integers(-500, 8_000), st.integers(-500, 9_000), st.booleans(), st.booleans()), max_size=12),
)
def test_an_island_is_never_asked_for_more_than_there_is_d2(
    made: list[tuple[int, int, int]], steps: list[tuple[int, int, bool, bool]]
) -> None:
    restart = Restart([SwitchedLoad(f"L{place}", *each) for place, each in enumerate(made)])
    for number, (power_w, others_w, obeys, dark) in enumerate(steps):
        now = 40 * number
        before = dict(restart.on)
        if dark:
            restart.dark(now)
        told = restart.step(now, Supply(power_w, True, others_w))
        on = [load for load in restart.loads if told[load.name]]
        started_w = sum(
            load.power_w * (load.inrush_permille if not before[load.name] else 1_000) / 1_000 for load in on
        )
        assert not on or started_w <= power_w
        if any(load.priority > CRITICAL for load in on):
            assert sum(load.power_w for load in on) <= others_w
        served = max((load.priority for load in on if not before[load.name]), default=CRITICAL)
        assert all(told[load.name] for load in restart.loads if load.priority < served)
        if obeys:
            obeyed(restart, told)


def test_two_loads_of_one_name_and_impossible_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="different names"):
        Restart((LOADS[0], LOADS[0]))
    for wrong in ((-1, 5, 1_000), (0, -5, 1_000), (0, 5, 999)):
        with pytest.raises(ValueError, match="at least"):
            SwitchedLoad("x", *wrong)


def test_inverters_set_as_told_share_by_their_rating_without_talking() -> None:
    plant = Plant(
        [
            Device("small", make("lithium", power_kw=5.0)),
            Device("big", make("lithium", power_kw=10.0)),
            Device("pump", make("heat_pump")),
            Device("car", make("car"), absent=True),
        ]
    )
    told = settings_of(plant)
    assert [each["name"] for each in told] == ["small", "big"], "a heat pump forms no island, and a car leaves"
    sharing = balance([Inverter(each["discharge_max_w"], each["charge_max_w"]) for each in told], 9_000)
    for each, power_w in zip(told, sharing.power_w, strict=True):
        # Each for itself: power from the frequency alone, by the settings that it was given.
        fallen_mhz = each["nominal_mhz"] - sharing.frequency_mhz
        assert fallen_mhz * each["discharge_max_w"] // each["droop_mhz"] == pytest.approx(power_w, rel=0.01)
