"""A battery's plan in the small community: cheap energy for three hours, dear energy after."""

import json
from pathlib import Path
from typing import Any

from dispatch.layers import make
from dispatch.plant import Device, Plant
from dispatch.prices import ExchangePrices
from dispatch.site_plan import SiteForecast, SitePlanner
from node.planning.storage_plan import FILE, write
from tests.support.small_community import NOW

START = NOW - NOW % 900
HOURS = 12


def plan_into(folder: Path) -> dict[str, Any]:
    """Plan, write the plan into a node's folder, and return it."""
    plant = Plant([Device("battery", make("lithium", capacity_kwh=10.0, power_kw=2.0))], {"battery/cells": 1_000_000})
    prices = [ExchangePrices(p // 2, p // 2, p, p, 0) for p in [100_000] * 3 + [400_000] * (HOURS - 3)]
    plan = SitePlanner(3_600).plan(plant, SiteForecast(START, (500,) * HOURS, (0,) * HOURS), prices)
    assert plan is not None
    write(folder, "Battery", NOW, plant, plan)
    found: dict[str, Any] = json.loads((folder / FILE).read_text())
    return found
