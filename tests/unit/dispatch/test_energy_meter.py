from hypothesis import given
from hypothesis import strategies as st

from dispatch.behind_meter import GRID, HEAT, SUN, WIND, BehindMeter
from dispatch.energy_meter import Energies, EnergyMeter


def test_energy_lies_on_the_line_between_readings() -> None:
    meter = EnergyMeter(10_000)
    for at, bought in ((0, 100), (600, 200), (1_200, 260)):
        assert meter.heard(at, bought, 5)
    assert meter.between(300, 900) == Energies(80, 0)
    assert meter.between(0, 1_200) == Energies(160, 0)
    assert meter.between(0, 1_201) is None
    assert meter.power_w() == 360


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(0, 200)), min_size=2, max_size=30), st.integers(0, 10_000))
def test_stretches_add_up(steps: list[tuple[int, int]], cut: int) -> None:
    meter = EnergyMeter(10**7)
    at = index = 0
    meter.heard(0, 0, 0)
    for wait, wh in steps:
        at, index = at + wait, index + wh
        meter.heard(at, index, 0)
    cut %= at + 1
    first, second = meter.between(0, cut), meter.between(cut, at)
    assert first is not None
    assert second is not None
    assert first.import_wh + second.import_wh == index


def test_what_can_not_be_is_believed_after_three_times() -> None:
    meter = EnergyMeter(9_000)
    assert meter.heard(0, 1_000, 0)
    assert not meter.heard(60, 999, 0)
    assert not meter.heard(120, 900_000, 0)
    assert meter.heard(180, 1_100, 0)
    assert meter.between(0, 180) == Energies(100, 0)
    assert [meter.heard(at, at // 60, 0) for at in (240, 300, 360)] == [False, False, True]
    assert meter.between(240, 360) == Energies(2, 0)
    assert meter.doubted == 5


def test_use_is_what_is_left_when_sun_and_devices_are_told_apart() -> None:
    home = BehindMeter(10_000, [SUN], ["battery"])
    for at, grid, sun, battery in ((0, 0, 0, 0), (900, 300, 500, 200)):
        home.heard(GRID, at, grid, 0)
        home.heard(SUN, at, 0, sun)
        home.heard("battery", at, battery, 0)
    behind = home.between(0, 900)
    assert behind is not None
    assert (behind.load_wh, behind.pv_wh, behind.moved_wh) == (600, 500, 200)
    assert home.net_w() == 400
    home.heard(GRID, 1_000, 300, 0)
    assert home.between(0, 1_000) is None
    assert home.heard_until() == 900


def test_wind_is_told_apart_from_the_sun_and_heat_may_come_late() -> None:
    home = BehindMeter(1_000, [WIND, HEAT], ["battery"])
    for at, grid, fed, wind, battery in ((0, 0, 0, 0, 0), (3_600, 100, 50, 400, 30)):
        home.heard(GRID, at, grid, fed)
        home.heard(WIND, at, 0, wind)
        home.heard("battery", at, battery, 0)
    behind = home.between(0, 3_600)
    assert behind is not None
    assert (behind.load_wh, behind.pv_wh, behind.wind_wh, behind.heat_wh) == (420, 0, 400, None)
    assert home.net_w() == 20
    assert home.heard_until() == 3_600
    assert home.heard(HEAT, 0, 0, 0)
    assert home.heard(HEAT, 3_600, 5_000, 0), "heat may be more than the connection carries"
    behind = home.between(0, 3_600)
    assert behind is not None
    assert behind.heat_wh == 5_000
