"""Islands: how much critical load is served when the grid is lost at any hour, and how fast the node is about it.

15 homes, 24 h, a start at every third hour of the year, batteries half full, a third (35 %) of the load critical and
the rest shed. Homes alone, all batteries pooled, and with the cars that are parked then (they keep a fifth of their
charge). Times are CPU times of one thread: a plan for the island from nothing, and one control step of 50 homes.
"""

import csv
import gzip
import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured
from benchmarks.dispatch.solver import STEP_H, STEPS, village
from benchmarks.dispatch.street import HOURS, SOUND, street_year
from dispatch.forecasting.features import Floats
from dispatch.island.droop import Inverter, balance
from dispatch.island.link import Link, LinkRules
from dispatch.island.link import Measured as Seen
from dispatch.island.sharing import Load, share_out
from dispatch.optimiser.conditions import Conditions, Exchange
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import ELECTRICITY
from dispatch.optimiser.planning import solve

SESSIONS: Final = Path(__file__).parent / "data" / "car_sessions.csv.gz"
CRITICAL_SHARE: Final = 0.35
OUTAGE_H: Final = 24
ONE_WAY: Final = 0.95
BATTERY_KWH: Final = 6.4
BATTERY_KW: Final = 5.0
CAR_RESERVE: Final = 0.2
CONTROL_STEPS: Final = 200


def measure(pictures: Path | None) -> Measured:
    """Return the shares of critical load served, and the times."""
    year = street_year()
    load, sun = CRITICAL_SHARE * year.load_kwh[list(SOUND)], year.pv_kwh[list(SOUND)]
    homes = len(SOUND)
    alone = served_share(load, sun, np.full((homes, HOURS), 0.5 * BATTERY_KWH), BATTERY_KWH, BATTERY_KW)
    pooled_load, pooled_sun = load.sum(axis=0, keepdims=True), sun.sum(axis=0, keepdims=True)
    half = np.full((1, HOURS), 0.5 * BATTERY_KWH * homes)
    pooled = served_share(pooled_load, pooled_sun, half, BATTERY_KWH * homes, BATTERY_KW * homes)
    cars = car_energy()[None]
    with_cars = served_share(pooled_load, pooled_sun, half + cars, BATTERY_KWH * homes, BATTERY_KW * homes)
    return {
        "critical_served_24h": with_cars,
        "critical_served_24h_without_cars": pooled,
        "critical_served_24h_alone": alone,
        "island_plan_s": island_plan_s(),
        "control_step_ms": control_step_ms(),
    }


def served_share(load: Floats, sun: Floats, start_kwh: Floats, capacity_kwh: float, power_kw: float) -> float:
    """Return the share of load served over all outages; energy above the capacity at the start is a car's, to give."""
    starts = np.arange(0, HOURS - OUTAGE_H, 3)
    stored = start_kwh[:, starts].copy()
    wanted, missing = 0.0, 0.0
    for hour in range(OUTAGE_H):
        net = load[:, starts + hour] - sun[:, starts + hour]
        give = np.minimum(np.minimum(np.maximum(net, 0), power_kw), stored * ONE_WAY)
        room = np.maximum(capacity_kwh - stored, 0) / ONE_WAY
        take = np.minimum(np.minimum(np.maximum(-net, 0), power_kw), room)
        stored += take * ONE_WAY - give / ONE_WAY
        wanted += float(load[:, starts + hour].sum())
        missing += float((np.maximum(net, 0) - give).sum())
    return round(1.0 - missing / wanted, 4)


def car_energy() -> Floats:
    """Return what parked cars can give at each hour, kWh: what they were charged since they came, less the reserve."""
    energy = np.zeros(HOURS)
    owners = {f"H{home + 1:02d}" for home in SOUND}
    with gzip.open(SESSIONS, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["home"] not in owners or not row["arrival_soc_pct"]:
                continue
            hours = np.arange(int(row["arrive_hour"]), min(int(row["depart_hour"]), HOURS))
            capacity = int(row["battery_wh"]) / 1e3
            charged = int(row["arrival_soc_pct"]) / 100 + int(row["charge_max_w"]) / 1e3 / capacity * (
                hours - hours[:1]
            )
            content = np.minimum(charged, int(row["required_soc_pct"]) / 100)
            energy[hours] += np.maximum(content - CAR_RESERVE, 0.0) * capacity
    return energy


def island_plan_s() -> float:
    """Return CPU seconds from the loss of the grid to a plan for 15 homes without it: half a day in quarters."""
    layers, conditions = village(15)
    steps = STEPS // 4
    cut = {name: values[:steps] for name, values in conditions.demand_kwh.items()}
    nothing = Exchange(np.full(steps, 0.3), np.zeros(steps), 0.0, 0.0)
    begun = time.process_time()
    model = Model(layers, [ELECTRICITY], steps, STEP_H)
    shares = {name: values[:steps] for name, values in conditions.available.items()}
    solve(model, Conditions(cut, {ELECTRICITY: nothing}, conditions.content_kwh, {}, shares), None, 5.0)
    return round(time.process_time() - begun, 3)


def control_step_ms() -> float:
    """Return CPU milliseconds of one control step: link, loads of 50 homes, 50 inverters."""
    link = Link(LinkRules())
    loads = [Load(f"H{home}/{kind}", kind, 100 + home) for home in range(50) for kind in range(3)]
    inverters = [Inverter(5_000, 5_000)] * 50
    offset = 0
    begun = time.process_time()
    for step in range(CONTROL_STEPS):
        link.step(Seen(step, None, None))
        given = share_out(loads, 12_000, 2_000)
        offset = balance(inverters, sum(given.values()) * 4, offset).offset_mhz
    return round((time.process_time() - begun) * 1e3 / CONTROL_STEPS, 3)
