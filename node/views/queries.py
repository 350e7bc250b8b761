"""The read side: what the projection answers to JSON-RPC, REST, the page and the command line, in one shape for all.

Units: Wh, µ€/kWh (``price``, ``…Tariff``), n€ (``…Neur``), g CO2e/kWh, UTC epoch seconds; all int.
Keys are camelCase. Ranges of time are half-open: `start` inclusive, `end` exclusive.
Lists come in pages, oldest first unless told.
Refuses: cursors that it did not give out (`BadCursor`); limits are capped, never refused.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypedDict, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    SQLColumnExpression,
    case,
    cast,
    exists,
    func,
    or_,
    tuple_,
)
from sqlalchemy import select as select_columns
from sqlmodel import Session, SQLModel, col, select

from node.orders.candles import LENGTH_S_DEFAULT, CandlePage, candle_page
from node.privacy.erased_leaves import ERASED_KIND
from node.storage.models import (
    Account,
    CertificateRow,
    EntryRow,
    MarketInterval,
    OrderRow,
    ReadingRow,
    RunRow,
    TradeRow,
)
from node.views import rows as query_rows
from node.views.league import league
from node.views.rows import Row

Model = TypeVar("Model", bound=SQLModel)
Column = SQLColumnExpression[Any]

LIMIT_DEFAULT: Final = 1_000
LIMIT_MAX: Final = 5_000
"""Most items in one page of answers: about 2 MB of JSON."""

HOME: Final = "home"
"""The kind of an account that is neither storage nor the supplier."""


class BadCursor(ValueError):
    """A cursor that no earlier answer of the same method gave out."""


class Page(TypedDict):
    """Some items and where the next ones start."""

    items: list[Row]
    next: str | None
    """Cursor of the first item that is not here; None at the end."""


class Flow(TypedDict):
    """Where the metered energy of one interval came from and went to, Wh; sources and uses have the same sum."""

    homesExportWh: int
    storageDischargeWh: int
    gridImportWh: int
    """What neighbours needed beyond what neighbours gave."""
    homesImportWh: int
    storageChargeWh: int
    gridExportWh: int


class Queries:
    """Read-only questions to the projection; safe to call from several threads when the engine is."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # -- TRADES

    def trades(
        self,
        *,
        interval: int | None = None,
        start: int | None = None,
        end: int | None = None,
        account: str | None = None,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Return trades by interval, then number; of one account when it bought or sold."""
        where = within(col(TradeRow.interval), interval, start, end)
        if account is not None:
            where.append(or_(col(TradeRow.buyer) == account, col(TradeRow.seller) == account))
        return self._page(TradeRow, ("interval", "number"), where, query_rows.trade, limit, cursor, newest_first)

    def latest_trades(self, limit: int) -> list[Row]:
        """Return the latest trades of all intervals in the sequence of the journal, newest first."""
        statement = select(TradeRow).order_by(col(TradeRow.sequence).desc(), col(TradeRow.number).desc()).limit(limit)
        with Session(self.engine) as session:
            return [query_rows.trade(row) for row in session.exec(statement)]

    def candles(
        self,
        *,
        interval: int | None = None,
        start: int | None = None,
        end: int | None = None,
        length_s: int = LENGTH_S_DEFAULT,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
    ) -> CandlePage:
        """Return candles over the trades of one interval or of all, matched from `start` to before `end`."""
        limit = max(1, min(limit, LIMIT_MAX))
        where = within(col(TradeRow.interval), interval, None, None)
        where += within(col(TradeRow.matched_at), None, start, end)
        if cursor is not None:
            where += within(col(TradeRow.matched_at), None, _parse_cursor(cursor, 1)[0], None)
        return candle_page(self.engine, length_s, where, limit)

    # -- ORDERS

    def orders(
        self,
        *,
        account: str | None = None,
        interval: int | None = None,
        status: str | None = None,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Return orders by their place in the journal."""
        where = _equal(
            (col(OrderRow.account), account), (col(OrderRow.interval), interval), (col(OrderRow.status), status)
        )
        return self._page(OrderRow, ("sequence",), where, query_rows.order, limit, cursor, newest_first)

    def order(self, digest: str) -> Row | None:
        """Return one order by its EIP-712 digest."""
        with Session(self.engine) as session:
            row = session.get(OrderRow, digest)
            return query_rows.order(row) if row else None

    # -- INTERVALS AND RUNS

    def intervals(
        self,
        *,
        start: int | None = None,
        end: int | None = None,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Return delivery intervals in their sequence."""
        where = within(col(MarketInterval.start), None, start, end)
        return self._page(MarketInterval, ("start",), where, query_rows.interval, limit, cursor, newest_first)

    def published_prices(self, start: int) -> dict[int, int]:
        """Return the published price of each interval from a start on that has one, µ€/kWh."""
        priced = col(MarketInterval.price_ueur_per_kwh)
        statement = select(col(MarketInterval.start), priced).where(
            col(MarketInterval.start) >= start, priced.is_not(None)
        )
        with Session(self.engine) as session:
            return {int(interval): int(price) for interval, price in session.execute(statement)}

    def latest_metered_interval(self) -> Row | None:
        """Return the latest interval whose readings are in, or None."""
        metered = select(MarketInterval).where(col(MarketInterval.import_wh).is_not(None))
        with Session(self.engine) as session:
            row = session.exec(metered.order_by(col(MarketInterval.start).desc()).limit(1)).first()
            return query_rows.interval(row) if row else None

    def flow(self, interval: int) -> Flow | None:
        """Return the neighbourhood's sums of one interval by kind of member; None before its readings are in.

        Sums only: no answer of this class tells what one household did.
        """
        statement = (
            select(Account.kind, func.sum(ReadingRow.import_wh), func.sum(ReadingRow.export_wh))
            .join(Account, col(Account.address) == col(ReadingRow.account))
            .where(ReadingRow.interval == interval)
            .group_by(col(Account.kind))
        )
        with Session(self.engine) as session:
            sums = {kind: (int(imported), int(exported)) for kind, imported, exported in session.exec(statement)}
        if not sums:
            return None
        storage_import_wh, storage_export_wh = sums.pop("storage", (0, 0))
        homes_import_wh = sum(imported for imported, _ in sums.values())
        homes_export_wh = sum(exported for _, exported in sums.values())
        net_wh = homes_import_wh + storage_import_wh - homes_export_wh - storage_export_wh
        return Flow(
            homesExportWh=homes_export_wh,
            storageDischargeWh=storage_export_wh,
            gridImportWh=max(0, net_wh),
            homesImportWh=homes_import_wh,
            storageChargeWh=storage_import_wh,
            gridExportWh=max(0, -net_wh),
        )

    def runs(self, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None, newest_first: bool = False) -> Page:
        """Return settlement runs in their sequence."""
        return self._page(RunRow, ("run_id",), [], query_rows.run, limit, cursor, newest_first)

    # -- CERTIFICATES

    def certificates(
        self,
        *,
        owner: str | None = None,
        interval: int | None = None,
        run_id: int | None = None,
        start: int | None = None,
        end: int | None = None,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Return certificates by number."""
        where = within(col(CertificateRow.interval), interval, start, end)
        where += _equal((col(CertificateRow.owner), owner), (col(CertificateRow.run_id), run_id))
        return self._page(CertificateRow, ("number",), where, query_rows.certificate, limit, cursor, newest_first)

    def certificate(self, number: int) -> Row | None:
        """Return one certificate by its number."""
        with Session(self.engine) as session:
            return query_rows.certificate(row) if (row := session.get(CertificateRow, number)) else None

    # -- ACCOUNTS

    def accounts(self) -> list[Row]:
        """Return all accounts with their free balance on chain, by label."""
        with Session(self.engine) as session:
            rows = session.exec(select(Account).order_by(col(Account.label), col(Account.address))).all()
            return [query_rows.account(row) for row in rows]

    def statement(self, account: str) -> dict[str, object] | None:
        """Return one account's balance and all its entries; None for an unknown account. Personal data."""
        with Session(self.engine) as session:
            row = session.get(Account, account)
            if row is None:
                return None
            return {
                "account": row.address,
                "label": row.label,
                "balanceNeur": row.balance_neur,
                **query_rows.standing(row),
                "entries": self.entries(account=account),
            }

    def entries(self, *, account: str, start: int | None = None, end: int | None = None) -> list[Row]:
        """Return one account's entries for the intervals of a stretch of time, in their sequence. Personal data."""
        where = [col(EntryRow.account) == account, *within(col(EntryRow.interval), None, start, end)]
        with Session(self.engine) as session:
            statement = select(EntryRow).where(*where).order_by(col(EntryRow.sequence))
            return [query_rows.entry(row) for row in session.exec(statement)]

    def league(self, *, start: int | None = None, end: int | None = None) -> list[Row]:
        """Return who traded how much with neighbours over a stretch of time, see `node.views.league`."""
        with self.engine.connect() as connection:
            return league(connection, within(col(TradeRow.interval), None, start, end))

    # -- SUMMARY

    def summary(self, *, start: int | None = None, end: int | None = None) -> Row:
        """Return totals over the intervals of a stretch of time.

        `localWh` is, per interval, what meters took while neighbours gave: min(import, export); the grid brings the
        rest. `localSharePermille` is local over imported energy, rounded down, None when nothing was imported.
        `homesPaidNeur` is what the homes paid in settled intervals, `homesAtGridNeur` what the same metered energy
        costs at the grid's tariffs alone, and `savedNeur` the difference; what a home has had erased counts in neither.
        `gridCarbonG` is the grid's part times its carbon intensity, rounded down once.
        """
        imported = func.coalesce(col(MarketInterval.import_wh), 0)
        exported = func.coalesce(col(MarketInterval.export_wh), 0)
        local = case((imported < exported, imported), else_=exported)
        carbon = func.coalesce(col(MarketInterval.carbon_g_per_kwh), 0)
        sums: dict[str, Column] = {
            "trades": col(MarketInterval.trades),
            "tradedWh": col(MarketInterval.traded_wh),
            "turnoverNeur": col(MarketInterval.turnover_neur),
            "importWh": imported,
            "exportWh": exported,
            "certifiedWh": func.coalesce(col(MarketInterval.certified_wh), 0),
            "localWh": local,
            "gridImportWh": imported - local,
            "gridExportWh": exported - local,
            "gridCarbonMg": cast(imported - local, BigInteger) * carbon,
        }
        statement = select_columns(func.count(), *(func.sum(summand) for summand in sums.values())).where(
            *within(col(MarketInterval.start), None, start, end)
        )
        with self.engine.connect() as connection:
            intervals, *values = connection.execute(statement).one()
            homes_paid_neur = _homes_paid_neur(connection, start, end)
            homes_at_grid_neur = _homes_at_grid_neur(connection, start, end)
        totals = {name: int(value or 0) for name, value in zip(sums, values, strict=True)}
        carbon_mg, import_wh = totals.pop("gridCarbonMg"), totals["importWh"]
        return {
            "intervals": int(intervals),
            **totals,
            "localSharePermille": totals["localWh"] * 1_000 // import_wh if import_wh else None,
            "gridCarbonG": carbon_mg // 1_000,
            "homesPaidNeur": homes_paid_neur,
            "homesAtGridNeur": homes_at_grid_neur,
            "savedNeur": homes_at_grid_neur - homes_paid_neur,
        }

    # -- READING ROWS

    def _page(
        self,
        model: type[Model],
        keys: tuple[str, ...],
        where: Sequence[ColumnElement[bool]],
        shape: Callable[[Model], Row],
        limit: int,
        cursor: str | None,
        newest_first: bool,
    ) -> Page:
        """Return rows in the sequence of their keys, from the cursor on; a cursor is the key of a page's first row."""
        limit = max(1, min(limit, LIMIT_MAX))
        columns: list[Column] = [getattr(model, key) for key in keys]
        statement = select(model).where(*where).order_by(*(key.desc() if newest_first else key for key in columns))
        if cursor is not None:
            here, first = tuple_(*columns), tuple_(*_parse_cursor(cursor, len(keys)))
            statement = statement.where(here <= first if newest_first else here >= first)
        with Session(self.engine) as session:
            rows = session.exec(statement.limit(limit + 1)).all()
        following = [str(getattr(row, key)) for row in rows[limit:] for key in keys]
        return Page(items=[shape(row) for row in rows[:limit]], next="-".join(following) or None)


def _homes_paid_neur(connection: Connection, start: int | None, end: int | None) -> int:
    """Return what the homes paid, less what they were paid; entries exist for settled intervals only."""
    statement = (
        select_columns(func.sum(col(EntryRow.amount_neur)))
        .join(Account, col(Account.address) == col(EntryRow.account))
        .where(col(Account.kind) == HOME, *within(col(EntryRow.interval), None, start, end))
        .where(col(EntryRow.kind) != ERASED_KIND)
    )
    return -int(connection.execute(statement).scalar() or 0)


def _homes_at_grid_neur(connection: Connection, start: int | None, end: int | None) -> int:
    """Return what the homes' metered energy of settled intervals costs at the grid's two tariffs."""
    imported = cast(col(ReadingRow.import_wh), BigInteger) * col(MarketInterval.import_tariff_ueur_per_kwh)
    exported = cast(col(ReadingRow.export_wh), BigInteger) * col(MarketInterval.export_tariff_ueur_per_kwh)
    statement = (
        select_columns(func.sum(imported - exported))
        .select_from(ReadingRow)
        .join(Account, col(Account.address) == col(ReadingRow.account))
        .join(MarketInterval, col(MarketInterval.start) == col(ReadingRow.interval))
        .where(col(Account.kind) == HOME, col(MarketInterval.run_id).is_not(None))
        .where(*within(col(MarketInterval.start), None, start, end))
        .where(
            ~exists().where(
                col(EntryRow.account) == col(ReadingRow.account),
                col(EntryRow.run_id) == col(MarketInterval.run_id),
                col(EntryRow.kind) == ERASED_KIND,
            )
        )
    )
    return int(connection.execute(statement).scalar() or 0)


def within(column: Column, exactly: int | None, start: int | None, end: int | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a half-open range, or of one value."""
    conditions: list[ColumnElement[bool]] = []
    if exactly is not None:
        conditions.append(column == exactly)
    if start is not None:
        conditions.append(column >= start)
    if end is not None:
        conditions.append(column < end)
    return conditions


def _equal(*pairs: tuple[Column, int | str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _parse_cursor(cursor: str, parts: int) -> list[int]:
    texts = cursor.split("-")
    if len(texts) != parts or not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in texts):
        raise BadCursor(f"{cursor[:40]!r} is no cursor of this list: pass the 'next' of the answer before, unchanged")
    return [int(text) for text in texts]
