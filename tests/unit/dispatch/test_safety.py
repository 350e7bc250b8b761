import pytest

from dispatch.safety import UNBOUNDED_WH, GridBand, actuate
from dispatch.storage import Battery, BatterySpec

HOME = BatterySpec(6_400, 5_000, 948, 949)
COMMUNITY = BatterySpec(6_400, 5_000, 948, 949, charge_from_grid=True)
HALF_FULL = Battery(HOME, 3_200_000)


def test_inside_the_band_the_battery_rests() -> None:
    for net_wh in (-200, -100, 0, 300):
        assert actuate(HALF_FULL, GridBand(-200, 300), max(0, net_wh), max(0, -net_wh)) == (0, 0)


def test_a_deficit_beyond_the_band_is_discharged_and_a_surplus_stored() -> None:
    assert actuate(HALF_FULL, GridBand(-200, 300), 450, 0) == (0, 150)
    assert actuate(HALF_FULL, GridBand(-200, 300), 0, 450) == (250, 0)


def test_what_was_sold_is_delivered_from_the_store_when_the_sun_fails() -> None:
    assert actuate(HALF_FULL, GridBand(-400, -400), 100, 250) == (0, 250)


def test_a_home_battery_never_charges_from_the_grid_but_a_community_battery_does() -> None:
    bought = GridBand(500, 500)
    assert actuate(HALF_FULL, bought, 0, 0) == (0, 0)
    assert actuate(HALF_FULL, bought, 0, 120) == (120, 0)
    assert actuate(Battery(COMMUNITY, 3_200_000), bought, 0, 0) == (500, 0)


def test_power_room_and_reserve_bound_every_correction() -> None:
    anything = GridBand(-UNBOUNDED_WH, -UNBOUNDED_WH)
    assert actuate(HALF_FULL, anything, 0, 0) == (0, 1_250)
    assert actuate(HALF_FULL, anything, 0, 0, length_s=300) == (0, 416)
    reserved = BatterySpec(6_400, 5_000, 948, 949, reserve_wh=3_100)
    assert actuate(Battery(reserved, 3_200_000), anything, 0, 0) == (0, 94)
    assert actuate(Battery(HOME, 6_300_000), GridBand(0, 0), 0, 5_000) == (105, 0)


def test_a_band_does_not_run_backwards() -> None:
    with pytest.raises(ValueError):
        GridBand(1, 0)
