"""Where the lists of the page come from: the projection, and for blocks the chain itself.

Units and keys: `node.query_rows`. Refuses what `node.rpc.parameters` refuses.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from node import strict_json
from node.api.tables import BLOCKS, CERTIFICATES, INTERVALS, RUNS, TRADES, Table
from node.queries import BadCursor, Page, Queries
from node.query_rows import Row
from node.rpc import parameters
from node.rpc.ports import ChainRequests
from node.rpc.schemas import SCHEMAS

BLOCK_KEYS: Final = ("number", "timestamp", "hash", "transactions", "gasUsed")
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


def browsable_lists(queries: Queries, chain: ChainRequests) -> dict[str, BrowsableList]:
    """Return all lists by name."""

    def in_thread(query: Callable[..., Page]) -> Callable[..., Awaitable[Page]]:
        async def read(**arguments: Any) -> Page:
            return await asyncio.to_thread(query, **arguments)

        return read

    async def blocks(**arguments: Any) -> Page:
        return await chain_blocks(chain, **arguments)

    lists = (
        BrowsableList(INTERVALS, _keys("Interval"), parameters.INTERVAL_FILTERS, in_thread(queries.intervals)),
        BrowsableList(TRADES, _keys("Trade"), parameters.TRADE_FILTERS, in_thread(queries.trades)),
        BrowsableList(
            CERTIFICATES, _keys("Certificate"), parameters.CERTIFICATE_FILTERS, in_thread(queries.certificates)
        ),
        BrowsableList(RUNS, _keys("Run"), parameters.RUN_FILTERS, in_thread(queries.runs)),
        BrowsableList(BLOCKS, BLOCK_KEYS, parameters.RUN_FILTERS, blocks),
    )
    return {item.table.name: item for item in lists}


async def chain_blocks(chain: ChainRequests, *, limit: int, newest_first: bool, cursor: str | None = None) -> Page:
    """Return blocks of the chain by number.

    Raises:
        Unavailable: the chain does not answer.
        BadCursor: the cursor is no block number.
    """
    limit = min(limit, BLOCKS_MAX)
    (head,) = await _results(chain, [("eth_blockNumber", [])])
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
    found = await _results(chain, [("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    return Page(items=[_block(block) for block in found if block], next=None if following is None else str(following))


def _keys(schema: str) -> tuple[str, ...]:
    return tuple(SCHEMAS[schema]["properties"])


async def _results(chain: ChainRequests, calls: list[tuple[str, list[Any]]]) -> list[Any]:
    batch = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
        for place, (method, params) in enumerate(calls)
    ]
    if not batch:
        return []
    answers = json.loads(await chain.request_bytes(strict_json.dumps(batch)))
    by_place = {answer["id"]: answer.get("result") for answer in answers}
    return [by_place.get(place) for place in range(len(calls))]


def _block(block: dict[str, Any]) -> Row:
    return {
        "number": int(block["number"], 16),
        "timestamp": int(block["timestamp"], 16),
        "hash": str(block["hash"]),
        "transactions": len(block["transactions"]),
        "gasUsed": int(block["gasUsed"], 16),
    }
