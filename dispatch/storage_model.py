"""Planning a battery as a network of energy: what each step may do with the store, and what that is worth.

The grid exchange of a step has four price tiers (see `dispatch.prices.ExchangePrices`). Charging pushes the exchange
up from the site's net load, discharging pulls it down, through one tier after the other: eight flows a step. All are
counted in milli-Wh *of the store*, so that the only equation is `stored[t] = stored[t-1] + charges - discharges` with
coefficients of one: the matrix is totally unimodular, and with whole-number bounds every vertex of the linear programme
is a whole number. Efficiencies live in bounds and values.
Units: milli-Wh of the store, µ€ per kWh of the store; all int. Refuses: nothing.
Source of the integrality: Hoffman and Kruskal, Integral boundary points of convex polyhedra, 1956.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dispatch.forecast import Forecast
from dispatch.prices import ExchangePrices
from dispatch.storage import Battery, BatterySpec

Integers: TypeAlias = NDArray[np.int64]

TIERS: Final = 4
FLOWS: Final = 2 * TIERS
CHARGES: Final = slice(0, TIERS)
"""Rows of the charging flows, cheapest tier first."""
DISCHARGES: Final = slice(TIERS, FLOWS)
"""Rows of the discharging flows, cheapest tier first."""
_FAR_WH: Final = 2**40


@dataclass(frozen=True, slots=True)
class StorageModel:
    """Bounds and values of all flows over a horizon of T steps."""

    spec: BatterySpec
    start_milliwh: int
    """Energy in the store before the first step."""
    floor_milliwh: int
    """Least energy in the store at the end of any step."""
    flow_max_milliwh: Integers
    """Largest flow, shape (FLOWS, T)."""
    value_ueur_per_kwh: Integers
    """What one stored kWh costs to bring in (charges, rounded up) or earns going out (discharges, rounded down, wear
    taken off), shape (FLOWS, T)."""
    end_value_ueur_per_kwh: int
    """Worth of energy left at the end of the horizon: what the lowest export tariff would earn."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a plan does with the store, consistent with its `StorageModel`."""

    flow_milliwh: Integers
    """Shape (FLOWS, T), within `flow_max_milliwh`."""
    stored_milliwh: Integers
    """Energy in the store at the end of each step, shape (T,)."""


def storage_model(
    battery: Battery, forecast: Forecast, prices: Sequence[ExchangePrices], length_s: int
) -> StorageModel:
    """Return the planning model of a battery.

    Args:
        battery: As it is before the first step.
        forecast: T steps.
        prices: Of the same T steps.
        length_s: Length of a step.
    """
    spec = battery.spec
    net = np.array(forecast.load_wh, dtype=np.int64) - np.array(forecast.pv_wh, dtype=np.int64)
    if len(net) != len(prices):
        raise ValueError(f"{len(net)} steps of forecast, but {len(prices)} of prices")
    tiers = np.array([price.tiers for price in prices], dtype=np.int64).T
    depth = np.array([price.depth_wh for price in prices], dtype=np.int64)
    power_wh = spec.energy_max_wh(length_s)
    highest = net + power_wh if spec.charge_from_grid else np.maximum(net, np.minimum(net + power_wh, 0))
    charge_wh = _in_tiers(net, highest, depth)
    discharge_wh = _in_tiers(net - power_wh, net, depth)
    end_value = (int(tiers[0].min()) - spec.wear_ueur_per_kwh) * spec.discharge_efficiency_permille // 1_000
    return StorageModel(
        spec=spec,
        start_milliwh=battery.stored_milliwh,
        floor_milliwh=min(spec.reserve_milliwh, battery.stored_milliwh),
        flow_max_milliwh=np.concatenate((charge_wh * spec.charge_efficiency_permille, _taken_by(spec, discharge_wh))),
        value_ueur_per_kwh=np.concatenate(
            (
                _divided_up(tiers * 1_000, spec.charge_efficiency_permille),
                (tiers - spec.wear_ueur_per_kwh) * spec.discharge_efficiency_permille // 1_000,
            )
        ),
        end_value_ueur_per_kwh=max(0, end_value),
    )


def schedule_of(
    model: StorageModel, charge_wh: Sequence[int], discharge_wh: Sequence[int], stored_milliwh: Sequence[int]
) -> Schedule:
    """Return the flows behind AC energies: charges fill the cheapest tier first, discharges the dearest."""
    into = np.array(charge_wh, dtype=np.int64) * model.spec.charge_efficiency_permille
    out = np.array([model.spec.taken_by(wh) for wh in discharge_wh], dtype=np.int64)
    flow = np.zeros_like(model.flow_max_milliwh)
    for charge, discharge in zip(range(TIERS), range(FLOWS - 1, TIERS - 1, -1), strict=True):
        flow[charge] = np.minimum(into, model.flow_max_milliwh[charge])
        flow[discharge] = np.minimum(out, model.flow_max_milliwh[discharge])
        into -= flow[charge]
        out -= flow[discharge]
    return Schedule(flow, np.array(stored_milliwh, dtype=np.int64))


def _in_tiers(low_wh: Integers, high_wh: Integers, depth_wh: Integers) -> Integers:
    """Return how much of the exchanges between two bounds lies in each price tier, Wh, shape (TIERS, T)."""
    far = np.full_like(depth_wh, _FAR_WH)
    edges = np.stack((-far, -depth_wh, np.zeros_like(depth_wh), depth_wh, far))
    reached: Integers = np.clip(edges, low_wh, high_wh)
    return reached[1:] - reached[:-1]


def _taken_by(spec: BatterySpec, discharge_wh: Integers) -> Integers:
    """Return the milli-Wh behind AC discharges by tier; the dearest tier goes first, rounding up the running total."""
    total = np.cumsum(discharge_wh[::-1], axis=0)
    taken = _divided_up(total * 1_000_000, spec.discharge_efficiency_permille)
    taken[1:] -= taken[:-1].copy()
    return taken[::-1]


def _divided_up(numerator: Integers, denominator: int) -> Integers:
    return -(-numerator // denominator)
