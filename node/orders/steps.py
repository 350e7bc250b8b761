"""What has become of orders, step by step, each with its time: placed, matched, ended, settled, certified.

Units: Wh, UTC epoch seconds. Everything here is public under a pseudonym. A run's time is that of its block, which the
chain knows and the projection does not: whoever shows it, asks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, func, or_
from sqlmodel import Session, col, select

from node.storage.models import CertificateRow, MarketInterval, OrderStatus, RunRow, TradeRow
from node.views.rows import Row

ENDED_EARLY = (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.UNFILLED)


class What(StrEnum):
    """A step of an order."""

    PLACED = "placed"
    MATCHED = "matched"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNFILLED = "unfilled"
    SETTLED = "settled"
    CERTIFIED = "certified"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one order."""

    what: What
    quantity_wh: int
    """The order's energy that came so far, or left; of certificates, all that the buyer got for these intervals."""
    at: int | None
    """When; None for what happened in `block`."""
    block: int | None = None
    run_id: int | None = None


def order_steps(engine: Engine, account: str, orders: Sequence[Row]) -> list[list[Step]]:
    """Return the steps of each of an account's orders, in time.

    Args:
        engine: Of the projection.
        account: Whose orders they are.
        orders: As `node.views.rows.order` has them.
    """
    if not orders:
        return []
    first = min(int(order["interval"] or 0) for order in orders)
    last = max(int(order["lastInterval"] or order["interval"] or 0) for order in orders)
    within = (col(TradeRow.interval) >= first, col(TradeRow.interval) <= last)
    mine = or_(col(TradeRow.buyer) == account, col(TradeRow.seller) == account)
    owned = (col(CertificateRow.owner) == account, col(CertificateRow.interval) >= first)
    size = func.sum(CertificateRow.to_wh - CertificateRow.from_wh)
    with Session(engine) as session:
        trades = list(session.scalars(select(TradeRow).where(*within, mine).order_by(col(TradeRow.matched_at))))
        runs = {
            row.start: (int(row.run_id), int(row.block_number))
            for row in session.execute(
                select(MarketInterval.start, RunRow.run_id, RunRow.block_number)
                .join(RunRow, col(RunRow.run_id) == col(MarketInterval.run_id))
                .where(col(MarketInterval.start) >= first, col(MarketInterval.start) <= last)
            )
        }
        certified = session.execute(
            select(CertificateRow.interval, size)
            .where(*owned, col(CertificateRow.interval) <= last)
            .group_by(col(CertificateRow.interval))
        )
        certified_wh = {int(interval): int(quantity) for interval, quantity in certified}
    return [
        _steps(order, [trade for trade in trades if order["digest"] in (trade.buy_order, trade.sell_order)],
               runs, certified_wh)
        for order in orders
    ]  # fmt: skip


def _steps(
    order: Row, trades: list[TradeRow], runs: dict[int, tuple[int, int]], certified_wh: dict[int, int]
) -> list[Step]:
    whole, filled = int(order["quantityWh"] or 0), sum(trade.quantity_wh for trade in trades)
    steps = [Step(What.PLACED, whole, int(order["placedAt"] or 0))]
    if trades:
        steps.append(Step(What.MATCHED, filled, trades[-1].matched_at))
    if order["status"] in ENDED_EARLY:
        ended = order["endedAt"]
        steps.append(Step(What(str(order["status"])), whole - filled, None if ended is None else int(ended)))
    settled = [trade for trade in trades if trade.interval in runs]
    if not settled:
        return steps
    run_id, block = max(runs[trade.interval] for trade in settled)
    steps.append(Step(What.SETTLED, sum(trade.quantity_wh for trade in settled), None, block, run_id))
    proven_wh = sum(certified_wh.get(interval, 0) for interval in {trade.interval for trade in settled})
    if order["side"] == "buy" and proven_wh:
        steps.append(Step(What.CERTIFIED, proven_wh, None, block, run_id))
    return steps
