from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dispatch.goals import Goals
from dispatch.layers import make
from dispatch.plant import Device, Plant, Stay
from dispatch.prices import ExchangePrices
from dispatch.site_plan import CarForecast, SiteForecast, SitePlanner

QUARTER = 900
LOSSLESS = make(
    "lithium", capacity_kwh=4.0, power_kw=4.0, charge_yield=1.0, discharge_yield=1.0, loss_per_month=0.0,
    wear_eur_per_kwh=0.0,
)  # fmt: skip


def flat(import_ueur: int, export_ueur: int = 50_000) -> ExchangePrices:
    return ExchangePrices(export_ueur, export_ueur, import_ueur, import_ueur, 0)


def forecast(net_wh: list[int]) -> SiteForecast:
    return SiteForecast(0, tuple(max(0, wh) for wh in net_wh), tuple(max(0, -wh) for wh in net_wh))


def test_the_curve_is_the_worth_of_what_comes_later() -> None:
    """1 kWh stored; 300 Wh are needed at 0.50 and 400 Wh at 0.30; the rest is worth the export price at the end."""
    plant = Plant([Device("b", LOSSLESS, solar_only=True)], {"b/cells": 1_000_000})
    prices = [flat(200_000), flat(300_000), flat(500_000)]
    plan = SitePlanner(QUARTER).plan(plant, forecast([0, 400, 300]), prices)
    assert plan is not None
    assert (plan.curve.most_wh, plan.curve.least_wh) == (0, -300)
    ((price, wh),) = plan.curve.drops
    assert wh == 300
    assert price == pytest.approx(50_000, abs=20)


def test_the_curve_falls_and_is_the_same_after_other_plans() -> None:
    planner = SitePlanner(QUARTER)
    plant = Plant([Device("b", LOSSLESS), Device("car", make("car"), absent=True)], {"b/cells": 2_000_000})
    plant.stays["car"] = Stay(6 * 3_600, 30_000_000)
    net = [round(500 * np.sin(step / 5)) for step in range(40)]
    prices = [flat(200_000 + 30_000 * ((step + 5) % 7) + 100_000 * (step > 25)) for step in range(40)]
    first = planner.plan(plant, forecast(net), prices)
    planner.plan(plant, forecast([-wh for wh in net]), prices)
    again = planner.plan(plant, forecast(net), prices)
    assert first is not None
    assert again is not None
    assert first.curve == again.curve
    assert len(first.curve.drops) > 1
    assert all(low[0] <= high[0] for low, high in pairwise(first.curve.drops))
    assert all(wh > 0 for _, wh in first.curve.drops)
    assert first.begins[:9] == tuple(range(0, 8 * QUARTER + 1, QUARTER))
    assert first.begins[9] == 8 * QUARTER + 3_600


def test_carbon_moves_charging_to_the_cleaner_hours_and_no_bid_above_the_tariff() -> None:
    """Energy costs the same all day; the supplier's is dirty at first and in the end."""
    planner, plant = SitePlanner(3_600), Plant([Device("b", LOSSLESS)], {"b/cells": 1_000_000})
    net, prices, carbon = [1_000] * 4, [flat(200_000)] * 4, [800, 100, 100, 800]
    bill = planner.plan(plant, forecast(net), prices, carbon_g_per_kwh=carbon)
    clean = planner.plan(plant, forecast(net), prices, goals=Goals(carbon_ueur_per_g=100), carbon_g_per_kwh=carbon)
    assert bill is not None
    assert clean is not None
    assert bill.programme.taken_kwh["b/charge"].sum() == pytest.approx(0, abs=1e-6)
    assert clean.programme.taken_kwh["b/charge"][1:3].sum() == pytest.approx(1, abs=1e-3)
    assert clean.programme.taken_kwh["b/discharge"] == pytest.approx([1, 0, 0, 1], abs=1e-3)
    assert {price for price, _ in clean.curve.drops} <= set(range(50_000, 200_001))
    assert clean.curve.least_wh < clean.curve.most_wh


def test_a_reserve_stays_in_the_battery_and_a_peak_is_shaved() -> None:
    planner, plant = SitePlanner(3_600), Plant([Device("b", LOSSLESS)], {"b/cells": 3_000_000})
    day = forecast([500] * 24), [flat(200_000)] * 24
    kept, spent = (planner.plan(plant, *day, goals=Goals(reserve_permille=each)) for each in (500, 0))
    assert kept is not None
    assert spent is not None
    # Towards the end of what is planned it is worth more to have it used, and then the next plan looks further.
    assert kept.programme.content_kwh["b/cells"][:18].min() == pytest.approx(2, abs=1e-3)
    assert spent.programme.content_kwh["b/cells"][6] == pytest.approx(0, abs=1e-3)
    net, prices = [500, 500, 3_000, 500], [flat(200_000), flat(400_000), flat(200_000), flat(200_000)]
    shaved = planner.plan(plant, forecast(net), prices, goals=Goals(peak_ueur_per_kw=5_000_000))
    spent = planner.plan(plant, forecast(net), prices)
    assert shaved is not None
    assert spent is not None
    assert shaved.programme.exchange_kwh["electricity"].max() == pytest.approx((4.5 - 3) / 4, abs=1e-3)
    assert spent.programme.exchange_kwh["electricity"].max() > 0.5


@pytest.mark.parametrize("goals", [{"carbon_ueur_per_g": -1}, {"reserve_permille": 1_001}, {"peak_ueur_per_kw": 0.5}])
def test_goals_are_within_reason(goals: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(goals))):
        Goals(**goals)


def test_a_car_leaves_with_what_its_owner_needs() -> None:
    plant = Plant([Device("car", make("car"), absent=True)], {"car/cells": 20_000_000})
    plant.stays["car"] = Stay(4 * QUARTER, 24_000_000)
    plan = SitePlanner(QUARTER).plan(plant, forecast([0] * 12), [flat(300_000)] * 12)
    assert plan is not None
    assert plan.programme.content_kwh["car/cells"][3] == pytest.approx(24.0, abs=1e-6)
    assert plan.programme.taken_kwh["car/charge"][4:].sum() == 0


def test_what_keeps_to_the_plan_has_setpoints() -> None:
    plant = Plant([Device("g", make("biogas", least_share=0.0, start_eur_per_kw=0.0))], {"g/gas": 100_000_000})
    plan = SitePlanner(QUARTER).plan(plant, forecast([2_000] * 8), [flat(300_000)] * 8)
    assert plan is not None
    assert plan.setpoints_wh["g/engine"] == pytest.approx(2_000, abs=3_001)
    assert plan.setpoints_wh["g/engine"] > 1_900


def test_forecasts_that_can_not_be_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        SiteForecast(0, (), ())
    with pytest.raises(ValueError, match="at least one step"):
        SiteForecast(0, (1, 2), (1,))
    with pytest.raises(ValueError, match="at least 0 Wh"):
        SiteForecast(0, (-1,), (0,))
    with pytest.raises(ValueError, match="the same steps"):
        SitePlanner(QUARTER).plan(Plant([]), forecast([1, 2]), [flat(200_000)])


def test_a_site_without_devices_wants_its_net_load_at_every_price() -> None:
    plan = SitePlanner(QUARTER).plan(Plant([]), forecast([123, 5]), [flat(200_000)] * 2)
    assert plan is not None
    assert (plan.curve.most_wh, plan.curve.drops) == (123, ())


def test_negative_prices_are_planned_with() -> None:
    plant = Plant([Device("b", LOSSLESS)])
    prices = [ExchangePrices(-200_000, -150_000, -50_000, -10_000, 100), *[flat(300_000)] * 7]
    plan = SitePlanner(QUARTER).plan(plant, forecast([100] * 8), prices)
    assert plan is not None
    assert plan.curve.least_wh == 100 + 1_000


def test_a_car_is_planned_for_when_it_is_expected_back_and_for_its_next_departure() -> None:
    car = make("car", capacity_kwh=60.0, charge_kw=10.0, charge_yield=1.0)
    plant = Plant([Device("car", car, absent=True)], {"car/cells": 25_000_000})
    there = (900, 100, 400, 800, 900, 600, 700, 200)
    said = replace(forecast([0] * 8), cars={"car": CarForecast(there, 20_000_000, 10_000_000)})
    plan = SitePlanner(3_600).plan(plant, said, [flat(200_000)] * 8)
    assert plan is not None
    charged = plan.programme.taken_kwh["car/charge"]
    assert charged[[0, 1, 2, 7]].sum() == pytest.approx(0, abs=1e-6), "not now, nor while it is away"
    assert charged[3:7].sum() == pytest.approx(5.0, abs=1e-4), "25 kWh, 10 driven: 5 are lacking to 20"
    without = SitePlanner(3_600).plan(plant, forecast([0] * 8), [flat(200_000)] * 8)
    assert without is not None
    assert without.programme.taken_kwh["car/charge"].sum() == pytest.approx(0, abs=1e-6)
    plant.withdrawn = frozenset({"car"})
    alone = SitePlanner(3_600).plan(plant, said, [flat(200_000)] * 8)
    assert alone is not None
    assert alone.programme.taken_kwh["car/charge"].sum() == pytest.approx(0, abs=1e-6)


def test_a_stay_that_was_told_goes_before_the_habit() -> None:
    car = make("car", capacity_kwh=60.0, charge_kw=10.0, charge_yield=1.0)
    plant = Plant([Device("car", car, absent=True)], {"car/cells": 25_000_000})
    plant.stays["car"] = Stay(2 * 3_600, 30_000_000)
    said = replace(forecast([0] * 4), cars={"car": CarForecast((0, 900, 0, 0), 50_000_000, 0)})
    plan = SitePlanner(3_600).plan(plant, said, [flat(200_000)] * 4)
    assert plan is not None
    assert plan.programme.taken_kwh["car/charge"].tolist() == pytest.approx([5, 0, 0, 0], abs=1e-4)


def test_wind_comes_off_the_net_load() -> None:
    plant = Plant([Device("b", LOSSLESS, solar_only=True)])
    said = replace(forecast([100, 400]), wind_wh=(500, 0))
    assert said.net_wh == -400
    plan = SitePlanner(QUARTER).plan(plant, said, [flat(200_000)] * 2)
    assert plan is not None
    assert plan.programme.taken_kwh["b/charge"].tolist() == pytest.approx([0.4, 0], abs=1e-6)
    for wrong in ({"wind_wh": (1,)}, {"wind_wh": (1, -1)}, {"cars": {"car": CarForecast((1,), 0, 0)}}):
        with pytest.raises(ValueError, match=r"forecast"):
            replace(said, **wrong)
