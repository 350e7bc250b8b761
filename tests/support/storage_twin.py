"""The slow obvious twin of the storage plan: dynamic programming over every content of the store on a coarse grid."""

from collections.abc import Sequence

from dispatch.prices import ExchangePrices
from dispatch.storage import BatterySpec


def exchange_cost(exchange_wh: int, prices: ExchangePrices) -> int:
    """Return what a grid exchange costs (n€), import positive."""
    sign = 1 if exchange_wh >= 0 else -1
    inner = min(abs(exchange_wh), prices.depth_wh)
    outer = abs(exchange_wh) - inner
    if sign > 0:
        return inner * prices.buy_ueur_per_kwh + outer * prices.import_ueur_per_kwh
    return -inner * prices.sell_ueur_per_kwh - outer * prices.export_ueur_per_kwh


def worth_of_store(
    spec: BatterySpec,
    net_wh: Sequence[int],
    prices: Sequence[ExchangePrices],
    power_wh: int,
    grid_wh: int,
) -> list[list[int]]:
    """Return the least cost still to come (n€, end value taken off) after each step, per content of the store.

    Args:
        spec: Efficiencies that divide the grid evenly (1000 or 500 per mille).
        net_wh: Load minus solar production per step, multiples of the grid.
        prices: As many steps.
        power_wh: Largest AC energy a step.
        grid_wh: Step of the store's contents.
    Returns:
        `worth[t][i]`: cost of steps t, t+1, ... when the store holds `i * grid_wh` before step t; T + 1 rows.
    """
    contents = range(0, spec.capacity_wh + 1, grid_wh)
    end_price = max(0, (min(p.export_ueur_per_kwh for p in prices) - spec.wear_ueur_per_kwh))
    end_price = end_price * spec.discharge_efficiency_permille // 1_000
    worth = [[-end_price * content for content in contents]]
    for net, price in zip(reversed(net_wh), reversed(prices), strict=True):
        later = worth[0]
        row = []
        for i, before in enumerate(contents):
            choices = []
            for j, after in enumerate(contents):
                charge, discharge = _ac_wh(spec, after - before)
                surplus = max(0, -net)
                if max(charge, discharge) > power_wh or (charge > surplus and not spec.charge_from_grid):
                    continue
                cost = exchange_cost(net + charge - discharge, price) + discharge * spec.wear_ueur_per_kwh
                choices.append(cost + later[j])
            assert choices, i
            row.append(min(choices))
        worth.insert(0, row)
    return worth


def _ac_wh(spec: BatterySpec, stored_wh: int) -> tuple[int, int]:
    if stored_wh >= 0:
        return stored_wh * 1_000 // spec.charge_efficiency_permille, 0
    return 0, -stored_wh * spec.discharge_efficiency_permille // 1_000
