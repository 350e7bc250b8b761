import numpy as np
import pytest

from dispatch.forecast import Forecast
from dispatch.prices import ExchangePrices
from dispatch.storage import Battery, BatterySpec
from dispatch.storage_model import CHARGES, DISCHARGES, schedule_of, storage_model

PRICES = ExchangePrices(50_000, 100_000, 120_000, 220_000, 300)
HOME = BatterySpec(6_400, 4_000, 800, 500)
COMMUNITY = BatterySpec(6_400, 4_000, 800, 500, charge_from_grid=True)


def flows_wh(spec: BatterySpec, load_wh: int, pv_wh: int) -> tuple[list[int], list[int]]:
    """Return AC charge and discharge bounds by tier for one step of a battery with 1 000 Wh of power."""
    model = storage_model(Battery(spec, 0), Forecast(0, (load_wh,), (pv_wh,)), [PRICES], 900)
    charges = [int(milliwh) // 800 for milliwh in model.flow_max_milliwh[CHARGES, 0]]
    discharges = [int(milliwh) // 2_000 for milliwh in model.flow_max_milliwh[DISCHARGES, 0]]
    return charges, discharges


def test_charging_climbs_the_tiers_from_the_net_load() -> None:
    charges, discharges = flows_wh(COMMUNITY, 0, 500)
    assert charges == [200, 300, 300, 200]
    assert discharges == [1_000, 0, 0, 0]


def test_a_home_charges_from_its_surplus_alone() -> None:
    assert flows_wh(HOME, 0, 500)[0] == [200, 300, 0, 0]
    assert flows_wh(HOME, 100, 0)[0] == [0, 0, 0, 0]


def test_discharging_descends_from_the_dearest_import() -> None:
    assert flows_wh(HOME, 700, 0)[1] == [0, 300, 300, 400]


def test_values_put_efficiency_and_wear_into_the_price() -> None:
    model = storage_model(Battery(HOME, 0), Forecast(0, (0,), (0,)), [PRICES], 900)
    assert model.value_ueur_per_kwh[CHARGES, 0].tolist() == [62_500, 125_000, 150_000, 275_000]
    assert model.value_ueur_per_kwh[DISCHARGES, 0].tolist() == [15_000, 40_000, 50_000, 100_000]
    assert model.end_value_ueur_per_kwh == 15_000


def test_the_floor_is_the_reserve_unless_the_store_is_already_below() -> None:
    spec = BatterySpec(6_400, 4_000, 800, 500, reserve_wh=1_000)
    forecast = Forecast(0, (0,), (0,))
    assert storage_model(Battery(spec, 2_000_000), forecast, [PRICES], 900).floor_milliwh == 1_000_000
    assert storage_model(Battery(spec, 400_000), forecast, [PRICES], 900).floor_milliwh == 400_000


def test_discharge_bounds_sum_to_full_power_however_they_are_rounded() -> None:
    spec = BatterySpec(6_400, 4_000, 948, 949)
    for load_wh in range(0, 900, 61):
        model = storage_model(Battery(spec, 0), Forecast(0, (load_wh,), (0,)), [PRICES], 900)
        assert model.flow_max_milliwh[DISCHARGES].sum() == spec.taken_by(1_000)
        assert model.flow_max_milliwh.min() >= 0


def test_a_schedule_fills_cheap_charges_and_dear_discharges_first() -> None:
    forecast = Forecast(0, (0, 700), (500, 0))
    model = storage_model(Battery(COMMUNITY, 2_000_000), forecast, [PRICES] * 2, 900)
    schedule = schedule_of(model, [600, 0], [0, 750], [2_480_000, 980_000])
    assert (schedule.flow_milliwh[CHARGES, 0] // 800).tolist() == [200, 300, 100, 0]
    assert (schedule.flow_milliwh[DISCHARGES, 1] // 2_000).tolist() == [0, 50, 300, 400]
    assert np.count_nonzero(schedule.flow_milliwh) == 6


def test_forecast_and_prices_are_of_the_same_length() -> None:
    with pytest.raises(ValueError):
        storage_model(Battery(HOME, 0), Forecast(0, (0, 0), (0, 0)), [PRICES], 900)
