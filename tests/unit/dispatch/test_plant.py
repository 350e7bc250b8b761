import pytest

from dispatch.layers import make
from dispatch.plant import Device, Plant, Stay

QUARTER = 900
BATTERY = Device("battery", make("lithium", capacity_kwh=10.0, power_kw=4.0, charge_yield=0.9, discharge_yield=0.9))
SOLAR_ONLY = Device("roof", make("lithium", capacity_kwh=10.0, power_kw=4.0), solar_only=True)
CAR = Device("car", make("car", capacity_kwh=60.0, charge_kw=11.0), absent=True)
HYDROGEN = Device("h2", make("hydrogen", capacity_kwh=100.0, electrolyser_kw=10.0, fuel_cell_kw=5.0))


def test_a_charge_is_rounded_down_and_a_discharge_up() -> None:
    plant = Plant([Device("b", make("lithium", charge_yield=1 / 3, discharge_yield=0.9))])
    assert plant.run("b/charge", 100, 0, QUARTER) == 100
    assert plant.contents["b/cells"] == 33_333
    assert plant.run("b/discharge", 10, 0, QUARTER) == 10
    assert plant.contents["b/cells"] == 33_333 - 11_112


def test_power_content_floor_and_room_are_never_left() -> None:
    plant = Plant([BATTERY])
    assert plant.run("battery/discharge", 500, 0, QUARTER) == 0
    assert plant.run("battery/charge", 5_000, 0, QUARTER) == 1_000
    plant.reported("battery/cells", 9_999_000)
    assert plant.run("battery/charge", 1_000, 0, QUARTER) == 1
    floor = Plant([Device("b", make("lithium", capacity_kwh=10.0, floor_share=0.5))], {"b/cells": 5_100_000})
    assert floor.discharge(4_000, 0, QUARTER) == 95


def test_a_device_that_may_only_store_sun_takes_no_more_than_the_surplus() -> None:
    plant = Plant([SOLAR_ONLY, BATTERY])
    assert plant.charge(1_500, 300, 0, QUARTER) == 300 + 1_000
    assert plant.contents["roof/cells"] == 300 * 955


def test_a_car_that_is_away_does_nothing_and_one_that_lacks_charge_gives_nothing() -> None:
    plant = Plant([CAR], {"car/cells": 30_000_000})
    assert plant.charge(500, 0, 0, QUARTER) == plant.discharge(500, 0, QUARTER) == 0
    plant.stays["car"] = Stay(until=3_600, wanted_milliwh=40_000_000)
    assert plant.discharge(500, 0, QUARTER) == 0
    plant.stays["car"] = Stay(until=3_600, wanted_milliwh=20_000_000)
    assert plant.discharge(500, 0, QUARTER) == 500
    assert plant.charge(500, 0, 3_600, QUARTER) == 0


def test_a_car_must_charge_when_full_power_until_departure_is_just_enough() -> None:
    plant = Plant([CAR], {"car/cells": 12_000_000})
    plant.stays["car"] = Stay(until=7_200, wanted_milliwh=12_000_000 + 11_000 * 950)
    assert plant.must_charge_wh(0, QUARTER) == 0
    assert plant.must_charge_wh(3_600, QUARTER) == 2_750
    assert plant.must_charge_wh(7_200, QUARTER) == 0


def test_a_unit_below_its_least_load_stays_off() -> None:
    plant = Plant([HYDROGEN], {"h2/tank": 50_000_000})
    assert plant.run("h2/electrolyser", 100, 0, QUARTER) == 0
    assert plant.run("h2/electrolyser", 125, 0, QUARTER) == 125
    assert plant.draws_wh("h2/electrolyser", 125) == 125
    assert plant.draws_wh("h2/fuel_cell", 100) == -100
    assert set(plant.slow) == {"h2/electrolyser", "h2/fuel_cell"}


def test_stores_lose_what_they_lose() -> None:
    plant = Plant([Device("s", make("sand", capacity_kwh=100.0))], {"s/sand": 50_000_000})
    for _ in range(96):
        plant.keep(QUARTER)
    assert plant.contents["s/sand"] == pytest.approx(49_000_000, abs=1_000)


def test_a_copy_lives_its_own_life() -> None:
    plant = Plant([BATTERY])
    plant.copy().charge(1_000, 0, 0, QUARTER)
    assert plant.stored_milliwh == 0


def test_what_can_not_be_is_not_believed() -> None:
    plant = Plant([BATTERY])
    assert plant.reported("battery/cells", 4_000_000)
    assert not plant.reported("battery/cells", -1)
    assert not plant.reported("battery/cells", 10_000_001)
    assert not plant.reported("nothing", 1)
    assert plant.contents["battery/cells"] == 4_000_000
    with pytest.raises(ValueError, match="battery/cells holds 0 to 10000000"):
        Plant([BATTERY], {"battery/cells": 10_000_001})
    with pytest.raises(ValueError, match="different names"):
        Plant([BATTERY, BATTERY])
