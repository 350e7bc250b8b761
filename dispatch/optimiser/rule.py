"""The rule that needs no solver: store every surplus, serve every deficit, heat first from what is stored.

It is the safe answer when time runs out, and the baseline that every plan is compared with.
Units: kWh per step. Refuses: nothing; whatever the conditions, every part stays within its limits.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dispatch.forecasting.features import Floats
from dispatch.optimiser.conditions import Conditions
from dispatch.optimiser.parts import NOWHERE, Converter

if TYPE_CHECKING:
    from dispatch.optimiser.model import Model
    from dispatch.optimiser.planning import NeighbourhoodPlan


class _Run:
    """The state of the rule while it goes through the steps."""

    def __init__(self, model: "Model", conditions: Conditions) -> None:
        self.model, self.conditions = model, conditions
        self.stores = {store.name: store for store in model.stores}
        self.content = {
            name: min(max(conditions.content_kwh.get(name, 0.0), 0.0), store.capacity_kwh)
            for name, store in self.stores.items()
        }
        self.taken = {part.name: np.zeros(model.steps) for part in model.converters}

    def most_kwh(self, part: Converter, step: int) -> float:
        """Return what a converter may take now: power, content above the floor, and room for what it gives."""
        share = self.conditions.available.get(part.name)
        most = float(part.power_max_kw * self.model.step_h[step])
        if share is not None:
            most *= min(max(float(share[step]), 0.0), 1.0)
        if part.takes in self.stores:
            floor = max(self.stores[part.takes].floor_kwh, self._wanted(part.takes, step))
            most = min(most, max(0.0, self.content[part.takes] - floor))
        for to, share_given in part.gives:
            if to in self.stores and share_given:
                most = min(most, max(0.0, self.stores[to].capacity_kwh - self.content[to]) / share_given)
        return max(most - float(self.taken[part.name][step]), 0.0)

    def take(self, part: Converter, step: int, amount_kwh: float, balance: dict[str, float]) -> None:
        """Run a converter; the balance of a bus is its deficit."""
        if amount_kwh < part.least_share * part.power_max_kw * self.model.step_h[step]:
            return
        self.taken[part.name][step] += amount_kwh
        for end, share in ((part.takes, -1.0), *part.gives):
            if end in self.stores:
                self.content[end] += share * amount_kwh
            elif end != NOWHERE:
                balance[end] -= share * amount_kwh

    def _wanted(self, store: str, step: int) -> float:
        floor = self.conditions.floor_kwh.get(store)
        return 0.0 if floor is None else float(floor[step:].max())


def follow_rule(model: "Model", conditions: Conditions) -> "NeighbourhoodPlan":
    """Return what the rule does over the horizon."""
    from dispatch.optimiser.planning import NeighbourhoodPlan, Outcome

    run = _Run(model, conditions)
    content = {name: np.zeros(model.steps) for name in run.stores}
    exchange = {bus: np.zeros(model.steps) for bus in model.exchanging}
    unserved = {bus: np.zeros(model.steps) for bus in model.buses}
    for step in range(model.steps):
        for name, store in run.stores.items():
            drained = conditions.drained_kwh.get(name)
            run.content[name] *= store.kept_per_hour ** model.step_h[step]
            run.content[name] = max(0.0, run.content[name] - (0.0 if drained is None else float(drained[step])))
        balance = {
            bus: float(conditions.demand_kwh[bus][step]) if bus in conditions.demand_kwh else 0.0 for bus in model.buses
        }
        _one_step(run, step, balance)
        for bus, left in balance.items():
            if bus in exchange:
                grid = conditions.exchange[bus]
                most = (grid.import_max_kw if left > 0 else grid.export_max_kw) * model.step_h[step]
                exchange[bus][step] = float(np.clip(left, -most, most))
                unserved[bus][step] = max(0.0, left - exchange[bus][step])
            else:
                unserved[bus][step] = max(0.0, left)
        for name in run.stores:
            content[name][step] = run.content[name]
    bill = bill_eur(model, conditions, exchange, run.taken)
    return NeighbourhoodPlan(run.taken, content, exchange, unserved, {}, {}, bill, Outcome.RULE)


def _one_step(run: _Run, step: int, balance: dict[str, float]) -> None:
    """Free sources, then stores into what is missing, then electricity into what else is, then surplus into stores."""
    parts = run.model.converters
    for part in parts:
        if part.takes == NOWHERE and not part.cost_eur_per_kwh:
            run.take(part, step, run.most_kwh(part, step), balance)
    for part in (*(p for p in parts if p.takes in run.stores), *(p for p in parts if p.takes not in run.stores)):
        serves = next(((to, share) for to, share in part.gives if balance.get(to, 0.0) > 1e-9 and share), None)
        if serves is not None and (part.takes in run.stores or serves[0] not in run.model.exchanging):
            run.take(part, step, min(run.most_kwh(part, step), balance[serves[0]] / serves[1]), balance)
    for part in parts:
        surplus = -balance.get(part.takes, 0.0)
        wanted = [to for to, _ in part.gives if to in run.stores and run._wanted(to, step) > run.content[to]]
        if part.takes in balance and any(to in run.stores for to, _ in part.gives) and (surplus > 1e-9 or wanted):
            most = run.most_kwh(part, step)
            run.take(part, step, most if wanted else min(most, surplus), balance)


def bill_eur(
    model: "Model", conditions: Conditions, exchange_kwh: Mapping[str, Floats], taken_kwh: Mapping[str, Floats]
) -> float:
    """Return what exchange and converters cost; what is left in stores counts for nothing."""
    total = 0.0
    for bus, exchange in exchange_kwh.items():
        grid = conditions.exchange[bus]
        bought, sold = np.maximum(exchange, 0.0), np.maximum(-exchange, 0.0)
        total += float((bought * grid.import_eur_per_kwh - sold * grid.export_eur_per_kwh).sum())
    return total + sum(float(taken_kwh[part.name].sum()) * part.cost_eur_per_kwh for part in model.converters)
