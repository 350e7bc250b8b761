"""What stored energy is worth around a plan: the numbers behind a battery's bids.

One more kWh in the store is worth its best use later on: serve or sell more, or charge less, at any step that can be
reached before the store is full. One kWh less costs the cheapest way to do without: serve or sell less, or charge
more, before the store is empty. With a plan that is optimal these are the one-sided derivatives of the optimum, in
whole numbers and without a doubt where the solver's dual prices are not unique; taken step by step they give the
staircase of a battery's exact value. Greedy is exact here because the steps that a use passes through are nested.
Units: milli-Wh of the store, µ€ per kWh of the store; all int. Refuses: nothing.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dispatch.storage import MILLIWH_PER_WH
from dispatch.storage_model import CHARGES, DISCHARGES, Integers, Schedule, StorageModel


class ValueStep(NamedTuple):
    """A stretch of the store with one value."""

    milliwh: int
    """How long it is, > 0."""
    value_ueur_per_kwh: int
    """Worth of each kWh in it."""


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A staircase: the fuller the store, the less the next kWh is worth."""

    bottom_milliwh: int
    """Energy in the store where the first step begins."""
    steps: tuple[ValueStep, ...]
    """From the bottom upwards, values falling."""

    def between(self, low_milliwh: int, high_milliwh: int) -> tuple[ValueStep, ...]:
        """Return the steps of a stretch of the store, from below upwards, cut to it."""
        cut = []
        start = self.bottom_milliwh
        for step in self.steps:
            length = min(start + step.milliwh, high_milliwh) - max(start, low_milliwh)
            if length > 0:
                cut.append(ValueStep(length, step.value_ueur_per_kwh))
            start += step.milliwh
        return tuple(cut)


class _Use(NamedTuple):
    value: int
    step: int
    """Energy for this use passes through the store at the end of every step before it."""
    milliwh: int


def marginal_values(model: StorageModel, schedule: Schedule) -> tuple[int, ...]:
    """Return the worth of one more stored kWh at the end of each step: its best use in later steps."""
    best = _best_use(model, schedule).tolist()
    room = (model.spec.capacity_milliwh - schedule.stored_milliwh).tolist()
    values = [model.end_value_ueur_per_kwh]
    for step in range(len(room) - 1, 0, -1):
        later = values[-1] if room[step] >= MILLIWH_PER_WH else best[step]
        values.append(max(best[step], later))
    return tuple(reversed(values))


def stored_value(model: StorageModel, schedule: Schedule, lowest_milliwh: int, highest_milliwh: int) -> StoredValue:
    """Return the worth of the store at the end of the first step, between two contents.

    Uses below one Wh are left out, so the edges of the staircase are good to a few Wh.
    """
    planned = int(schedule.stored_milliwh[0])
    room = model.spec.capacity_milliwh - schedule.stored_milliwh
    above_floor = schedule.stored_milliwh - model.floor_milliwh
    more = _staircase(_uses_of_more(model, schedule), room, highest_milliwh - planned)
    less = _staircase(_ways_without(model, schedule), above_floor, planned - lowest_milliwh)
    bottom = planned - sum(step.milliwh for step in less)
    return StoredValue(bottom, _joined([*reversed(less), *more]))


def _best_use(model: StorageModel, schedule: Schedule) -> Integers:
    """Return the best value of one more kWh arriving in each step; the end value where it has no use."""
    spare = model.flow_max_milliwh - schedule.flow_milliwh
    usable = np.concatenate((schedule.flow_milliwh[CHARGES], spare[DISCHARGES])) >= MILLIWH_PER_WH
    worst = min(int(model.value_ueur_per_kwh.min()), model.end_value_ueur_per_kwh)
    best: Integers = np.where(usable, model.value_ueur_per_kwh, worst).max(axis=0)
    return best


def _uses_of_more(model: StorageModel, schedule: Schedule) -> list[_Use]:
    """List the uses of more energy after the first step, best first: discharge more, charge less, keep it."""
    spare = model.flow_max_milliwh - schedule.flow_milliwh
    amounts = np.concatenate((schedule.flow_milliwh[CHARGES], spare[DISCHARGES]))
    kept = _Use(model.end_value_ueur_per_kwh, amounts.shape[1], model.spec.capacity_milliwh)
    return sorted((*_uses(model, amounts), kept), key=lambda use: (-use.value, use.step))


def _ways_without(model: StorageModel, schedule: Schedule) -> list[_Use]:
    """List the ways to do with less energy after the first step, cheapest first."""
    spare = model.flow_max_milliwh - schedule.flow_milliwh
    amounts = np.concatenate((spare[CHARGES], schedule.flow_milliwh[DISCHARGES]))
    kept = _Use(model.end_value_ueur_per_kwh, amounts.shape[1], model.spec.capacity_milliwh)
    return sorted((*_uses(model, amounts), kept), key=lambda use: (use.value, use.step))


def _uses(model: StorageModel, amounts: Integers) -> list[_Use]:
    flows, steps = np.nonzero(amounts >= MILLIWH_PER_WH)
    values = model.value_ueur_per_kwh[flows, steps].tolist()
    return [
        _Use(value, step, milliwh)
        for value, step, milliwh in zip(values, steps.tolist(), amounts[flows, steps].tolist(), strict=True)
        if step > 0
    ]


def _staircase(uses: list[_Use], slack: Integers, wanted_milliwh: int) -> list[ValueStep]:
    """Fill an amount from the best uses on, while the store's slack on the way to each allows.

    Args:
        uses: In the sequence in which they are to be taken.
        slack: How far the store can be moved at the end of each step.
        wanted_milliwh: Where to stop.
    """
    slack = slack.copy()
    stairs: list[ValueStep] = []
    for use in uses:
        if wanted_milliwh < MILLIWH_PER_WH:
            break
        taken = min(use.milliwh, wanted_milliwh, int(slack[: use.step].min()))
        if taken < MILLIWH_PER_WH:
            continue
        slack[: use.step] -= taken
        wanted_milliwh -= taken
        stairs.append(ValueStep(taken, use.value))
    return stairs


def _joined(stairs: list[ValueStep]) -> tuple[ValueStep, ...]:
    joined: list[ValueStep] = []
    for step in stairs:
        if joined and joined[-1].value_ueur_per_kwh == step.value_ueur_per_kwh:
            joined[-1] = ValueStep(joined[-1].milliwh + step.milliwh, step.value_ueur_per_kwh)
        else:
            joined.append(step)
    return tuple(joined)
