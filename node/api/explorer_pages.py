"""The explorer's pages: one block, one transaction in words, and a search for either."""

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from node import i18n
from node.api.explorer import found_at, read_block, read_transaction
from node.api.rendering import Rendering
from node.rpc.ports import ChainRequests


class ExplorerPages:
    """Shows the chain of one node."""

    def __init__(self, rendering: Rendering, chain: ChainRequests) -> None:
        self._rendering = rendering
        self._chain = chain

    def router(self) -> APIRouter:
        """Return all routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/blocks/{name}", self.block, methods=["GET"])
        router.add_api_route("/transactions/{name}", self.transaction, methods=["GET"])
        router.add_api_route("/search", self.search, methods=["GET"])
        return router

    async def block(self, request: Request) -> Response:
        """Return a block by number or hash."""
        status = self._rendering.status()
        block = await read_block(self._chain, status["contracts"], request.path_params["name"].lower())
        if block is None:
            raise HTTPException(404, i18n.gettext("There is no such block."))
        reader = await self._rendering.reader(status)
        return self._rendering.page(request, "block.html", status=status, block=block, reader=reader)

    async def transaction(self, request: Request) -> Response:
        """Return a transaction by its hash."""
        status = self._rendering.status()
        shown = await read_transaction(self._chain, status["contracts"], request.path_params["name"].lower())
        if shown is None:
            raise HTTPException(404, i18n.gettext("There is no such transaction in a block."))
        return self._rendering.page(request, "transaction.html", status=status, transaction=shown)

    async def search(self, request: Request) -> Response:
        """Lead to what somebody searches for."""
        address = await found_at(self._chain, request.query_params.get("q", "")[:100])
        if address is None:
            raise HTTPException(404, i18n.gettext("Nothing is found: give a block, a hash, or an account."))
        return RedirectResponse(address, 303)
