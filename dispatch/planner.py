"""The plan of a site's battery: a linear programme over at most two days, solved by HiGHS.

The programme is exact: whole-number bounds and costs on a unimodular network (see `dispatch.storage_model`), so the
solver's answer is whole milli-Wh but for the noise that rounding to the nearest takes off. Ties between equal optima
are broken by a cost of less than 0.0002 €/kWh that grows with time and prefers to act early. Each plan is solved cold,
so it depends on its inputs alone: a restarted node plans the same bytes. Work is limited by simplex iterations, which
every machine counts alike; the time limit is a last resort.
Units: Wh on the AC side, milli-Wh in the store, µ€/kWh. Refuses: nothing; when the solver stops early the plan is the
self-consumption rule, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import highspy
import numpy as np

from dispatch.forecast import Forecast
from dispatch.prices import ExchangePrices
from dispatch.storage import Battery
from dispatch.storage_model import (
    CHARGES,
    DISCHARGES,
    FLOWS,
    TIERS,
    Integers,
    Schedule,
    StorageModel,
    schedule_of,
    storage_model,
)
from dispatch.storage_value import StoredValue, marginal_values, stored_value
from energy.interval import QUARTER_HOUR_S

HORIZON_STEPS: Final = 96
_TIE_SCALE: Final = 64
"""Costs are multiplied by it, so that a tie-break of 1 is finer than 1 µ€/kWh."""
_COST_UNIT: Final = 2.0**-16
_ENERGY_UNIT: Final = 2.0**-10
"""Powers of two bring the solver's numbers near one, where its tolerances are meant, and lose no digit."""
_ITERATIONS_PER_STEP_MAX: Final = 50


class PlanReason(IntEnum):
    """How a plan came about."""

    OPTIMAL = 1
    """The linear programme was solved."""
    NO_BATTERY = 2
    """Nothing to plan: the site only buys its deficit and sells its surplus."""
    SOLVER_STOPPED = 3
    """The solver reached a limit; the plan follows the self-consumption rule."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a site means to do, one value per step."""

    first_interval: int
    charge_wh: tuple[int, ...]
    """AC energy into the battery, ≥ 0."""
    discharge_wh: tuple[int, ...]
    """AC energy out of the battery, ≥ 0; never in the same step as a charge."""
    grid_import_wh: tuple[int, ...]
    """Energy drawn from the grid, bought locally or not, ≥ 0."""
    grid_export_wh: tuple[int, ...]
    """Energy fed into the grid, ≥ 0; never in the same step as an import."""
    stored_milliwh: tuple[int, ...]
    """Energy in the store at the end of each step; empty without a battery."""
    marginal_value_ueur_per_kwh: tuple[int, ...]
    """Worth of one more kWh in the store at the end of each step; empty without a battery."""
    value: StoredValue | None
    """Worth of the store at the end of the first step as a staircase, for bids; None without a battery."""
    reason: PlanReason


class Planner:
    """Solves plans; holds one solver model per length of horizon. Keeps no memory from one plan to the next."""

    def __init__(self, length_s: int = QUARTER_HOUR_S, time_limit_s: float = 10.0) -> None:
        self._length_s = length_s
        self._time_limit_s = time_limit_s
        self._programmes: dict[int, _Programme] = {}

    def plan(self, battery: Battery | None, forecast: Forecast, prices: Sequence[ExchangePrices]) -> Plan:
        """Return the cheapest plan for a site.

        Args:
            battery: The battery as it is before the first step; None for a site without one.
            forecast: Load and solar production, T steps, 1 ≤ T ≤ 192.
            prices: Expected prices of the same T steps.
        Raises:
            ValueError: forecast and prices differ in length.
        """
        if battery is None:
            return _plan_without_battery(forecast)
        model = storage_model(battery, forecast, prices, self._length_s)
        steps = model.flow_max_milliwh.shape[1]
        if steps not in self._programmes:
            self._programmes[steps] = _Programme(steps, self._time_limit_s)
        flow = self._programmes[steps].solve(model)
        if flow is None:
            run = self._executed(battery, forecast, *_self_consumption(forecast))
            schedule = schedule_of(model, run.charge_wh, run.discharge_wh, run.stored_milliwh)
            return self._plan(battery, model, run, schedule, PlanReason.SOLVER_STOPPED)
        schedule = Schedule(flow, _stored(model, flow))
        run = self._executed(battery, forecast, *_ac_energy_down(model, flow))
        return self._plan(battery, model, run, schedule, PlanReason.OPTIMAL)

    def _executed(self, battery: Battery, forecast: Forecast, charge_wh: list[int], discharge_wh: list[int]) -> "_Run":
        """Run wishes through the battery's own arithmetic, which has the last word on limits (invariant D1)."""
        run = _Run(forecast.first_interval, [], [], [], [])
        for load, pv, charge, discharge in zip(forecast.load_wh, forecast.pv_wh, charge_wh, discharge_wh, strict=True):
            charge = min(charge, battery.charge_max_wh(self._length_s))
            discharge = min(discharge, battery.discharge_max_wh(self._length_s))
            battery = battery.step(charge, discharge, self._length_s)
            run.charge_wh.append(charge)
            run.discharge_wh.append(discharge)
            run.exchange_wh.append(load - pv + charge - discharge)
            run.stored_milliwh.append(battery.stored_milliwh)
        return run

    def _plan(self, battery: Battery, model: StorageModel, run: "_Run", schedule: Schedule, reason: PlanReason) -> Plan:
        spec, stored = battery.spec, battery.stored_milliwh
        return Plan(
            first_interval=run.first_interval,
            charge_wh=tuple(run.charge_wh),
            discharge_wh=tuple(run.discharge_wh),
            grid_import_wh=tuple(max(0, wh) for wh in run.exchange_wh),
            grid_export_wh=tuple(max(0, -wh) for wh in run.exchange_wh),
            stored_milliwh=tuple(run.stored_milliwh),
            marginal_value_ueur_per_kwh=marginal_values(model, schedule),
            value=stored_value(
                model,
                schedule,
                lowest_milliwh=stored - spec.taken_by(battery.discharge_max_wh(self._length_s)),
                highest_milliwh=stored + spec.stored_by(battery.charge_max_wh(self._length_s)),
            ),
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """A schedule as the battery really does it."""

    first_interval: int
    charge_wh: list[int]
    discharge_wh: list[int]
    exchange_wh: list[int]
    """Grid exchange, import positive."""
    stored_milliwh: list[int]


class _Programme:
    """The linear programme of one horizon in HiGHS; only costs and bounds change between solves.

    Columns: the flows, (FLOWS, T) row by row, then the stored energy at the end of each step.
    Rows: stored[t] - stored[t-1] - charges[t] + discharges[t] = 0, and = start for the first.
    """

    def __init__(self, steps: int, time_limit_s: float) -> None:
        self._steps = steps
        self._time_limit_s = time_limit_s
        self._columns = np.arange((FLOWS + 1) * steps, dtype=np.int32)
        solver: Any = highspy.Highs
        self._highs = solver()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("solver", "simplex"),
            ("presolve", "off"),
            ("simplex_iteration_limit", _ITERATIONS_PER_STEP_MAX * steps),
        ):
            self._highs.setOptionValue(option, value)
        self._highs.passModel(self._empty_programme())
        time = np.arange(steps, dtype=np.int64)
        self._tie_break = time * (time + 1) // 2

    def _empty_programme(self) -> Any:
        steps, columns = self._steps, len(self._columns)
        programme: Any = highspy.HighsLp()
        programme.num_col_, programme.num_row_ = columns, steps
        programme.col_cost_ = programme.col_lower_ = programme.col_upper_ = np.zeros(columns)
        programme.row_lower_ = programme.row_upper_ = np.zeros(steps)
        matrix = programme.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kColwise
        flow_columns = FLOWS * steps
        rows = [np.tile(np.arange(steps), FLOWS)]
        signs = [np.repeat([-1.0, 1.0], TIERS * steps)]
        carried = np.stack((np.arange(steps), np.arange(1, steps + 1)), axis=1).ravel()[:-1]
        rows.append(carried)
        signs.append(np.tile([1.0, -1.0], steps)[:-1])
        matrix.index_ = np.concatenate(rows).astype(np.int32)
        matrix.value_ = np.concatenate(signs)
        starts = np.concatenate((np.arange(flow_columns), flow_columns + 2 * np.arange(steps)))
        matrix.start_ = np.append(starts, flow_columns + 2 * steps - 1).astype(np.int32)
        return programme

    def solve(self, model: StorageModel) -> Integers | None:
        """Return the optimal flows in whole milli-Wh, shape (FLOWS, T); None when the solver stopped early."""
        steps, highs = self._steps, self._highs
        cost = model.value_ueur_per_kwh * _TIE_SCALE
        cost[DISCHARGES] *= -1
        cost += self._tie_break
        stored_cost = np.zeros(steps, dtype=np.int64)
        stored_cost[-1] = -model.end_value_ueur_per_kwh * _TIE_SCALE
        lower = np.concatenate((np.zeros(FLOWS * steps), np.full(steps, model.floor_milliwh)))
        upper = np.concatenate((model.flow_max_milliwh.ravel(), np.full(steps, model.spec.capacity_milliwh)))
        start = model.start_milliwh * _ENERGY_UNIT
        count = len(self._columns)
        highs.changeColsCost(count, self._columns, np.concatenate((cost.ravel(), stored_cost)) * _COST_UNIT)
        highs.changeColsBounds(count, self._columns, lower * _ENERGY_UNIT, upper * _ENERGY_UNIT)
        highs.changeRowBounds(0, start, start)
        highs.clearSolver()
        # The solver's clock runs on over all solves of one object, so the limit moves along with it.
        highs.setOptionValue("time_limit", highs.getRunTime() + self._time_limit_s)
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        columns = np.array(highs.getSolution().col_value[: FLOWS * steps])
        flow: Integers = np.rint(columns / _ENERGY_UNIT).astype(np.int64).reshape(FLOWS, steps)
        return flow


def _plan_without_battery(forecast: Forecast) -> Plan:
    net = [load - pv for load, pv in zip(forecast.load_wh, forecast.pv_wh, strict=True)]
    idle = (0,) * len(net)
    return Plan(
        forecast.first_interval,
        idle,
        idle,
        tuple(max(0, wh) for wh in net),
        tuple(max(0, -wh) for wh in net),
        (),
        (),
        None,
        PlanReason.NO_BATTERY,
    )


def _self_consumption(forecast: Forecast) -> tuple[list[int], list[int]]:
    """Return the wish to store every surplus and serve every deficit; the battery's limits come after."""
    net = [load - pv for load, pv in zip(forecast.load_wh, forecast.pv_wh, strict=True)]
    return [max(0, -wh) for wh in net], [max(0, wh) for wh in net]


def _ac_energy_down(model: StorageModel, flow: Integers) -> tuple[list[int], list[int]]:
    """Return AC charge and discharge in Wh, rounded down; a step that has both keeps the net of them."""
    into = flow[CHARGES].sum(axis=0) - flow[DISCHARGES].sum(axis=0)
    charge = [model.spec.charge_down(milliwh) for milliwh in np.maximum(into, 0).tolist()]
    discharge = [model.spec.discharge_down(milliwh) for milliwh in np.maximum(-into, 0).tolist()]
    return charge, discharge


def _stored(model: StorageModel, flow: Integers) -> Integers:
    """Return the energy in the store at the end of each step, shape (T,)."""
    stored: Integers = model.start_milliwh + np.cumsum(flow[CHARGES].sum(axis=0) - flow[DISCHARGES].sum(axis=0))
    return stored
