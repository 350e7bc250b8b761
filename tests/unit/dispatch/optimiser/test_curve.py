"""The curve against its definition: the exchange of the cheapest plan, solved anew at each price."""

from itertools import pairwise

import numpy as np
import pytest

from dispatch.layers import make
from dispatch.optimiser.conditions import Conditions, Exchange, LocalMarket
from dispatch.optimiser.curve import plan_and_curve
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import ELECTRICITY, HEAT, placed

STEPS = 20


@pytest.mark.parametrize("seed", range(4))
def test_the_curve_is_what_plans_at_each_price_exchange(seed: int) -> None:
    chance = np.random.default_rng(seed)
    buses = {ELECTRICITY: ELECTRICITY, HEAT: HEAT}
    layers = [
        placed(make("lithium", capacity_kwh=6.0, power_kw=3.0), "b", buses),
        placed(make("sand", capacity_kwh=50.0, charge_kw=3.0, heat_kw=3.0), "s", buses),
        placed(make("hydrogen", capacity_kwh=50.0, electrolyser_kw=2.0, fuel_cell_kw=1.0), "h", buses),
    ]
    model = Model(layers, [ELECTRICITY], STEPS, np.array([0.25] * 8 + [1.0] * 12), local=True)
    imported, exported = chance.uniform(0.2, 0.5, STEPS), np.full(STEPS, 0.05)
    local = LocalMarket(exported + 0.05, imported - 0.05, np.full(STEPS, 0.5))
    demand = {ELECTRICITY: chance.normal(0, 1, STEPS), HEAT: chance.uniform(0, 0.5, STEPS)}
    contents = {"b/cells": 3.0, "s/sand": 10.0, "h/tank": 10.0}

    def conditions(first_price: float | None) -> Conditions:
        prices = [imported.copy(), exported.copy(), local.sell_eur_per_kwh.copy(), local.buy_eur_per_kwh.copy()]
        if first_price is not None:
            for each in prices:
                each[0] = first_price
        market = LocalMarket(prices[2], prices[3], local.depth_kwh)
        return Conditions(demand, {ELECTRICITY: Exchange(prices[0], prices[1], 20, 20, local=market)}, contents)

    low, high = 0.05, float(imported[0])
    found = plan_and_curve(model, conditions(None), ELECTRICITY, low, high)
    assert found is not None
    plan, curve = found
    assert curve.most_kwh >= curve.least_kwh
    corners = [low, *(price for price, _ in curve.drops), high]
    level = curve.most_kwh
    for place, (left, right) in enumerate(pairwise(corners)):
        if right - left > 0.002:
            middle = plan_and_curve(model, conditions((left + right) / 2), ELECTRICITY, low, high)
            assert middle is not None
            assert middle[0].exchange_kwh[ELECTRICITY][0] == pytest.approx(level, abs=2e-3), (left, right)
        if place < len(curve.drops):
            level -= curve.drops[place][1]
    assert plan.bill_eur < 100
