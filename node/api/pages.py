"""The web page: what people see, rendered on the server in their language; every list also as CSV and JSON.

No script is needed to read it; with scripts it follows the node by itself.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse

from node import i18n
from node.api import tables
from node.api.feed import Sections
from node.api.lists import BrowsableList
from node.api.now_page import read_now_page
from node.api.rendering import Rendering
from node.api.rest import query_filter
from node.api.tables import csv_head, csv_rows
from node.planning.storage_plan import PlanOf
from node.rpc.ports import NodeCommands
from node.views.queries import LIMIT_MAX, Queries
from oracles.evidence_links import PROVES, Fault

ROWS_PER_PAGE: Final = 50


@dataclass
class SharedPage:
    """What was written last in one language, and of which moment it is."""

    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    moment: object = None
    answer: Response | None = None


class Pages:
    """The first page, the lists, and the certificates of one node."""

    def __init__(
        self,
        rendering: Rendering,
        core: NodeCommands,
        queries: Queries,
        lists: dict[str, BrowsableList],
        plan_of: PlanOf,
    ) -> None:
        self._rendering = rendering
        self._core = core
        self._queries = queries
        self._lists = lists
        self._plan_of = plan_of
        self._shared: dict[str, SharedPage] = {}

    async def now_sections(self, language: str) -> Sections:
        """Return what changes on the first page, in a language."""
        with i18n.speaking(language):
            page = await read_now_page(self._core, self._queries, self._plan_of)
            return await self._rendering.sections("now.html", page=page)

    def router(self) -> APIRouter:
        """Return all routes that answer HTML, and the lists' other formats."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.now, methods=["GET"])
        for name in self._lists:
            router.add_api_route(f"/{name}", self._list_route(name, self.table), methods=["GET"])
            router.add_api_route(f"/{name}.json", self._list_route(name, self.table_json), methods=["GET"])
            router.add_api_route(f"/{name}.csv", self._list_route(name, self.table_csv), methods=["GET"])
        router.add_api_route("/certificates/{number}", self.certificate, methods=["GET"])
        router.add_api_route("/verify", self.verify, methods=["GET"])
        return router

    async def now(self, request: Request) -> Response:
        """Return the first page: written once for all who ask at the same moment in the same language.

        It holds nothing of the one who asks, and hundreds of open pages ask after every event.
        """
        status = self._core.status()
        moment = (
            *(status["now"], status["journal"]["sequence"], status["head"].get("number")),
            *(self._plan_of(status["now"]), str(request.url)),
        )
        shared = self._shared.setdefault(i18n.language(), SharedPage())
        async with shared.writing:
            if shared.moment != moment:
                page = await read_now_page(self._core, self._queries, self._plan_of)
                shared.answer = self._rendering.page(request, "now.html", page=page, status=page.status)
                shared.moment = moment
        assert shared.answer is not None
        return Response(shared.answer.body, headers=dict(shared.answer.headers))

    async def certificate(self, request: Request) -> Response:
        """Return one certificate with the way to check it."""
        number = request.path_params["number"]
        row = None
        if number.isascii() and number.isdigit() and len(number) <= 18:
            row = await asyncio.to_thread(self._queries.certificate, int(number))
        if row is None:
            raise HTTPException(404, i18n.gettext("There is no such certificate."))
        status = self._core.status()
        reader = await self._rendering.reader(status)
        return self._rendering.page(
            request, "certificate.html", row=row, status=status, reader=reader, words=_verdicts()
        )

    async def verify(self, request: Request) -> Response:
        """Return the page that checks any evidence file, in the browser."""
        return self._rendering.page(request, "verify.html", words=_verdicts())

    def error(self, request: Request, status_code: int, detail: str) -> Response:
        """Return an error for people."""
        return self._rendering.page(request, "error.html", status_code=status_code, code=status_code, detail=detail)

    async def table(self, request: Request, browsable: BrowsableList) -> Response:
        """Return one page of a list, newest first."""
        query = query_filter(request)
        page = await browsable.page(query, ROWS_PER_PAGE, newest_first=True)
        status = self._core.status()
        reader = await self._rendering.reader(status)
        return self._rendering.page(
            request,
            "table.html",
            status=status,
            table=browsable.table,
            titles=tables.titles(browsable.table),
            rows=browsable.table.rows(page["items"], reader),
            older=str(request.url.include_query_params(cursor=page["next"])) if page["next"] else None,
            newest=str(request.url.remove_query_params("cursor")) if "cursor" in query else None,
            csv=_other_format(request, "csv"),
            csv_french=_other_format(request, "csv", locale="fr"),
            json=_other_format(request, "json"),
        )

    async def table_json(self, request: Request, browsable: BrowsableList) -> Response:
        """Return one page of a list as JSON, oldest first."""
        return JSONResponse(await browsable.page(query_filter(request), LIMIT_MAX, newest_first=False))

    async def table_csv(self, request: Request, browsable: BrowsableList) -> Response:
        """Return a whole list as CSV, oldest first."""
        query = query_filter(request)
        french = query.pop("locale", "") == "fr"
        pages = browsable.all_pages(query, LIMIT_MAX)
        first = await anext(pages)  # a wrong filter is refused before the answer has begun

        async def lines() -> AsyncIterator[str]:
            yield csv_head(browsable.keys, french)
            yield csv_rows(browsable.keys, first, french)
            async for items in pages:
                yield csv_rows(browsable.keys, items, french)

        headers = {"content-disposition": f'attachment; filename="{browsable.table.name}.csv"'}
        return StreamingResponse(lines(), headers=headers, media_type="text/csv; charset=utf-8")

    def _list_route(self, name: str, answer: Any) -> Any:
        async def route(request: Request) -> Response:
            result: Response = await answer(request, self._lists[name])
            return result

        return route


def _verdicts() -> dict[str, dict[str, str]]:
    """Return in the reader's language what each link of evidence proves, and how each can be broken."""
    return {
        "proves": {name: i18n.gettext(text) for name, text in PROVES.items()},
        "faults": {fault.name: i18n.gettext(fault) for fault in Fault},
    }


def _other_format(request: Request, ending: str, **parameters: str) -> str:
    """Return the address of the same list in another format, with the same filter."""
    url = request.url.remove_query_params(["cursor", "lang"]).include_query_params(**parameters)
    return str(url.replace(path=f"{url.path}.{ending}"))
