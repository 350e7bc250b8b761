from dispatch.explain import Action, explain
from dispatch.layers import make
from dispatch.plant import Device, Plant, Stay
from dispatch.prices import ExchangePrices
from dispatch.site_plan import SiteForecast, SitePlanner

HOUR = 3_600


def test_each_device_has_its_reason() -> None:
    """Dear now, cheap at noon: the battery gives, the car waits for noon, and wind runs."""
    devices = [
        Device("battery", make("lithium", capacity_kwh=4.0, power_kw=2.0)),
        Device("car", make("car"), absent=True),
        Device("mill", make("wind")),
    ]
    plant = Plant(devices, {"battery/cells": 2_000_000, "car/cells": 12_000_000})
    plant.stays["car"] = Stay(8 * HOUR, 25_000_000)
    prices = [ExchangePrices(p // 2, p // 2, p, p, 0) for p in [400_000] * 3 + [100_000] * 3 + [300_000] * 6]
    plan = SitePlanner(HOUR).plan(plant, SiteForecast(0, (3_000,) * 12, (0,) * 12), prices)
    assert plan is not None
    battery, car, mill = explain(plant, plan, [50] * 12)
    assert (battery.action, battery.then, battery.carbon_now_g_per_kwh) == (Action.GIVE, 3 * HOUR, 50)
    assert battery.price_then_ueur_per_kwh is not None
    assert battery.price_then_ueur_per_kwh < battery.price_now_ueur_per_kwh
    assert (car.action, car.energy_wh) == (Action.REST, 0)
    assert car.then == 3 * HOUR
    assert mill.action is Action.RUN
    assert mill.energy_wh > 0


def test_a_car_that_must_leave_says_so() -> None:
    plant = Plant([Device("car", make("car", discharge_kw=0.0), absent=True)], {"car/cells": 20_000_000})
    plant.stays["car"] = Stay(HOUR, 24_000_000)
    plan = SitePlanner(HOUR).plan(
        plant, SiteForecast(0, (0,) * 3, (0,) * 3), [ExchangePrices(0, 0, 200_000, 200_000, 0)] * 3
    )
    assert plan is not None
    (why,) = explain(plant, plan)
    assert (why.action, why.kept_until, why.carbon_now_g_per_kwh) == (Action.CHARGE, HOUR, None)
