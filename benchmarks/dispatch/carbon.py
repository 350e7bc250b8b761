"""CO2 that costs nothing: of all plans that are equally cheap, the one that emits least.

15 homes with their batteries as one, the four fortnights of the auction. Carbon gets a price so small that it decides
between equal bills only. With foresight (one programme per fortnight), and in closed loop: planned anew each hour with
forecasts that know the past only, and the grid exchange followed by the meter; what the grid will emit is expected as
the mean of the last three days. Emissions are those of the energy drawn, hour by hour; exports earn nothing.
"""

from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.dispatch.auction import CAPACITY_KWH, DAYS, EXPORT_UEUR_PER_KWH, FIRST_DAYS, HOUR_S, ONE_WAY, POWER_KW
from benchmarks.dispatch.figures import Measured
from benchmarks.dispatch.picture import Line, write_picture
from benchmarks.dispatch.street import SOUND, street_year
from dispatch.forecasting.features import Floats
from dispatch.layers import make
from dispatch.optimiser.conditions import Conditions, Exchange, Weights
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import ELECTRICITY, placed
from dispatch.optimiser.planning import solve
from dispatch.plant import Device, Plant
from dispatch.street_forecast import StreetForecaster

HORIZON: Final = 36
LEARNED_DAYS: Final = 14
CARBON_DAYS: Final = 3
"""The best of 1, 3 and 7 on these fortnights."""
TIE_BREAKS_EUR_PER_KG: Final = (0.0, 0.002)
"""The second moves a bill of 0.2 €/kWh by less than a thousandth."""
EXPORT: Final = EXPORT_UEUR_PER_KWH / 1e6


def battery() -> Device:
    """Return all batteries as one."""
    homes = len(SOUND)
    layer = make(
        "lithium",
        capacity_kwh=homes * CAPACITY_KWH,
        power_kw=homes * POWER_KW,
        charge_yield=ONE_WAY,
        discharge_yield=ONE_WAY,
        loss_per_month=0.0,
        wear_eur_per_kwh=1e-6,
    )
    return Device("battery", layer)


def measure(pictures: Path | None) -> Measured:
    """Return the change of emissions and of the bill."""
    found: Measured = {}
    for name, run in (("foresight", foresight), ("closed_loop", closed_loop)):
        totals = np.array([[run(day, weight)[:2] for day in FIRST_DAYS] for weight in TIE_BREAKS_EUR_PER_KG]).sum(1)
        bill, carbon = totals[1] / totals[0] - 1.0
        found[f"carbon_{name}"] = round(float(carbon), 4)
        found[f"carbon_{name}_bill"] = round(float(bill), 5)
    if pictures is not None:
        _draw(pictures)
    return found | {"carbon_at_equal_bill": found["carbon_closed_loop"]}


def foresight(day: int, weight: float) -> tuple[float, float, Floats]:
    """Return bill (€), emissions (kg) and exchange (kWh) of a fortnight that is known in advance."""
    year, hours = street_year(), slice(24 * day, 24 * (day + DAYS))
    net = year.net_kwh[list(SOUND)][:, hours].sum(axis=0)
    price, carbon = year.price_eur_per_kwh[hours], year.carbon_kg_per_kwh[hours]
    model = Model([placed(battery().layer, "battery", {ELECTRICITY: ELECTRICITY})], [ELECTRICITY], len(net), 1.0)
    exchange = Exchange(price, np.full(len(net), EXPORT), 1e4, 1e4, carbon)
    conditions = Conditions({ELECTRICITY: net}, {ELECTRICITY: exchange}, {"battery/cells": 0.0})
    plan = solve(model, conditions, Weights(carbon_eur_per_kg=weight), 600.0)
    return _account(plan.exchange_kwh[ELECTRICITY], price, carbon)


def closed_loop(day: int, weight: float) -> tuple[float, float, Floats]:
    """Return the same of a fortnight that is lived hour by hour."""
    year, first = street_year(), 24 * day
    load = np.rint(1e3 * year.load_kwh[list(SOUND)]).astype(np.int64)
    pv = np.rint(1e3 * year.pv_kwh[list(SOUND)]).astype(np.int64)
    learned = StreetForecaster(len(SOUND), (first - 24 * LEARNED_DAYS) * HOUR_S, HOUR_S, (HORIZON + 1) * HOUR_S)
    for hour in range(first - 24 * LEARNED_DAYS, first):
        learned.observe(hour * HOUR_S, load[:, hour].tolist(), pv[:, hour].tolist())
    plant = Plant([battery()])
    model = Model(plant.layers, [ELECTRICITY], HORIZON, 1.0)
    exchanged = []
    for hour in range(first, first + 24 * DAYS):
        forecasts = learned.forecasts(hour * HOUR_S, HORIZON)
        net = np.array([np.array(each.load_wh) - np.array(each.pv_wh) for each in forecasts]).sum(axis=0) / 1e3
        ahead = np.minimum(hour + np.arange(HORIZON), len(year.price_eur_per_kwh) - 1)
        before = hour + np.arange(HORIZON) % 24 - 24 * np.arange(1, 1 + CARBON_DAYS)[:, None]
        expected = year.carbon_kg_per_kwh[before].mean(axis=0)
        exchange = Exchange(year.price_eur_per_kwh[ahead], np.full(HORIZON, EXPORT), 1e4, 1e4, expected)
        contents = {"battery/cells": plant.contents["battery/cells"] / 1e6}
        conditions = Conditions({ELECTRICITY: net}, {ELECTRICITY: exchange}, contents, {"battery/cells": EXPORT})
        plan = solve(model, conditions, Weights(carbon_eur_per_kg=weight), 10.0)
        wanted_wh = round(1e3 * float(plan.exchange_kwh[ELECTRICITY][0]))
        came_wh = int((load[:, hour] - pv[:, hour]).sum())
        exchanged.append(_follow(plant, came_wh, wanted_wh, hour * HOUR_S) / 1e3)
        learned.observe(hour * HOUR_S, load[:, hour].tolist(), pv[:, hour].tolist())
    hours = slice(first, first + 24 * DAYS)
    return _account(np.array(exchanged), year.price_eur_per_kwh[hours], year.carbon_kg_per_kwh[hours])


def _follow(plant: Plant, net_wh: int, wanted_wh: int, now: int) -> int:
    """Bring the exchange to what was planned as far as the battery can, but never draw to feed in, or the reverse."""
    change = wanted_wh - net_wh
    if change > 0:
        return net_wh + plant.charge(change, -net_wh, now, HOUR_S)
    return net_wh - plant.discharge(-change, now, HOUR_S)


def _account(exchange: Floats, price: Floats, carbon: Floats) -> tuple[float, float, Floats]:
    drawn, fed = np.maximum(exchange, 0.0), np.maximum(-exchange, 0.0)
    return float((drawn * price - fed * EXPORT).sum()), float((drawn * carbon).sum()), exchange


def _draw(folder: Path) -> None:
    week = slice(-168, None)
    lines = [
        Line("cost alone", closed_loop(FIRST_DAYS[1], 0.0)[2][week], "#888888"),
        Line("carbon decides ties", closed_loop(FIRST_DAYS[1], TIE_BREAKS_EUR_PER_KG[1])[2][week], "#2ca02c"),
        Line("known in advance", foresight(FIRST_DAYS[1], TIE_BREAKS_EUR_PER_KG[1])[2][week], "#1f77b4"),
    ]
    write_picture(folder / "carbon.svg", "Exchange of 15 homes with the grid, kWh: a week of November", lines)
