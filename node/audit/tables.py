"""A node's own tables as an auditor reads them: published trades and the roots of settled runs, nothing written.

Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses, as `Misconfigured`, a file that is no database of a node.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from energy.errors import Misconfigured
from energy.identity import Digest, address_from_hex, digest_from_hex
from energy.quantities import amount_neur
from market.audit_trades import PublishedTrade
from node.storage.models import Checkpoint, IntervalStatus, MarketInterval, RunRow, TradeRow


@dataclass(frozen=True, slots=True)
class SettledRoots:
    """What a settled run commits to of the market."""

    run_id: int
    first_interval: int
    last_interval: int
    orders_root: Digest
    trades_root: Digest


@dataclass(frozen=True, slots=True)
class ShownTables:
    """What the node's tables show of the market at one moment."""

    journal_position: int
    """Record of the journal through which they were written."""
    trades: list[PublishedTrade]
    runs: list[SettledRoots]
    prices: dict[int, int | None]
    """The published price of each interval whose gate has closed."""


def read_tables(path: Path) -> ShownTables | None:
    """Read a node's tables in one transaction; None when there is no such file.

    Raises:
        Misconfigured: it is no database of a node, or can not be read.
    """
    if not path.exists():
        return None
    engine = read_only(path)
    try:
        with Session(engine) as session:
            session.connection().exec_driver_sql("BEGIN")  # one moment for all that follows
            checkpoint = session.get(Checkpoint, "journal")
            trades = [_trade(row) for row in session.exec(select(TradeRow))]
            runs = [_run(row) for row in session.exec(select(RunRow).order_by(col(RunRow.run_id)))]
            closed = select(MarketInterval).where(col(MarketInterval.status) != IntervalStatus.OPEN)
            prices = {row.start: row.price_ueur_per_kwh for row in session.exec(closed)}
            return ShownTables(checkpoint.position if checkpoint else 0, trades, runs, prices)
    except (SQLAlchemyError, ValueError) as error:
        raise Misconfigured(f"{path} can not be read as a node's tables: {error}") from error
    finally:
        engine.dispose()


def read_only(path: Path) -> Engine:
    """Open a node's tables for reading alone."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True, isolation_level=None))


def _trade(row: TradeRow) -> PublishedTrade:
    return PublishedTrade(
        row.interval,
        row.number,
        row.matched_at,
        row.price_ueur_per_kwh,
        row.quantity_wh,
        digest_from_hex(row.buy_order),
        digest_from_hex(row.sell_order),
        address_from_hex(row.buyer),
        address_from_hex(row.seller),
        amount_neur(row.quantity_wh, row.price_ueur_per_kwh),
        row.wedge_ueur_per_kwh,
    )


def _run(row: RunRow) -> SettledRoots:
    return SettledRoots(
        row.run_id,
        row.first_interval,
        row.last_interval,
        digest_from_hex(row.orders_root),
        digest_from_hex(row.trades_root),
    )
