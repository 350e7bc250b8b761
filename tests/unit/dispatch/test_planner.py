import random

import pytest

from dispatch.forecast import Forecast
from dispatch.planner import Planner, PlanReason
from dispatch.prices import ExchangePrices
from dispatch.storage import Battery, BatterySpec

HOME = BatterySpec(6_400, 5_000, 948, 949)
COMMUNITY = BatterySpec(40_000, 20_000, 948, 949, charge_from_grid=True)


def summer_day(seed: int = 1) -> Forecast:
    draw = random.Random(seed)
    load = tuple(draw.randint(60, 500) for _ in range(96))
    pv = tuple(max(0, 700 - (step - 50) ** 2) for step in range(96))
    return Forecast(0, load, pv)


def evening_peak(depth_wh: int = 200) -> list[ExchangePrices]:
    return [
        ExchangePrices(50_000, 90_000, 110_000, 500_000 if 64 <= step < 80 else 220_000, depth_wh) for step in range(96)
    ]


def test_a_home_stores_its_sun_for_the_evening_peak() -> None:
    plan = Planner().plan(Battery(HOME, 0), summer_day(), evening_peak(depth_wh=0))
    assert plan.reason == PlanReason.OPTIMAL
    assert sum(plan.discharge_wh[64:80]) > 2_000
    assert sum(plan.grid_import_wh[64:80]) < 100
    for load, pv, charge in zip(summer_day().load_wh, summer_day().pv_wh, plan.charge_wh, strict=True):
        assert charge <= max(0, pv - load)


def test_a_community_battery_buys_at_noon_what_the_market_holds_and_sells_in_the_evening() -> None:
    idle = Forecast(0, (0,) * 96, (0,) * 96)
    prices = [ExchangePrices(50_000, low, low + 10_000, 500_000, 300) for low in [80_000] * 48 + [400_000] * 48]
    plan = Planner().plan(Battery(COMMUNITY, 0), idle, prices)
    assert max(plan.charge_wh[:48]) == 300
    assert not any(plan.charge_wh[48:])
    assert set(plan.discharge_wh[48:]) <= {*range(301)}
    assert sum(plan.discharge_wh) > 12_000


def test_exchange_balances_in_every_step() -> None:
    forecast = summer_day()
    plan = Planner().plan(Battery(HOME, 1_000_000), forecast, evening_peak())
    for step in range(96):
        supplied = forecast.pv_wh[step] + plan.discharge_wh[step] + plan.grid_import_wh[step]
        assert supplied == forecast.load_wh[step] + plan.charge_wh[step] + plan.grid_export_wh[step]
        assert not (plan.grid_import_wh[step] and plan.grid_export_wh[step])


def test_without_time_the_plan_is_self_consumption_and_says_so() -> None:
    plan = Planner(time_limit_s=0).plan(Battery(HOME, 0), Forecast(0, (100, 600), (500, 0)), evening_peak()[:2])
    assert plan.reason == PlanReason.SOLVER_STOPPED
    assert plan.charge_wh == (400, 0)
    assert plan.discharge_wh == (0, 359)
    assert plan.value is not None


def test_the_time_limit_is_for_each_plan_alone() -> None:
    """All plans together take longer than the limit; single ones may be stopped on a busy machine."""
    planner = Planner(time_limit_s=0.05)
    reasons = [planner.plan(Battery(HOME, 0), summer_day(i), evening_peak()).reason for i in range(300)]
    assert reasons[150:].count(PlanReason.OPTIMAL) > 75


def test_a_plan_depends_on_its_inputs_alone() -> None:
    used = Planner()
    for seed in range(2, 12):
        used.plan(Battery(COMMUNITY, seed * 1_000_000), summer_day(seed), evening_peak(seed * 50))
    fresh_plan = Planner().plan(Battery(HOME, 2_345_678), summer_day(), evening_peak())
    assert used.plan(Battery(HOME, 2_345_678), summer_day(), evening_peak()) == fresh_plan


def test_equal_prices_are_used_early() -> None:
    prices = [ExchangePrices(50_000, 50_000, 220_000, 220_000, 0)] * 8
    plan = Planner().plan(Battery(HOME, 0), Forecast(0, (0,) * 8, (100,) * 8), prices)
    assert not any(plan.charge_wh)
    dear = [*prices[:4], *([ExchangePrices(50_000, 50_000, 500_000, 500_000, 0)] * 4)]
    plan = Planner().plan(Battery(HOME, 0), Forecast(0, (0,) * 4 + (95,) * 4, (300,) * 4 + (0,) * 4), dear)
    assert plan.charge_wh == (300, 122, 0, 0, 0, 0, 0, 0)
    assert plan.discharge_wh[4:] == (95, 95, 95, 94)


def test_without_a_battery_deficits_are_bought_and_surplus_sold() -> None:
    plan = Planner().plan(None, Forecast(900, (100, 20), (0, 50)), evening_peak()[:2])
    assert plan.reason == PlanReason.NO_BATTERY
    assert (plan.first_interval, plan.grid_import_wh, plan.grid_export_wh) == (900, (100, 0), (0, 30))
    assert plan.charge_wh == plan.discharge_wh == (0, 0)
    assert plan.value is None


def test_forecast_and_prices_are_of_the_same_length() -> None:
    with pytest.raises(ValueError):
        Planner().plan(Battery(HOME, 0), summer_day(), evening_peak()[:95])
