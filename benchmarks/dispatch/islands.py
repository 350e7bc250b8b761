"""A thousand outages of five minutes to three days, seeded: what the island's own rules serve of each.

15 homes, one pool of their batteries, and the cars that are parked then. An outage begins at any quarter-hour of the
year, its length is drawn evenly on a logarithmic scale, and the batteries are a fifth to quite full. Every step of
five minutes the rules of `dispatch.island.sharing` share what sun and batteries can give: critical loads (35 %) first,
then two later priorities, with a reserve for the critical loads of the day ahead, should it be as the worst of the last
seven (chosen on other outages). What is charged and given is cut by `dispatch.plant`. `survived` is the share of
outages in which no critical load missed anything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured
from benchmarks.dispatch.outages import car_energy
from benchmarks.dispatch.street import HOURS, SOUND, street_year
from dispatch.forecasting.features import Whole
from dispatch.island.sharing import CRITICAL, Load, reserve_for_worst_day, share_out
from dispatch.layers import make
from dispatch.plant import Device, Plant

OUTAGES: Final = 1_000
SHORTEST_S: Final = 300
LONGEST_S: Final = 3 * 86_400
STEP_S: Final = 300
STEPS_PER_HOUR: Final = 12
SHARES_PERCENT: Final = (35, 35, 30)
"""Of each home's load: critical, then two later priorities."""
CAPACITY_KWH: Final = 6.4 * len(SOUND)
EFFICIENCY_PERMILLE: Final = 902
READY_DAYS: Final = 7
CLASSES: Final = (
    ("under_1h", 0, 3_600),
    ("under_8h", 3_600, 28_800),
    ("under_1d", 28_800, 86_400),
    ("longer", 86_400, LONGEST_S + 1),
)


@dataclass(frozen=True, slots=True)
class Served:
    """One outage."""

    length_s: int
    critical_wanted_wh: int
    critical_wh: int
    other_wanted_wh: int
    other_wh: int

    @property
    def survived(self) -> bool:
        """Whether no critical load missed anything."""
        return self.critical_wh == self.critical_wanted_wh


def measure(pictures: Path | None) -> Measured:
    """Return what was served, in all and by length."""
    random = np.random.default_rng(2026)
    lengths = np.exp(random.uniform(np.log(SHORTEST_S), np.log(LONGEST_S), OUTAGES))
    begins = random.integers(24, HOURS - LONGEST_S // 3_600 - 24, OUTAGES)
    full = random.uniform(0.2, 1.0, OUTAGES)
    year, cars = street_year(), np.rint(1e3 * car_energy()).astype(np.int64)
    load = np.rint(1e3 * year.load_kwh[list(SOUND)]).astype(np.int64)
    sun = np.rint(1e3 * year.pv_kwh[list(SOUND)].sum(0)).astype(np.int64)
    lived = [
        outage(load, sun, int(begin), int(length), float(share), int(cars[begin]))
        for begin, length, share in zip(begins, lengths, full, strict=True)
    ]
    found: Measured = {
        "critical_served_1000_outages": _share(lived, "critical"),
        "other_served_1000_outages": _share(lived, "other"),
        "outages_survived": round(sum(each.survived for each in lived) / OUTAGES, 4),
    }
    for name, low, high in CLASSES:
        part = [each for each in lived if low <= each.length_s < high]
        found[f"outages_{name}"] = len(part)
        found[f"critical_served_{name}"] = _share(part, "critical")
        found[f"survived_{name}"] = round(sum(each.survived for each in part) / max(1, len(part)), 4)
    return found


def outage(load: Whole, sun: Whole, first_hour: int, length_s: int, full: float, cars_wh: int) -> Served:
    """Live one outage.

    Args:
        load: Wh of each home and hour.
        sun: Wh of all homes, by hour.
        first_hour: In which it begins.
        length_s: How long it lasts.
        full: Share of their capacity that the batteries hold.
        cars_wh: What parked cars can give when it begins.
    """
    capacity = CAPACITY_KWH + cars_wh / 1e3
    battery = make("lithium", capacity_kwh=capacity, power_kw=5.0 * len(SOUND), charge_yield=0.95, discharge_yield=0.95)
    held = round(1e6 * (full * CAPACITY_KWH) + 1e3 * cars_wh)
    plant = Plant([Device("pool", battery)], {"pool/cells": held})
    sums = np.zeros(4, dtype=np.int64)
    reserve_wh = 0
    for step in range(max(1, length_s // STEP_S)):
        hour = first_hour + step // STEPS_PER_HOUR
        if step % STEPS_PER_HOUR == 0:
            reserve_wh = reserve_for_worst_day(_last_days(load, sun, hour), EFFICIENCY_PERMILLE)
        sums += _step(plant, load[:, hour], int(sun[hour]) // STEPS_PER_HOUR, reserve_wh, step * STEP_S)
    return Served(length_s, *sums.tolist())


def _last_days(load: Whole, sun: Whole, hour: int) -> list[tuple[list[int], list[int]]]:
    """Return critical loads and sun of each of the last days before an hour."""
    days = [slice(hour - 24 * back, hour - 24 * back + 24) for back in range(1, 1 + min(READY_DAYS, hour // 24))]
    return [((load[:, day].sum(axis=0) * SHARES_PERCENT[0] // 100).tolist(), sun[day].tolist()) for day in days]


def _step(plant: Plant, load: Whole, sun_wh: int, reserve_wh: int, now: int) -> Whole:
    """Share out five minutes, and return what critical and other loads wanted and got."""
    loads = [
        Load(f"{home}/{priority}", priority, int(wh) * share // 100 // STEPS_PER_HOUR)
        for home, wh in enumerate(load)
        for priority, share in enumerate(SHARES_PERCENT)
    ]
    can_give_wh = plant.most_wh("pool/discharge", now, STEP_S)
    held_wh = plant.stored_milliwh * 95 // 100_000
    kept_wh = max(0, min(sun_wh + can_give_wh, can_give_wh + reserve_wh - held_wh))
    given = share_out(loads, sun_wh + can_give_wh, kept_wh)
    used_wh = sum(given.values())
    if used_wh > sun_wh:
        plant.discharge(used_wh - sun_wh, now, STEP_S)
    else:
        plant.charge(sun_wh - used_wh, sun_wh - used_wh, now, STEP_S)
    critical = [load for load in loads if load.priority == CRITICAL]
    wanted = sum(load.wanted_wh for load in critical)
    got = sum(given[load.name] for load in critical)
    return np.array([wanted, got, sum(load.wanted_wh for load in loads) - wanted, used_wh - got])


def _share(lived: list[Served], kind: str) -> float:
    wanted: int = sum(getattr(each, f"{kind}_wanted_wh") for each in lived)
    served: int = sum(getattr(each, f"{kind}_wh") for each in lived)
    return round(served / max(1, wanted), 4)
