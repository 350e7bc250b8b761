"""Seconds for a plan of 50 homes: 48 h of quarter-hours, a battery and a car in each, and the community's plants.

The homes are made up from a seed: what counts here is size, 61,000 columns. CPU time of one thread, matrix included,
since wall time on a shared machine says little; wall time stands beside it.
"""

import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured
from dispatch.forecasting.features import Floats
from dispatch.layers import make
from dispatch.optimiser.conditions import Conditions, Exchange, Weights
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import ELECTRICITY, HEAT, Layer, placed
from dispatch.optimiser.planning import solve

HOMES: Final = 50
STEPS: Final = 192
STEP_H: Final = 0.25
DOUBTS: Final = 5
TIME_LIMIT_S: Final = 600.0


def measure(pictures: Path | None) -> Measured:
    """Return CPU and wall seconds of the linear plan and of the one with units that start and stop."""
    found: Measured = {}
    for name, switching in (("lp", False), ("milp", True)):
        layers, conditions = village(HOMES)
        cpu, wall = time.process_time(), time.perf_counter()
        model = Model(layers, [ELECTRICITY], STEPS, STEP_H, doubts=DOUBTS, switching=switching)
        plan = solve(model, conditions, Weights(), TIME_LIMIT_S)
        found[f"plan_50_homes_{name}_s"] = round(time.process_time() - cpu, 2)
        found[f"plan_50_homes_{name}_wall_s"] = round(time.perf_counter() - wall, 2)
        found[f"plan_50_homes_{name}_outcome"] = plan.outcome.name
        found[f"plan_50_homes_{name}_bill_eur"] = round(plan.bill_eur, 2)
    return found


def village(homes: int, seed: int = 0) -> tuple[list[Layer], Conditions]:
    """Return the layers and two winter days of a village."""
    random = np.random.default_rng(seed)
    hour = np.arange(STEPS) * STEP_H % 24
    evening, morning = np.exp(-(((hour - 19) / 2.5) ** 2)), np.exp(-(((hour - 8) / 1.5) ** 2))
    load = 0.35 + 0.5 * evening + 0.25 * morning + random.gamma(1, 0.25, (homes, STEPS))
    cloud = random.uniform(0.3, 1.0, (1, STEPS // 96)).repeat(96, 1)
    solar = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * random.uniform(2, 6, (homes, 1)) * cloud
    price = 0.22 + 0.15 * ((hour > 16) & (hour < 21))
    heat = homes * (0.6 + 0.3 * np.cos((hour - 4) / 24 * 2 * np.pi))
    size = homes / 10
    buses = {ELECTRICITY: ELECTRICITY, HEAT: HEAT}
    layers = [placed(make("lithium"), f"B{home}", buses) for home in range(homes)]
    layers += [placed(make("car"), f"V{home}", buses) for home in range(homes)]
    layers += [
        placed(make("sand", capacity_kwh=60 * size, charge_kw=4 * size, heat_kw=4 * size), "S", buses),
        placed(make("hydrogen", capacity_kwh=100 * size, electrolyser_kw=3 * size, fuel_cell_kw=2 * size), "H", buses),
        placed(make("biogas", engine_kw=3 * size, digester_kw=4 * size, gas_store_kwh=30 * size), "G", buses),
        placed(make("heat_pump", power_kw=2 * size), "P", buses),
    ]
    content = {f"B{home}/cells": 5.0 for home in range(homes)} | {f"V{home}/cells": 30.0 for home in range(homes)}
    content |= {"S/sand": 20 * size, "H/tank": 30 * size, "G/gas": 10 * size}
    available, driven, floor = _cars(homes, hour, random)
    spread = np.linspace(-1, 1, DOUBTS)[:, None] * 0.1 * homes * STEP_H * np.ones(STEPS)
    exchange = Exchange(price, np.full(STEPS, 0.07), 10.0 * homes, 10.0 * homes, None, spread)
    demand = {ELECTRICITY: (load - solar).sum(axis=0) * STEP_H, HEAT: heat * STEP_H}
    values = dict.fromkeys(content, 0.08)
    return layers, Conditions(demand, {ELECTRICITY: exchange}, content, values, available, floor, driven)


def _cars(
    homes: int, hour: Floats, random: np.random.Generator
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
    """Return when cars are there, what they drive, and what they need at the end."""
    available: dict[str, Floats] = {}
    driven: dict[str, Floats] = {}
    floor: dict[str, Floats] = {}
    for home in range(homes):
        leaves, returns = random.uniform(7, 9), random.uniform(16, 19)
        there = ((hour < leaves) | (hour > returns)).astype(np.float64)
        available |= {f"V{home}/charge": there, f"V{home}/discharge": there}
        drive, wanted = np.zeros(STEPS), np.zeros(STEPS)
        drive[[int(returns / STEP_H) + 96 * day for day in range(STEPS // 96)]] = 8.0
        wanted[-1] = 27.0
        driven[f"V{home}/cells"], floor[f"V{home}/cells"] = drive, wanted
    return available, driven, floor
