from typing import Any

import pytest

from dispatch.storage import Battery, BatterySpec, default_home_battery
from tests.support.sierra_crest import home_rows

SPEC = BatterySpec(6_400, 5_000, 948, 949)


def test_charging_stores_whole_wh_times_efficiency_exactly() -> None:
    assert Battery(SPEC, 5).step(1_000, 0).stored_milliwh == 948_005


def test_discharging_takes_more_than_it_gives_rounded_up() -> None:
    assert Battery(SPEC, 2_000_000).step(0, 1_000).stored_milliwh == 2_000_000 - 1_053_741


def test_a_round_trip_never_gives_more_than_the_efficiencies() -> None:
    for charge_wh in range(0, 1_250, 7):
        battery = Battery(SPEC, 0).step(charge_wh, 0)
        assert battery.discharge_max_wh() * 1_000_000 <= charge_wh * 948 * 949


def test_limits_are_power_room_and_reserve() -> None:
    spec = BatterySpec(6_400, 5_000, 948, 949, reserve_wh=1_000)
    assert Battery(spec, 0).charge_max_wh() == 1_250
    assert Battery(spec, 6_399_053).charge_max_wh() == 0
    assert Battery(spec, 6_399_052).charge_max_wh() == 1
    assert Battery(spec, 6_400_000).discharge_max_wh() == 1_250
    assert Battery(spec, 1_100_000).discharge_max_wh() == 94
    assert Battery(spec, 900_000).discharge_max_wh() == 0


@pytest.mark.parametrize(("charge_wh", "discharge_wh"), [(1, 1), (-1, 0), (0, -1), (1_251, 0), (0, 1_251)])
def test_a_step_outside_the_limits_is_refused(charge_wh: int, discharge_wh: int) -> None:
    with pytest.raises(ValueError):
        Battery(SPEC, 3_200_000).step(charge_wh, discharge_wh)


@pytest.mark.parametrize("stored_milliwh", [-1, 6_400_001])
def test_stored_energy_lies_within_the_capacity(stored_milliwh: int) -> None:
    with pytest.raises(ValueError):
        Battery(SPEC, stored_milliwh)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity_wh", 0),
        ("power_w", 0),
        ("charge_efficiency_permille", 0),
        ("discharge_efficiency_permille", 1_001),
        ("wear_ueur_per_kwh", -1),
        ("reserve_wh", 6_401),
    ],
)
def test_an_impossible_battery_is_refused(field: str, value: int) -> None:
    fields: dict[str, Any] = {
        "capacity_wh": 6_400,
        "power_w": 5_000,
        "charge_efficiency_permille": 948,
        "discharge_efficiency_permille": 949,
    }
    with pytest.raises(ValueError):
        BatterySpec(**{**fields, field: value})


def test_home_batteries_split_the_round_trip_and_stay_solar() -> None:
    for row in home_rows():
        spec = default_home_battery(row)
        assert spec is not None
        product = spec.charge_efficiency_permille * spec.discharge_efficiency_permille
        assert 899_000 <= product <= 900_000
        assert not spec.charge_from_grid
        assert (spec.capacity_wh, spec.power_w) == (6_400, 5_000)


def test_a_home_may_have_no_battery() -> None:
    assert default_home_battery({"battery_wh": "", "battery_w": "", "battery_efficiency_permille": ""}) is None
