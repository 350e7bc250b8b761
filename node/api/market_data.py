"""Market data as CSV under ``/api/v1``: candles and the depth of a book, in the keys of their JSON.

Refuses as the JSON answers do. Times are ISO 8601 in UTC; every other number is an integer in the unit of its name.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from node.api.lists import PAGES_MAX
from node.api.tables import csv_head, csv_rows
from node.rpc.methods_energy import EnergyMethods
from node.rpc.schemas import SCHEMAS
from node.views.queries import LIMIT_MAX

CANDLE_KEYS: Final = tuple(SCHEMAS["Candle"]["properties"])
DEPTH_KEYS: Final = ("interval", "sequence", "side", "price", "quantityWh", "orders")
_CSV: Final = "text/csv; charset=utf-8"


def add_csv(router: APIRouter, methods: EnergyMethods) -> None:
    """Add the addresses to a router, in front of those whose last part is a parameter."""

    @router.get("/candles.csv", summary="Candles as CSV", include_in_schema=False)
    async def candles(request: Request) -> Response:
        """Return all candles of a filter."""
        query = {"limit": LIMIT_MAX, **request.query_params}
        first = await methods.get_candles(query)  # a wrong filter is refused before the answer has begun

        async def lines() -> AsyncIterator[str]:
            yield csv_head(CANDLE_KEYS, french=False)
            page = first
            for _ in range(PAGES_MAX):
                yield csv_rows(CANDLE_KEYS, page["items"], french=False)
                if page["next"] is None:
                    return
                page = await methods.get_candles({**query, "cursor": page["next"]})

        return StreamingResponse(lines(), media_type=_CSV)

    @router.get("/depth.csv", include_in_schema=False)
    async def next_depth() -> Response:
        """Return the book of the next interval to close."""
        return _depth(await methods.get_depth())

    @router.get("/depth/{interval}.csv", include_in_schema=False)
    async def depth(interval: str) -> Response:
        """Return the book of an interval."""
        return _depth(await methods.get_depth(interval))


def _depth(snapshot: dict[str, Any] | None) -> Response:
    if snapshot is None:
        raise HTTPException(404, "There is nothing under this address.")
    place = {"interval": snapshot["interval"], "sequence": snapshot["sequence"]}
    rows = [
        {**place, "side": side, **level}
        for side, levels in (("buy", snapshot["bids"]), ("sell", snapshot["asks"]))
        for level in levels
    ]
    return Response(csv_head(DEPTH_KEYS, french=False) + csv_rows(DEPTH_KEYS, rows, french=False), media_type=_CSV)
