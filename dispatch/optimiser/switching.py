"""Which units run when: a small programme by the hour, cut out of the relaxed plan of a large one.

Layers without switched parts, apart from those that share heat with one, do what the relaxed plan has them do; what
they exchange counts as demand. A few layers in hours are left, and their whole numbers are soon found. How much each
unit takes, and what all others do then, is for the large programme to find.
Units: kWh per step, €. Refuses, with `ValueError`: conditions that do not fit the model.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats, Whole
from dispatch.optimiser.conditions import Conditions, Exchange, LocalMarket, Weights, checked
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import HEAT, Layer

SWITCHED_H: Final = 1.0
"""Units of large plans start and stop at most this often: shorter steps share one decision."""


class Units:
    """The switched units of a large model, with what they share heat with."""

    def __init__(self, model: Model) -> None:
        self._whole = model
        begins = np.cumsum(model.step_h) - model.step_h
        hours = np.floor(begins / SWITCHED_H + 1e-9)
        self._first: Whole = np.unique(hours, return_index=True)[1]
        self._hour_of: Whole = np.searchsorted(self._first, np.arange(model.steps), side="right") - 1
        step_h = np.add.reduceat(model.step_h, self._first)
        layers = [layer for layer in model.layers if _stays(layer)]
        self._small = Model(
            layers, model.exchanging, len(step_h), step_h, doubts=model.doubts, switching=True, local=model.local
        )

    def running(
        self, conditions: Conditions, weights: Weights, relaxed: Floats, time_limit_s: float, gap_eur: float
    ) -> Floats | None:
        """Return for each switched unit and step of the large model whether it runs, 1 or 0; None without an answer.

        Args:
            conditions: Of the large model.
            weights: As for its plan.
            relaxed: The columns of its relaxed plan.
            time_limit_s: After so long the best answer so far is taken.
            gap_eur: How far from the best it may be.
        """
        small = self._small
        reserve_kwh = self.reserve_kwh(weights, relaxed)
        small.fill(self._hourly(conditions, relaxed), replace(weights, reserve_kwh=reserve_kwh))
        answer = small.programme.solve(time_limit_s, whole=True, warm=False, gap=gap_eur)
        if answer is None:
            return None
        on: Floats = np.rint(answer.columns[small.on])[:, self._hour_of]
        return on

    def _hourly(self, conditions: Conditions, relaxed: Floats) -> Conditions:
        """Return the conditions by the hour, with the exchange of what is left out as demand."""
        whole, small, nothing = self._whole, self._small, np.zeros(self._whole.steps)
        demand = {bus: checked(conditions.demand_kwh.get(bus, nothing), whole.steps, bus).copy() for bus in small.buses}
        stays = {part.name: part for part in small.converters}
        for part, columns in zip(whole.converters, whole.taken, strict=True):
            for end, share in ((part.takes, -1.0), *part.gives):
                if part.name not in stays and end in demand:
                    demand[end] -= share * relaxed[columns]
        return replace(
            conditions,
            demand_kwh={bus: self._sum(values) for bus, values in demand.items()},
            exchange={bus: self._exchange(conditions.exchange[bus]) for bus in small.exchanging},
            available={
                # What an hour's running needs must be there in each of its steps.
                name: np.minimum.reduceat(share, self._first) if stays[name].switched else self._mean(share)
                for name, share in conditions.available.items()
                if name in stays
            },
            floor_kwh={name: np.maximum.reduceat(floor, self._first) for name, floor in conditions.floor_kwh.items()},
            drained_kwh={name: self._sum(drained) for name, drained in conditions.drained_kwh.items()},
        )

    def _exchange(self, exchange: Exchange) -> Exchange:
        local, carbon, doubt = exchange.local, exchange.carbon_kg_per_kwh, exchange.doubt_kwh
        return replace(
            exchange,
            import_eur_per_kwh=self._mean(exchange.import_eur_per_kwh),
            export_eur_per_kwh=self._mean(exchange.export_eur_per_kwh),
            carbon_kg_per_kwh=None if carbon is None else self._mean(carbon),
            doubt_kwh=None if doubt is None else self._sum(doubt),
            local=local
            and LocalMarket(
                self._mean(local.sell_eur_per_kwh), self._mean(local.buy_eur_per_kwh), self._sum(local.depth_kwh)
            ),
        )

    def reserve_kwh(self, weights: Weights, relaxed: Floats) -> float:
        """Return what is left to reserve when the layers left out keep what the relaxed plan has them keep."""
        stays = {store.name for store in self._small.stores}
        out = [row for row in self._whole.reserving if self._whole.stores[row].name not in stays]
        return max(0.0, weights.reserve_kwh - float(relaxed[self._whole.content[out]].sum(axis=0).min()))

    def _sum(self, values: Floats) -> Floats:
        total: Floats = np.add.reduceat(values, self._first, axis=-1)
        return total

    def _mean(self, values: Floats) -> Floats:
        return self._sum(values) / np.diff(np.append(self._first, self._whole.steps))


def _stays(layer: Layer) -> bool:
    """Tell whether a layer has units that start and stop, or may share heat with them."""
    ends = {end for part in layer.converters for end in (part.takes, *(to for to, _ in part.gives))}
    return any(part.switched for part in layer.converters) or any(
        end == HEAT or end.startswith(HEAT + "/") for end in ends
    )
