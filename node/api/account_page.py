"""What the page of one account shows: its orders, its day, its certificates, its bills.

Units: Wh, µ€/kWh, n€, UTC epoch seconds. Orders, trades and certificates are public under a pseudonym; bills are not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from energy.quantities import amount_neur
from node.api.wording import CommunityClock
from node.orders.steps import Step, order_steps
from node.views.own_queries import conduct
from node.views.queries import LIMIT_MAX, Page, Queries
from node.views.rows import Row

ORDERS_SHOWN: Final = 12
TRADES_SHOWN: Final = 6
CERTIFICATES_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Deal:
    """What an account bought or sold in some trades."""

    trades: int
    quantity_wh: int
    amount_neur: int


@dataclass(frozen=True, slots=True)
class BillLine:
    """All entries of one kind in a month."""

    kind: str
    entries: int
    quantity_wh: int
    amount_neur: int


@dataclass(frozen=True, slots=True)
class Bill:
    """One account's entries over one local month."""

    month: str
    """Such as "2017-05"."""
    start: int
    end: int
    lines: tuple[BillLine, ...]
    amount_neur: int
    """Sum of all lines; positive: the account gets it."""


@dataclass(frozen=True, slots=True)
class AccountPage:
    """All that the template needs."""

    account: Row
    orders: list[tuple[Row, list[Step]]]
    """Newest first, each with what has become of it."""
    bought: Deal
    sold: Deal
    certificates: list[Row]
    certified_wh: int
    bills: tuple[Bill, ...] | None
    """Newest first; None for a reader to whom they are not shown."""
    conduct: Row | None
    """What speaks for and against the account; None likewise."""


def read_account_page(
    queries: Queries, clock: CommunityClock, address: str, day: tuple[int, int], *, with_bills: bool
) -> AccountPage | None:
    """Read everything about one account; None when there is none."""
    account = next((row for row in queries.accounts() if row["address"] == address), None)
    if account is None:
        return None
    start, end = day
    trades = _all(queries.trades, account=address, start=start, end=end)
    certificates = _all(queries.certificates, owner=address, start=start, end=end)
    orders = queries.orders(account=address, limit=ORDERS_SHOWN, newest_first=True)["items"]
    return AccountPage(
        account=account,
        orders=list(zip(orders, order_steps(queries.engine, address, orders), strict=True)),
        bought=_deal([row for row in trades if row["buyer"] == address], "price"),
        sold=_deal([row for row in trades if row["seller"] == address], "sellerPrice"),
        certificates=certificates[: -CERTIFICATES_SHOWN - 1 : -1],
        certified_wh=sum(int(row["quantityWh"] or 0) for row in certificates),
        bills=bills_of(queries, clock, address) if with_bills else None,
        conduct=conduct(queries.engine, address) if with_bills else None,
    )


def _all(query: Callable[..., Page], **asked: Any) -> list[Row]:
    """Return the items of all pages, or totals over them would stop at the first."""
    page = query(**asked, limit=LIMIT_MAX)
    items = page["items"]
    while page["next"] is not None:
        page = query(**asked, limit=LIMIT_MAX, cursor=page["next"])
        items += page["items"]
    return items


def bills_of(queries: Queries, clock: CommunityClock, address: str) -> tuple[Bill, ...]:
    """Return an account's bills by local month, newest first."""
    by_month: dict[str, list[Row]] = {}
    for entry in queries.entries(account=address):
        by_month.setdefault(clock.month_name(int(entry["interval"] or 0)), []).append(entry)
    return tuple(_bill(clock, month, by_month[month]) for month in sorted(by_month, reverse=True))


def bill_of(queries: Queries, clock: CommunityClock, address: str, month: str) -> Bill | None:
    """Return an account's bill of a month such as "2017-05"; None when nothing was settled in it."""
    return next((bill for bill in bills_of(queries, clock, address) if bill.month == month), None)


def month_bounds(clock: CommunityClock, month: str) -> tuple[int, int] | None:
    """Return the first second of a local month such as "2017-05" and of the next; None for no month."""
    try:
        first = date.fromisoformat(f"{month}-01")
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    except ValueError:
        return None
    return clock.midnight(first), clock.midnight(following)


def _bill(clock: CommunityClock, month: str, entries: list[Row]) -> Bill:
    start, end = month_bounds(clock, month) or (0, 0)
    kinds = dict.fromkeys(str(entry["kind"]) for entry in entries)
    lines = tuple(_line(kind, [entry for entry in entries if entry["kind"] == kind]) for kind in kinds)
    return Bill(month, start, end, lines, sum(line.amount_neur for line in lines))


def _line(kind: str, entries: list[Row]) -> BillLine:
    return BillLine(
        kind,
        len(entries),
        sum(int(entry["quantityWh"] or 0) for entry in entries),
        sum(int(entry["amountNeur"] or 0) for entry in entries),
    )


def _deal(trades: list[Row], price: str) -> Deal:
    quantities = [int(row["quantityWh"] or 0) for row in trades]
    prices = [int(row[price] or 0) for row in trades]
    return Deal(len(trades), sum(quantities), sum(map(amount_neur, quantities, prices)))
