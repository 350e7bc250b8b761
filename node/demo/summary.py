"""The summary of the demo's day: what trading changed for the neighbourhood and for each home.

"Without the market" is each home alone: its own solar panels, its own battery used for its own needs, the rest bought
and sold at the grid tariffs. Self-sufficiency is the share of the homes' use that did not come from the grid beyond the
neighbourhood. Carbon counts the energy drawn from that grid at its intensity of the moment; exports earn nothing.
Units: Wh, µ€/kWh, n€, g CO2e; all int.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from dispatch.site import SiteAgent
from dispatch.site_plan import SitePlanner
from energy.identity import hex_text
from energy.quantities import amount_neur
from market.metered import Source
from node.app import Node
from node.demo.residents import Resident
from node.demo.street import Street, position
from node.storage.models import EntryRow, MarketInterval, RunRow, TradeRow

MILLIGRAM_FACTOR = 1_000


@dataclass(frozen=True, slots=True)
class Alone:
    """One home's day without neighbours."""

    import_wh: int
    cost_neur: int
    carbon_mg: int
    stored_wh: int
    """Left in its battery at the end."""


def alone(street: Street, resident: Resident, planner: SitePlanner, tariffs: Sequence[tuple[int, ...]]) -> Alone:
    """Live the day again without the market: battery for own needs, everything else from and to the grid."""
    agent = SiteAgent(resident.agent.config, planner)
    imported = cost = carbon = stored = 0
    for interval in street.intervals:
        place = position(street, interval)
        exchange = agent.actuate(interval, resident.load_wh[place], resident.pv_wh[place], 0)
        _, bought, sold, _, _, grams = tariffs[place // 4]
        imported += exchange.import_wh
        cost += amount_neur(exchange.import_wh, bought) - amount_neur(exchange.export_wh, sold)
        carbon += exchange.import_wh * grams
        stored = exchange.stored_milliwh // 1_000
    return Alone(imported, cost, carbon, stored)


def summarise(node: Node, street: Street, residents: Sequence[Resident], planner: SitePlanner) -> dict[str, Any]:
    """Return the figures of the day, ready for JSON."""
    homes = [resident for resident in residents if resident.source is not Source.STORAGE]
    without = {home.label: alone(street, home, planner, street.tariffs) for home in homes}
    places = [position(street, interval) for interval in street.intervals]
    load = sum(home.load_wh[place] for home in homes for place in places)
    solar = sum(home.pv_wh[place] for home in homes for place in places)
    with Session(node.projection.engine) as session:
        settled = session.exec(select(func.max(RunRow.last_interval))).one() or 0
        last = min(settled, street.intervals[-1])  # a folder that lives on has more
        intervals = session.exec(select(MarketInterval).where(col(MarketInterval.start) <= last)).all()
        trades = session.exec(select(func.count()).where(col(TradeRow.interval) <= last)).one()
        runs = session.exec(select(RunRow).where(col(RunRow.last_interval) <= last).order_by(col(RunRow.run_id))).all()
        spent = {
            account: -amount
            for account, amount in session.exec(
                select(EntryRow.account, func.sum(EntryRow.amount_neur))
                .where(col(EntryRow.interval) <= last)
                .group_by(col(EntryRow.account))
            ).all()
        }
    drawn = [max(0, (row.import_wh or 0) - (row.export_wh or 0)) for row in intervals]
    carbon = sum(wh * (row.carbon_g_per_kwh or 0) for wh, row in zip(drawn, intervals, strict=True))
    saved = {home.label: without[home.label].cost_neur - spent.get(hex_text(home.key.address), 0) for home in homes}
    imported = sum(row.import_wh or 0 for row in intervals)
    return {
        "intervals": len(intervals),
        "homes": len(homes),
        "load_wh": load,
        "solar_wh": solar,
        "trades": trades,
        "traded_wh": sum(row.traded_wh for row in intervals),
        "turnover_neur": sum(row.turnover_neur for row in intervals),
        "imported_wh": imported,
        "exported_wh": sum(row.export_wh or 0 for row in intervals),
        "certified_wh": sum(row.certified_wh or 0 for row in intervals),
        "local_share": _share(sum(min(row.import_wh or 0, row.export_wh or 0) for row in intervals), imported),
        "self_sufficiency": _share(load - sum(drawn), load),
        "self_sufficiency_alone": _share(load - sum(each.import_wh for each in without.values()), load),
        "carbon_g": carbon // MILLIGRAM_FACTOR,
        "carbon_alone_g": sum(each.carbon_mg for each in without.values()) // MILLIGRAM_FACTOR,
        "cost_neur": sum(spent.get(hex_text(home.key.address), 0) for home in homes),
        "cost_alone_neur": sum(each.cost_neur for each in without.values()),
        "saved_neur": saved,
        "stored_at_end_wh": sum(resident.agent.plant.stored_milliwh // 1_000 for resident in residents),
        "stored_at_end_alone_wh": sum(each.stored_wh for each in without.values()),
        "battery_earned_neur": -sum(
            spent.get(hex_text(resident.key.address), 0) for resident in residents if resident not in homes
        ),
        "runs": len(runs),
        "last_run_hash": runs[-1].run_hash if runs else None,
        "gas_per_run": sum(run.gas_used for run in runs) // len(runs) if runs else 0,
        "gas_per_trade": sum(run.gas_used for run in runs) // trades if trades else 0,
    }


def _share(part: int, whole: int) -> float:
    return round(max(0, part) / whole, 4) if whole else 0.0
