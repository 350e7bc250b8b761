"""Where the lists of the page come from: the projection, and for blocks the chain itself.

Units and keys: `node.views.rows`. Refuses what `node.rpc.parameters` refuses.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from node.api.explorer import ask
from node.api.proposals_view import PROPOSAL_KEYS, proposal_row
from node.api.tables import (
    BLOCKS,
    BOOK,
    CERTIFICATES,
    CROSSINGS,
    DAYS,
    INTERVALS,
    LEAGUE,
    ORDERS,
    OUTLOOK,
    PROPOSALS,
    RUNS,
    STORAGE,
    TRADES,
    Table,
)
from node.api.wording import CommunityClock
from node.planning.storage_plan import STEP_KEYS, PlanOf
from node.rpc import parameters
from node.rpc.ports import ChainRequests, JsonObject, NodeCommands
from node.rpc.schemas import SCHEMAS
from node.views.league import KEYS as LEAGUE_KEYS
from node.views.outlook import DAY_S, HABIT_DAYS, outlook
from node.views.queries import LIMIT_MAX, BadCursor, Page, Queries
from node.views.rows import Row

BLOCK_KEYS: Final = ("number", "timestamp", "hash", "transactions", "gasUsed")
DAY_KEYS: Final = ("day", "start", *SCHEMAS["Summary"]["properties"])
BOOK_KEYS: Final = ("interval", "side", "price", "quantityWh", "orders")
OUTLOOK_KEYS: Final = ("start", "importTariff", "exportTariff", "usualPrice", "carbonGPerKwh")
CROSSING_KEYS: Final = ("community", *SCHEMAS["Crossing"]["properties"])
DAYS_MAX: Final = 366
"""Days that are summed up at once."""
BLOCKS_MAX: Final = 500
"""Blocks that are asked of the chain at once."""
PAGES_MAX: Final = 200
"""Pages of one CSV file: a million rows."""


@dataclass(frozen=True, slots=True)
class BrowsableList:
    """One list with its table and how to read it."""

    table: Table
    keys: tuple[str, ...]
    """Keys of an item, in their sequence."""
    filters: Mapping[str, tuple[str, parameters.Parser]]
    read: Callable[..., Awaitable[Page]]
    """Takes the parsed filter and `newest_first`."""

    async def page(self, query: Mapping[str, Any], limit: int, newest_first: bool) -> Page:
        """Return one page for the filter in a query string."""
        arguments = parameters.filters(dict(query), self.filters)
        return await self.read(**{"limit": limit, "newest_first": newest_first} | arguments)

    async def all_pages(self, query: Mapping[str, Any], limit: int) -> AsyncIterator[list[Row]]:
        """Yield all pages from the oldest item on."""
        page = await self.page(query, limit, newest_first=False)
        yield page["items"]
        for _ in range(PAGES_MAX - 1):
            if page["next"] is None:
                return
            page = await self.page({**query, "cursor": page["next"]}, limit, newest_first=False)
            yield page["items"]


def browsable_lists(
    core: NodeCommands, queries: Queries, chain: ChainRequests, plan_of: PlanOf
) -> dict[str, BrowsableList]:
    """Return all lists by name."""

    def in_thread(query: Callable[..., Page]) -> Callable[..., Awaitable[Page]]:
        async def read(**arguments: Any) -> Page:
            return await asyncio.to_thread(query, **arguments)

        return read

    async def storage(*, limit: int, newest_first: bool, cursor: str | None = None) -> Page:
        plan = plan_of(core.now())
        return Page(items=list(plan.steps) if plan else [], next=None)

    async def book(*, limit: int, newest_first: bool, cursor: str | None = None) -> Page:
        return Page(items=_book_rows(core.book(None)), next=None)

    async def proposals(*, limit: int, newest_first: bool, cursor: str | None = None) -> Page:
        found = [proposal_row(item) for item in await core.proposals()]
        return Page(items=found if newest_first else found[::-1], next=None)

    async def crossings(*, limit: int, newest_first: bool, cursor: str | None = None) -> Page:
        found = await core.border.crossings(limit)
        items = [each | {"community": each["otherName"] or each["other"]} for each in found]
        return Page(items=items if newest_first else items[::-1], next=None)

    async def blocks(**arguments: Any) -> Page:
        return await chain_blocks(chain, **arguments)

    lists = (
        BrowsableList(INTERVALS, _keys("Interval"), parameters.INTERVAL_FILTERS, in_thread(queries.intervals)),
        BrowsableList(TRADES, _keys("Trade"), parameters.TRADE_FILTERS, in_thread(queries.trades)),
        BrowsableList(ORDERS, _keys("PlacedOrder"), parameters.ORDER_FILTERS, in_thread(queries.orders)),
        BrowsableList(
            CERTIFICATES, _keys("Certificate"), parameters.CERTIFICATE_FILTERS, in_thread(queries.certificates)
        ),
        BrowsableList(CROSSINGS, CROSSING_KEYS, parameters.RUN_FILTERS, crossings),
        BrowsableList(RUNS, _keys("Run"), parameters.RUN_FILTERS, in_thread(queries.runs)),
        BrowsableList(STORAGE, STEP_KEYS, parameters.RUN_FILTERS, storage),
        BrowsableList(BOOK, BOOK_KEYS, parameters.RUN_FILTERS, book),
        BrowsableList(PROPOSALS, PROPOSAL_KEYS, parameters.RUN_FILTERS, proposals),
        BrowsableList(BLOCKS, BLOCK_KEYS, parameters.RUN_FILTERS, blocks),
        BrowsableList(LEAGUE, LEAGUE_KEYS, parameters.INTERVAL_FILTERS, in_thread(partial(_league, queries))),
        BrowsableList(DAYS, DAY_KEYS, parameters.INTERVAL_FILTERS, in_thread(partial(_days, core, queries))),
        BrowsableList(OUTLOOK, OUTLOOK_KEYS, parameters.RUN_FILTERS, in_thread(partial(_outlook, core, queries))),
    )
    return {item.table.name: item for item in lists}


def _league(
    queries: Queries,
    *,
    limit: int,
    newest_first: bool,
    start: int | None = None,
    end: int | None = None,
    cursor: str | None = None,
) -> Page:
    """Return the league in one page: it has as many rows as the community has members."""
    return Page(items=queries.league(start=start, end=end), next=None)


def _days(
    core: NodeCommands,
    queries: Queries,
    *,
    limit: int,
    newest_first: bool,
    start: int | None = None,
    end: int | None = None,
    cursor: str | None = None,
) -> Page:
    """Return the totals of local days in which there are intervals; a cursor is the first second of a day.

    Raises:
        BadCursor: the cursor is no instant.
    """
    clock = CommunityClock(core.status()["timeZone"])
    bounds = [
        int(row["start"] or 0)
        for newest in (False, True)
        for row in queries.intervals(start=start, end=end, limit=1, newest_first=newest)["items"]
    ]
    if not bounds:
        return Page(items=[], next=None)
    days = clock.days(bounds[0], bounds[-1])
    if newest_first:
        days.reverse()
    if cursor is not None:
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
            raise BadCursor(f"{cursor[:40]!r} is no first second of a day")
        days = [day for day in days if (day[0] <= int(cursor) if newest_first else day[0] >= int(cursor))]
    limit = max(1, min(limit, DAYS_MAX))
    items: list[Row] = [
        {"day": clock.iso_date(first), "start": first, **queries.summary(start=first, end=after)}
        for first, after in days[:limit]
    ]
    return Page(items=items, next=str(days[limit][0]) if len(days) > limit else None)


def _book_rows(book: JsonObject | None) -> list[Row]:
    """Return all levels as the page shows them: asks from the highest, then bids from the highest."""
    if book is None:
        return []
    sides = (("sell", reversed(book["asks"])), ("buy", book["bids"]))
    return [{"interval": book["interval"], "side": side, **level} for side, levels in sides for level in levels]


def _outlook(
    core: NodeCommands, queries: Queries, *, limit: int, newest_first: bool, cursor: str | None = None
) -> Page:
    """Return the intervals from now to the end of tomorrow, in one page."""
    return Page(items=read_outlook(core, queries), next=None)


def read_outlook(core: NodeCommands, queries: Queries) -> list[Row]:
    """Return the intervals from the running one to the end of tomorrow in the community; see `node.views.outlook`."""
    status, now = core.status(), core.now()
    clock, length_s = CommunityClock(status["timeZone"]), int(status["intervalLengthS"])
    _, tomorrow = clock.day(now)
    _, end = clock.day(tomorrow)
    past = queries.intervals(start=now - HABIT_DAYS * DAY_S, end=end, limit=LIMIT_MAX)["items"]
    return outlook(core.tariffs, past, now // length_s * length_s, end, length_s)


async def chain_blocks(chain: ChainRequests, *, limit: int, newest_first: bool, cursor: str | None = None) -> Page:
    """Return blocks of the chain by number.

    Raises:
        Unavailable: the chain does not answer.
        BadCursor: the cursor is no block number.
    """
    limit = min(limit, BLOCKS_MAX)
    (head,) = await ask(chain, [("eth_blockNumber", [])])
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise BadCursor(f"{cursor[:40]!r} is no block number")
    last = int(head, 16)
    if newest_first:
        first = last if cursor is None else min(int(cursor), last)
        numbers = range(first, max(first - limit, -1), -1)
        following = first - limit if first - limit >= 0 else None
    else:
        first = 0 if cursor is None else int(cursor)
        numbers = range(first, min(first + limit, last + 1))
        following = first + limit if first + limit <= last else None
    found = await ask(chain, [("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    return Page(items=[_block(block) for block in found if block], next=None if following is None else str(following))


def _keys(schema: str) -> tuple[str, ...]:
    return tuple(SCHEMAS[schema]["properties"])


def _block(block: dict[str, Any]) -> Row:
    return {
        "number": int(block["number"], 16),
        "timestamp": int(block["timestamp"], 16),
        "hash": str(block["hash"]),
        "transactions": len(block["transactions"]),
        "gasUsed": int(block["gasUsed"], 16),
    }
