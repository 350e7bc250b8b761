"""Planning a battery as a network of energy: what each step may do with the store, and what that is worth.

A step has four flows into or out of the store. All are counted in milli-Wh *of the store*, so that the only equation
is `stored[t] = stored[t-1] + charges - discharges` with coefficients of one: the matrix is totally unimodular, and
with whole-number bounds every vertex of the linear programme is a whole number. Efficiencies live in bounds and values.
Units: milli-Wh of the store, µ€ per kWh of the store; all int. Refuses: nothing.
Source of the integrality: Hoffman and Kruskal, Integral boundary points of convex polyhedra, 1956.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dispatch.forecast import Forecast
from dispatch.prices import PriceOutlook
from dispatch.storage import Battery, BatterySpec

Integers: TypeAlias = NDArray[np.int64]

FLOWS: Final = 4


class Flow(IntEnum):
    """Ways of energy into and out of the store; the index of a row in the arrays below."""

    STORE_SURPLUS = 0
    """Charge from the site's own solar surplus; costs the sale that is given up."""
    STORE_PURCHASE = 1
    """Charge from bought energy; only where the battery may charge from the grid."""
    SERVE_LOAD = 2
    """Discharge for the site's own load; saves a purchase."""
    SELL = 3
    """Discharge beyond the own load."""


CHARGES: Final = slice(Flow.STORE_SURPLUS, Flow.STORE_PURCHASE + 1)
DISCHARGES: Final = slice(Flow.SERVE_LOAD, Flow.SELL + 1)


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
    """Worth of energy left at the end of the horizon: what the lowest selling price would earn."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a plan does with the store, consistent with its `StorageModel`."""

    flow_milliwh: Integers
    """Shape (FLOWS, T), within `flow_max_milliwh`."""
    stored_milliwh: Integers
    """Energy in the store at the end of each step, shape (T,)."""


def storage_model(battery: Battery, forecast: Forecast, prices: PriceOutlook, length_s: int) -> StorageModel:
    """Return the planning model of a battery; forecast and prices have the same number of steps."""
    spec = battery.spec
    net = np.array(forecast.load_wh, dtype=np.int64) - np.array(forecast.pv_wh, dtype=np.int64)
    buy = np.array(prices.buy_ueur_per_kwh, dtype=np.int64)
    sell = np.array(prices.sell_ueur_per_kwh, dtype=np.int64)
    if len(net) != len(buy):
        raise ValueError(f"{len(net)} steps of forecast, but {len(buy)} of prices")
    power_wh = spec.energy_max_wh(length_s)
    store_surplus = spec.charge_efficiency_permille * np.clip(-net, 0, power_wh)
    store_all = spec.stored_by(power_wh) if spec.charge_from_grid else store_surplus
    serve_load = _divided_up(np.clip(net, 0, power_wh) * 1_000_000, spec.discharge_efficiency_permille)
    wear = spec.wear_ueur_per_kwh
    end_value = (min(prices.sell_ueur_per_kwh) - wear) * spec.discharge_efficiency_permille // 1_000
    return StorageModel(
        spec=spec,
        start_milliwh=battery.stored_milliwh,
        floor_milliwh=min(spec.reserve_milliwh, battery.stored_milliwh),
        flow_max_milliwh=np.stack(
            (store_surplus, store_all - store_surplus, serve_load, spec.taken_by(power_wh) - serve_load)
        ),
        value_ueur_per_kwh=np.stack(
            (
                _divided_up(sell * 1_000, spec.charge_efficiency_permille),
                _divided_up(buy * 1_000, spec.charge_efficiency_permille),
                (buy - wear) * spec.discharge_efficiency_permille // 1_000,
                (sell - wear) * spec.discharge_efficiency_permille // 1_000,
            )
        ),
        end_value_ueur_per_kwh=max(0, end_value),
    )


def _divided_up(numerator: Integers, denominator: int) -> Integers:
    return -(-numerator // denominator)
