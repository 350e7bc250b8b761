"""Follows the journal, the readings and the runs, and keeps the tables that people look at up to date.

Changes are collected in memory and written (`node.storage.table_writer`) in one transaction together with how far each
source was followed, so that a crash leaves the tables at an earlier moment, never at a wrong one; what is missing is
followed again at the next start.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Engine, case, delete, exists, insert, literal, select, update
from sqlmodel import Session, SQLModel, col

from energy.errors import Unavailable
from energy.identity import Digest, MeterId, address_from_hex, digest_from_hex, hex_text
from market.commands import Command
from market.events import (
    AccountRated,
    CancelReason,
    Event,
    GateClosed,
    IntervalOpened,
    OrderCancelled,
    OrderEntered,
    OrderPlaced,
    Outcome,
    Trade,
)
from market.standing import FAILURES
from node.coop.tariffs import TariffSchedule
from node.off_loop import off_loop
from node.storage.models import (
    Account,
    AttestationRow,
    CertificateRow,
    Checkpoint,
    CorrectionRow,
    EntryRow,
    IntervalStatus,
    MarketInterval,
    OrderRow,
    OrderStatus,
    ReadingRow,
    RunRow,
    TradeRow,
)
from node.storage.table_writer import Statements, TableWriter

BATCHES_MAX: Final = 1_000
"""Batches that may wait to be written."""
_STATUS_BY_OUTCOME = {
    Outcome.RESTING: OrderStatus.RESTING,
    Outcome.FILLED: OrderStatus.FILLED,
    Outcome.PARTLY_FILLED_REST_CANCELLED: OrderStatus.CANCELLED,
    Outcome.CANCELLED: OrderStatus.CANCELLED,
}
_STATUS_BY_REASON = {
    CancelReason.BY_OWNER: OrderStatus.CANCELLED,
    CancelReason.IMMEDIATE_REST: OrderStatus.CANCELLED,
    CancelReason.SELF_TRADE: OrderStatus.CANCELLED,
    CancelReason.EXPIRED: OrderStatus.EXPIRED,
    CancelReason.GATE_CLOSED: OrderStatus.UNFILLED,
    CancelReason.HALTED: OrderStatus.CANCELLED,
    CancelReason.REPLACED: OrderStatus.CANCELLED,
    CancelReason.BOOK_FULL: OrderStatus.CANCELLED,
    CancelReason.BUNDLE_BROKEN: OrderStatus.CANCELLED,
    CancelReason.DISCONNECTED: OrderStatus.CANCELLED,
}


class Projection:
    """The writer of the projection; one per node."""

    def __init__(self, engine: Engine, tariffs: TariffSchedule) -> None:
        """Take the database, and what the grid asks for."""
        self._writer = TableWriter(engine)
        self.engine = self._writer.engine
        """The tables for whoever asks; what is `ready` is in them."""
        self._tariffs = tariffs
        self._statements: Statements = []
        self._positions: dict[str, int] = {}

    def position(self, source: str) -> int:
        """Return how far a source was followed and written; 0 for not at all."""
        with Session(self.engine) as session:
            found = session.get(Checkpoint, source)
            return found.position if found else 0

    def last_carry(self) -> str | None:
        """Return what the latest written run leaves to its successor; None before the first."""
        with Session(self.engine) as session:
            return session.scalar(select(col(RunRow.carry)).order_by(col(RunRow.run_id).desc()).limit(1))

    def carry_of(self, run_id: int) -> str | None:
        """Return what a written run leaves to its successor; None for a run that is not written."""
        with Session(self.engine) as session:
            return session.scalar(select(col(RunRow.carry)).where(col(RunRow.run_id) == run_id))

    def last_run(self) -> tuple[int, str] | None:
        """Return number and hash of the latest written run; None before the first."""
        with Session(self.engine) as session:
            runs = select(col(RunRow.run_id), col(RunRow.run_hash)).order_by(col(RunRow.run_id).desc()).limit(1)
            found = session.execute(runs).first()
            return None if found is None else (found[0], found[1])

    def apply_market(self, sequence: int, now: int, command: Command, events: Iterable[Event]) -> None:
        """Follow one accepted command of the journal."""
        counted: Digest | None = None
        for event in events:
            match event:
                case IntervalOpened(interval):
                    self._insert(MarketInterval, [self._opened(interval)])
                case OrderPlaced():
                    counted = event.digest
                    self._insert(OrderRow, [_order_row(sequence, now, event)])
                case Trade():
                    self._insert(TradeRow, [_trade_row(sequence, now, event)])
                    self._fill(event, counted, now)
                case OrderEntered():
                    counted = None
                case OrderCancelled():
                    self._cancel(event, now)
                case GateClosed():
                    self._close(event)
                case AccountRated():
                    self._rate(event)
                case _:
                    pass
        self._positions["journal"] = sequence

    def apply_interval(self, attestation: AttestationRow, readings: Sequence[ReadingRow]) -> None:
        """Follow one attested interval; also one that was never open for trading, since the node was away."""
        self._add_unopened(attestation.interval)
        self._insert(AttestationRow, [attestation.model_dump()])
        self._insert(ReadingRow, [row.model_dump() for row in readings])
        self._update(
            MarketInterval,
            col(MarketInterval.start) == attestation.interval,
            status=IntervalStatus.ATTESTED,
            import_wh=attestation.import_wh,
            export_wh=attestation.export_wh,
            readings_root=attestation.readings_root,
            attested_in=attestation.transaction,
        )
        self._positions["readings"] = attestation.interval

    def apply_correction(self, correction: CorrectionRow) -> None:
        """Follow one correction; one that is known already stays as it is."""
        row = correction.model_dump()
        table = SQLModel.metadata.tables[str(CorrectionRow.__tablename__)]
        key = (table.c.meter == row["meter"], table.c.interval == row["interval"], table.c.version == row["version"])
        values = [literal(value, table.c[name].type) for name, value in row.items()]
        self._statements.append(
            (insert(table).from_select(list(row), select(*values).where(~exists().where(*key))), [])
        )

    def readings(self, interval: int) -> list[ReadingRow]:
        """Return the written readings of an interval, by ascending meter."""
        with Session(self.engine) as session:
            found = select(ReadingRow).where(col(ReadingRow.interval) == interval).order_by(col(ReadingRow.meter))
            return list(session.scalars(found))

    def readings_of(self, meter: MeterId, start: int, end: int) -> list[ReadingRow]:
        """Return the written readings of one meter from an instant on and before another, in time."""
        mine = col(ReadingRow.meter) == hex_text(meter)
        within = col(ReadingRow.interval) >= start, col(ReadingRow.interval) < end
        with Session(self.engine) as session:
            return list(session.scalars(select(ReadingRow).where(mine, *within).order_by(col(ReadingRow.interval))))

    def trades(self, interval: int) -> list[TradeRow]:
        """Return the written trades of an interval, in matching sequence."""
        with Session(self.engine) as session:
            found = select(TradeRow).where(col(TradeRow.interval) == interval).order_by(col(TradeRow.number))
            return list(session.scalars(found))

    def apply_run(
        self,
        run: RunRow,
        entries: Sequence[EntryRow],
        certificates: Sequence[CertificateRow],
        balances: Mapping[str, int],
        certified_by_interval: Mapping[int, int],
    ) -> None:
        """Follow one settled run."""
        self._insert(RunRow, [run.model_dump()])
        self._insert(EntryRow, [row.model_dump() for row in entries])
        self._insert(CertificateRow, [row.model_dump() for row in certificates])
        for address, balance_neur in balances.items():
            self._update(Account, col(Account.address) == address, balance_neur=balance_neur)
        for interval, certified_wh in certified_by_interval.items():
            self._update(
                MarketInterval,
                col(MarketInterval.start) == interval,
                status=IntervalStatus.SETTLED,
                certified_wh=certified_wh,
                run_id=run.run_id,
            )
        self._positions["runs"] = run.run_id

    def drop_run(self, run_id: int) -> None:
        """Take back the latest run, which was voided and unwound: its intervals wait to be settled again."""
        for model in (RunRow, EntryRow, CertificateRow):
            self._statements.append((delete(model).where(col(model.run_id) == run_id), []))
        unsettled = {"status": IntervalStatus.ATTESTED, "certified_wh": None, "run_id": None}
        self._update(MarketInterval, col(MarketInterval.run_id) == run_id, **unsettled)
        self._positions["runs"] = run_id - 1

    def put_accounts(self, accounts: Sequence[Account]) -> None:
        """Take in the accounts of the community; known ones stay as they are."""
        with Session(self.engine) as session:
            known = set(session.scalars(select(col(Account.address))))
            session.add_all(account for account in accounts if account.address not in known)
            session.commit()

    def failures_of(self, run_id: int) -> list[tuple[str, int]]:
        """Return the accounts of a run's lines for energy that was not delivered or not drawn, and how much it was."""
        kinds = [kind.name.lower() for kind in FAILURES]
        where = (col(EntryRow.run_id) == run_id, col(EntryRow.kind).in_(kinds))
        with Session(self.engine) as session:
            return [(row.account, row.quantity_wh) for row in session.scalars(select(EntryRow).where(*where))]

    def _rate(self, event: AccountRated) -> None:
        at = col(Account.address) == hex_text(event.account)
        self._update(
            *(Account, at),
            kept_wh=event.kept_wh,
            failed_wh=event.failed_wh,
            collateral_permille=event.collateral_permille,
        )

    def put_balances(self, balances: Mapping[str, int]) -> None:
        """Set what accounts hold on chain."""
        for address, balance_neur in balances.items():
            self._update(Account, col(Account.address) == address, balance_neur=balance_neur)

    def ready(self) -> None:
        """Let whoever asks from now on find what was followed; it is written when somebody does."""
        self._put()
        if len(self._writer) >= BATCHES_MAX:
            with suppress(Unavailable):  # the next flush writes them
                self._writer.write()

    def flush(self) -> None:
        """Write what was followed since the last time, in one transaction.

        Raises:
            Unavailable: the database refuses for now, such as a full disk or another program's lock; nothing is
                written, and the next flush writes it all.
        """
        self._put()
        self._writer.write()

    async def flushed(self) -> None:
        """Do the same in a thread, so that orders are acknowledged meanwhile."""
        self._put()
        if len(self._writer):
            await off_loop(self._writer.write)

    def _put(self) -> None:
        if self._statements or self._positions:
            self._writer.put(self._statements, self._positions)
            self._statements, self._positions = [], {}

    def revise_grid(self, intervals: Sequence[int]) -> None:
        """Show what the grid's tariffs and carbon have become of some intervals; those that are not open yet wait."""
        for interval in intervals:
            row = self._opened(interval)
            names = ("import_tariff_ueur_per_kwh", "export_tariff_ueur_per_kwh", "carbon_g_per_kwh")
            where = col(MarketInterval.start) == interval
            self._update(MarketInterval, where, **{name: row[name] for name in names})

    def price_anew(self, since: int) -> None:
        """Show other tariffs for the intervals that start at an instant or later and are there already."""
        self.flush()
        with Session(self.engine) as session:
            later = select(col(MarketInterval.start)).where(col(MarketInterval.start) >= since)
            starts = session.scalars(later).all()
        self.revise_grid(starts)

    def _opened(self, interval: int) -> dict[str, Any]:
        grid = self._tariffs.at(interval)
        return MarketInterval(
            start=interval,
            status=IntervalStatus.OPEN,
            import_tariff_ueur_per_kwh=grid.tariff.import_ueur_per_kwh,
            export_tariff_ueur_per_kwh=grid.tariff.export_ueur_per_kwh,
            carbon_g_per_kwh=grid.carbon_g_per_kwh,
        ).model_dump()

    def _add_unopened(self, interval: int) -> None:
        row = {**self._opened(interval), "status": IntervalStatus.CLOSED.value}
        table = SQLModel.metadata.tables[str(MarketInterval.__tablename__)]
        known = exists().where(col(MarketInterval.start) == interval)
        values = [literal(value, table.c[name].type) for name, value in row.items()]
        self._statements.append((insert(table).from_select(list(row), select(*values).where(~known)), []))

    def _fill(self, trade: Trade, counted: Digest | None, now: int) -> None:
        """Fill the orders of a trade, but for the one whose row was written with its own trades counted in."""
        filled = col(OrderRow.filled_wh) + trade.quantity_wh
        whole = filled >= col(OrderRow.quantity_wh)
        status = case((whole, OrderStatus.FILLED.value), else_=OrderRow.status)
        ended_at = case((whole, now), else_=OrderRow.ended_at)
        for resting in (trade.buy_order, trade.sell_order):
            if resting != counted:
                where = col(OrderRow.digest) == hex_text(resting)
                self._update(OrderRow, where, filled_wh=filled, status=status, ended_at=ended_at)

    def _cancel(self, event: OrderCancelled, now: int) -> None:
        where = col(OrderRow.digest) == hex_text(event.digest)
        self._update(OrderRow, where, status=_STATUS_BY_REASON[event.reason], ended_at=now)

    def _close(self, event: GateClosed) -> None:
        self._update(
            MarketInterval,
            col(MarketInterval.start) == event.interval,
            status=IntervalStatus.CLOSED,
            trades=event.trades,
            traded_wh=event.traded_wh,
            turnover_neur=event.turnover_neur,
            mean_price_ueur_per_kwh=event.turnover_neur // event.traded_wh if event.traded_wh else None,
            price_ueur_per_kwh=event.price_ueur_per_kwh,
            price_basis=event.price_basis.name.lower() if event.price_basis else None,
        )

    def _insert(self, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
        if rows:
            self._statements.append((insert(model), rows))

    def _update(self, model: type[SQLModel], where: Any, **values: Any) -> None:
        self._statements.append((update(model).where(where).values(**values), []))


def trade_of(row: TradeRow) -> Trade:
    """Return the trade in a row."""
    return Trade(
        interval=row.interval,
        number=row.number,
        price_ueur_per_kwh=row.price_ueur_per_kwh,
        quantity_wh=row.quantity_wh,
        buy_order=digest_from_hex(row.buy_order),
        sell_order=digest_from_hex(row.sell_order),
        buyer=address_from_hex(row.buyer),
        seller=address_from_hex(row.seller),
        buy_from_wh=row.buy_from_wh,
        sell_from_wh=row.sell_from_wh,
        wedge_ueur_per_kwh=row.wedge_ueur_per_kwh,
    )


def _order_row(sequence: int, now: int, event: OrderPlaced) -> dict[str, Any]:
    order = event.order
    return OrderRow(
        digest=hex_text(event.digest),
        sequence=sequence,
        placed_at=now,
        account=hex_text(order.account),
        interval=order.interval,
        last_interval=order.last_interval,
        side=order.side.name.lower(),
        quantity_wh=order.quantity_wh,
        limit_price_ueur_per_kwh=order.limit_price_ueur_per_kwh,
        time_in_force=order.time_in_force,
        nonce=order.nonce,
        expiry=order.expiry,
        filled_wh=event.filled_wh + event.carried_wh,
        status=_STATUS_BY_OUTCOME[event.outcome],
        ended_at=None if event.outcome is Outcome.RESTING else now,
    ).model_dump()


def _trade_row(sequence: int, now: int, trade: Trade) -> dict[str, Any]:
    return TradeRow(
        interval=trade.interval,
        number=trade.number,
        sequence=sequence,
        matched_at=now,
        price_ueur_per_kwh=trade.price_ueur_per_kwh,
        quantity_wh=trade.quantity_wh,
        buy_order=hex_text(trade.buy_order),
        sell_order=hex_text(trade.sell_order),
        buyer=hex_text(trade.buyer),
        seller=hex_text(trade.seller),
        buy_from_wh=trade.buy_from_wh,
        sell_from_wh=trade.sell_from_wh,
        wedge_ueur_per_kwh=trade.wedge_ueur_per_kwh,
    ).model_dump()
