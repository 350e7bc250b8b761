"""The neighbourhood as a linear programme: built once from its layers, then filled with each horizon's conditions.

Every bus balances in every step; what can not be served has the price of lost load, and surplus may be curtailed, so
that there is always an answer. The exchange with the grid costs its expectation over the forecast's errors, which is
convex and piecewise linear in what is planned: scenarios cost a few columns and no second copy of the system.
Units: kWh per step inside. Refuses, with `ValueError`: parts that join nothing, conditions that do not fit.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats, Whole
from dispatch.optimiser.conditions import Conditions, Exchange, Weights, checked
from dispatch.optimiser.parts import NOWHERE, Layer
from dispatch.optimiser.programme import Matrix, Programme

TIE_BREAK_EUR_PER_KWH: Final = 1e-6
"""Cost of moving energy at all, and of waiting a step with it, so that equal plans are told apart."""


class Model:
    """A programme for one set of layers and one length of horizon."""

    def __init__(
        self,
        layers: Sequence[Layer],
        exchanging: Sequence[str],
        steps: int,
        step_h: float | Floats,
        *,
        doubts: int = 0,
        switching: bool = False,
        local: bool = False,
    ) -> None:
        """Build the matrix.

        Args:
            layers: Placed layers (`parts.placed`).
            exchanging: Buses with an exchange.
            steps: Of the horizon.
            step_h: Length of a step, or of each.
            doubts: Forecast errors per step that each exchange is priced over, 0 for none.
            switching: Whether starts and least loads count; they need whole numbers.
            local: Whether each exchange has a local market inside the tariffs; instead of doubts.
        """
        self.steps = steps
        self.step_h: Floats = np.broadcast_to(np.asarray(step_h, dtype=np.float64), (steps,))
        self.converters = tuple(converter for layer in layers for converter in layer.converters)
        self.stores = tuple(store for layer in layers for store in layer.stores)
        self._store_row = {store.name: row for row, store in enumerate(self.stores)}
        self.exchanging = tuple(exchanging)
        joined = {end for part in self.converters for end in (part.takes, *(to for to, _ in part.gives))}
        others = joined - set(self._store_row) - set(self.exchanging) - {NOWHERE}
        self.buses = (*self.exchanging, *sorted(others))
        self._bus_row = {bus: row for row, bus in enumerate(self.buses)}
        self.doubts, self.local = doubts, local
        self.layers = tuple(layers)
        self.switched = tuple(i for i, part in enumerate(self.converters) if part.switched) if switching else ()
        matrix = Matrix()
        self._columns(matrix)
        self._rows(matrix)
        self.programme = Programme(matrix, self.on.ravel())

    def _columns(self, matrix: Matrix) -> None:
        steps = self.steps
        self.taken = matrix.new_columns(len(self.converters), steps)
        self.content = matrix.new_columns(len(self.stores), steps)
        self.pieces = matrix.new_columns(len(self.exchanging), steps, 4 if self.local else max(self.doubts, 1) + 1)
        self.unserved = matrix.new_columns(len(self.buses), steps)
        self.curtailed = matrix.new_columns(len(self.buses), steps)
        self.peak = matrix.new_columns(1)
        self.short = matrix.new_columns(steps)
        self.on = matrix.new_columns(len(self.switched), steps)
        self.start = matrix.new_columns(len(self.switched), steps)

    def _rows(self, matrix: Matrix) -> None:
        steps = self.steps
        self._held = matrix.new_rows(len(self.stores), steps)
        self._balance = matrix.new_rows(len(self.buses), steps)
        self._peak_row = matrix.new_rows(steps)
        self._reserve_row = matrix.new_rows(steps)
        for row, store in enumerate(self.stores):
            matrix.add(self._held[row], self.content[row], 1.0)
            matrix.add(self._held[row, 1:], self.content[row, :-1], -(store.kept_per_hour ** self.step_h[1:]))
        for row, part in enumerate(self.converters):
            if part.takes != NOWHERE:
                self._join(matrix, part.takes, self.taken[row], -1.0)
            for to, share in part.gives:
                self._join(matrix, to, self.taken[row], share)
        matrix.add(self._balance, self.unserved, 1.0)
        matrix.add(self._balance, self.curtailed, -1.0)
        for row in range(len(self.exchanging)):
            matrix.add(self._balance[row][:, None], self.pieces[row], 1.0)
            matrix.add(self._peak_row[:, None], self.pieces[row], -1.0 / self.step_h[:, None])
        matrix.add(self._peak_row, self.peak, 1.0)
        matrix.add(self._reserve_row, self.short, 1.0)
        self.reserving = [row for row in range(len(self.stores)) if self._gives_electricity(row)]
        for row in self.reserving:
            matrix.add(self._reserve_row, self.content[row], 1.0)
        self._switch_rows(matrix)

    def _join(self, matrix: Matrix, end: str, columns: Whole, share: float) -> None:
        """Let energy flow into a store or a bus; out of it when the share is negative."""
        if end in self._store_row:
            matrix.add(self._held[self._store_row[end]], columns, -share)
        else:
            matrix.add(self._balance[self._bus_row[end]], columns, share)

    def _gives_electricity(self, store: int) -> bool:
        name = self.stores[store].name
        return any(
            part.takes == name and any(to in self.exchanging for to, _ in part.gives) for part in self.converters
        )

    def _switch_rows(self, matrix: Matrix) -> None:
        """On and off: taken ≤ most·on, taken ≥ least·on, start ≥ on - on before, on ≥ starts of the least run."""
        count, steps = len(self.switched), self.steps
        self._most, self._least, self._starts, self._run = (matrix.new_rows(count, steps) for _ in range(4))
        for row, number in enumerate(self.switched):
            part = self.converters[number]
            most = part.power_max_kw * self.step_h
            begins = np.concatenate(([0.0], np.cumsum(self.step_h)[:-1]))
            matrix.add(self._most[row], self.taken[number], 1.0)
            matrix.add(self._most[row], self.on[row], -most)
            matrix.add(self._least[row], self.taken[number], 1.0)
            matrix.add(self._least[row], self.on[row], -most * part.least_share)
            matrix.add(self._starts[row], self.start[row], 1.0)
            matrix.add(self._starts[row], self.on[row], -1.0)
            matrix.add(self._starts[row, 1:], self.on[row, :-1], 1.0)
            matrix.add(self._run[row], self.on[row], 1.0)
            for step in range(steps):
                near = begins[: step + 1] > begins[step] - part.least_on_h + 1e-9
                near[step] = True
                matrix.add(self._run[row, step], self.start[row, : step + 1][near], -1.0)

    def fill(self, conditions: Conditions, weights: Weights) -> None:
        """Set costs and bounds for a horizon.

        Raises:
            ValueError: conditions of another length, or with values that are no numbers.
        """
        programme = self.programme
        programme.cost[:] = 0.0
        programme.row_low[:] = 0.0
        programme.row_high[:] = 0.0
        self._fill_converters(conditions, weights)
        self._fill_stores(conditions)
        for row, bus in enumerate(self.buses):
            demand = checked(conditions.demand_kwh.get(bus, np.zeros(self.steps)), self.steps, f"demand of {bus}")
            programme.row_low[self._balance[row]] = programme.row_high[self._balance[row]] = demand
            if bus in self.exchanging:
                # Only what must be taken can be thrown away: nobody buys at a negative price to do so.
                programme.high[self.curtailed[row]] = np.maximum(-demand, 0.0)
                self._fill_exchange(row, conditions.exchange[bus], weights)
        programme.cost[self.unserved] = weights.unserved_eur_per_kwh
        programme.cost[self.curtailed] = TIE_BREAK_EUR_PER_KWH
        programme.cost[self.peak] = weights.peak_eur_per_kw
        base = sum(conditions.exchange[bus].export_max_kw for bus in self.exchanging)
        programme.row_low[self._peak_row], programme.row_high[self._peak_row] = -base, np.inf
        programme.cost[self.short] = weights.reserve_eur_per_kwh * self.step_h
        programme.row_low[self._reserve_row], programme.row_high[self._reserve_row] = weights.reserve_kwh, np.inf
        self._fill_switches(conditions)

    def _fill_converters(self, conditions: Conditions, weights: Weights) -> None:
        programme = self.programme
        for row, part in enumerate(self.converters):
            share = np.clip(
                checked(conditions.available.get(part.name, np.ones(self.steps)), self.steps, part.name), 0, 1
            )
            programme.high[self.taken[row]] = part.power_max_kw * self.step_h * share
            carbon = weights.carbon_eur_per_kg * part.carbon_kg_per_kwh
            tie_break = TIE_BREAK_EUR_PER_KWH * np.arange(1, self.steps + 1)
            programme.cost[self.taken[row]] = part.cost_eur_per_kwh + carbon + tie_break

    def _fill_stores(self, conditions: Conditions) -> None:
        programme = self.programme
        for row, store in enumerate(self.stores):
            kept = store.kept_per_hour**self.step_h
            content = min(max(conditions.content_kwh.get(store.name, 0.0), 0.0), store.capacity_kwh)
            zero = np.zeros(self.steps)
            wanted = checked(conditions.floor_kwh.get(store.name, zero), self.steps, f"floor of {store.name}")
            drained = checked(conditions.drained_kwh.get(store.name, zero), self.steps, f"drive of {store.name}").copy()
            charge = self._charge_max(store.name)
            reach, floor = content, np.zeros(self.steps)
            for step in range(self.steps):
                reach = min(store.capacity_kwh, kept[step] * reach + charge[step])
                drained[step] = min(drained[step], reach)
                reach -= drained[step]
                floor[step] = min(max(store.floor_kwh, wanted[step]), reach, store.capacity_kwh)
            programme.low[self.content[row]] = np.maximum(floor * (1 - 1e-9) - 1e-9, 0.0)
            programme.high[self.content[row]] = store.capacity_kwh
            held = -drained
            held[0] += kept[0] * content
            programme.row_low[self._held[row]] = programme.row_high[self._held[row]] = held
            programme.cost[self.content[row, -1]] = -conditions.end_value_eur_per_kwh.get(store.name, 0.0)

    def _charge_max(self, store: str) -> Floats:
        most = np.zeros(self.steps)
        for row, part in enumerate(self.converters):
            for to, share in part.gives:
                if to == store:
                    most += share * self.programme.high[self.taken[row]]
        return most

    def _fill_exchange(self, row: int, exchange: Exchange, weights: Weights) -> None:
        """Price the exchange: from the export price to the import price, at the quantiles of what may come."""
        steps, programme = self.steps, self.programme
        imported = checked(exchange.import_eur_per_kwh, steps, "import price")
        exported = np.minimum(checked(exchange.export_eur_per_kwh, steps, "export price"), imported)
        if exchange.carbon_kg_per_kwh is not None:
            carbon = weights.carbon_eur_per_kg * checked(exchange.carbon_kg_per_kwh, steps, "carbon")
            imported = imported + np.maximum(carbon, 0.0)
        most_out, most_in = exchange.export_max_kw * self.step_h, exchange.import_max_kw * self.step_h
        if self.local:
            self._fill_local(row, exchange, imported, exported)
            return
        doubt = np.zeros((max(self.doubts, 1), steps))
        if exchange.doubt_kwh is not None and self.doubts:
            doubt = checked(exchange.doubt_kwh, steps, "doubt")
            if len(doubt) != self.doubts:
                raise ValueError(f"the model prices {self.doubts} errors a step, not {len(doubt)}")
        edges = np.clip(np.sort(-doubt, axis=0), -most_out, most_in)
        bounds = np.concatenate((-most_out[None], edges, most_in[None]))
        width = np.diff(bounds, axis=0).T
        count = width.shape[1] - 1
        share = np.arange(count + 1) / count
        programme.high[self.pieces[row]] = width
        programme.cost[self.pieces[row]] = exported[:, None] + (imported - exported)[:, None] * share
        programme.row_low[self._balance[row]] += most_out
        programme.row_high[self._balance[row]] += most_out

    def _fill_local(self, row: int, exchange: Exchange, imported: Floats, exported: Floats) -> None:
        """Price the exchange in four pieces: fed in, sold to neighbours, bought from them, drawn."""
        steps, programme = self.steps, self.programme
        most_out, most_in = exchange.export_max_kw * self.step_h, exchange.import_max_kw * self.step_h
        if exchange.local is None:
            depth, sold, bought = np.zeros(steps), exported, imported
        else:
            local = exchange.local
            depth = np.maximum(checked(local.depth_kwh, steps, "depth"), 0.0)
            sold = np.clip(checked(local.sell_eur_per_kwh, steps, "local price"), exported, imported)
            bought = np.clip(checked(local.buy_eur_per_kwh, steps, "local price"), sold, imported)
        inner_out, inner_in = np.minimum(depth, most_out), np.minimum(depth, most_in)
        programme.high[self.pieces[row]] = np.stack(
            (most_out - inner_out, inner_out, inner_in, most_in - inner_in), axis=1
        )
        programme.cost[self.pieces[row]] = np.stack((exported, sold, bought, imported), axis=1)
        programme.row_low[self._balance[row]] += most_out
        programme.row_high[self._balance[row]] += most_out

    def _fill_switches(self, conditions: Conditions) -> None:
        programme = self.programme
        programme.high[self.on] = programme.high[self.start] = 1.0
        programme.low[self.on] = programme.low[self.start] = 0.0
        programme.row_low[self._most], programme.row_high[self._most] = -np.inf, 0.0
        for rows in (self._least, self._starts, self._run):
            programme.row_low[rows], programme.row_high[rows] = 0.0, np.inf
        for row, number in enumerate(self.switched):
            part = self.converters[number]
            programme.cost[self.start[row]] = part.start_cost_eur
            if part.name in conditions.running and self.steps:
                programme.row_low[self._starts[row, 0]] = -1.0

    def prices(self, duals: Floats) -> dict[str, Floats]:
        """Return the worth of one more kWh of demand on each bus, from the row duals of an answer."""
        return {bus: duals[row] for bus, row in zip(self.buses, self._balance, strict=True)}

    def stored_values(self, duals: Floats) -> dict[str, Floats]:
        """Return the worth of one more kWh in each store at the end of each step."""
        return {store.name: -duals[row] for store, row in zip(self.stores, self._held, strict=True)}
