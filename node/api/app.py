"""The web port's ASGI application: the page, REST with OpenAPI, server-sent events, health."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from dispatch.goals import BILL_ALONE, Goals
from node import i18n
from node.api import problems
from node.api.browser import BrowserManners
from node.api.community_pages import CommunityPages
from node.api.explorer_pages import ExplorerPages
from node.api.feed import Feed, no_sections
from node.api.lists import browsable_lists
from node.api.live import chosen_kinds, event_stream
from node.api.member_pages import MemberPages, role_of
from node.api.metrics import NodeMetrics, RequestTimes
from node.api.origin import OwnOrigin
from node.api.page_turns import PageTurns
from node.api.pages import Pages
from node.api.passkeys import Passkeys
from node.api.rendering import FOLDER, Rendering
from node.api.rest import rest_router
from node.api.sessions import Sessions
from node.clock import Clock, SystemClock
from node.coop.ballots import Ballots
from node.planning.storage_plan import StoragePlanFile, no_plan
from node.rpc.guard import HostGuard
from node.rpc.methods_energy import EnergyMethods
from node.rpc.ports import ChainRequests, NodeCommands
from node.rpc.schemas import SCHEMAS
from node.rules.carrying import Rules
from node.signing.held_keys import HeldKeys
from node.views.events import Broadcaster
from node.views.queries import Queries

_IS_THE_CHAIN_THERE: Final = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'


def create_web_app(
    core: NodeCommands,
    queries: Queries,
    chain: ChainRequests,
    broadcaster: Broadcaster,
    *,
    allowed_hosts: Sequence[str] = (),
    auditors: Sequence[str] = (),
    operators: Sequence[str] = (),
    rpc_port: int = 8545,
    storage_plan: StoragePlanFile | None = None,
    held: HeldKeys | None = None,
    ballots: Ballots | None = None,
    rules: Rules | None = None,
    folder: Path | None = None,
    clock: Clock | None = None,
    goals: Goals = BILL_ALONE,
) -> FastAPI:
    """Return the application for the web port.

    Args:
        core: The running node.
        queries: Its projection.
        chain: The chain's own JSON-RPC, for the list of blocks.
        broadcaster: News for `/events`; close it before stopping the server, or open pages keep it waiting.
        allowed_hosts: Host names, besides localhost and bare addresses, under which this node is reached.
        auditors: Accounts whose wallets may see all bills.
        operators: The same for those who run the node.
        rpc_port: Where this machine serves JSON-RPC: what a wallet is told.
        storage_plan: Where the community's storage is planned; None for nowhere.
        held: Keys that the node keeps for members with passkeys; None for none.
        ballots: Takes members' votes; None where nobody votes.
        rules: By which members trade without being asked each time; None for none.
        folder: Of the node, where its last backup is noted; None for nowhere.
        clock: By which sessions end and backups age; the machine's when None.
        goals: What members' plans are to care for besides the bill.
    """
    clock = clock or SystemClock()
    # No interactive documentation: its scripts would come from elsewhere.
    app = FastAPI(title="RESILIA-GRID", version=str(core.status()["version"]), docs_url=None, redoc_url=None)
    metrics = NodeMetrics(core, queries, broadcaster)
    plan_of = storage_plan.read if storage_plan else no_plan
    lists = browsable_lists(core, queries, chain, plan_of)
    app.add_middleware(PageTurns, shared=[f"/{name}" for name in lists])
    app.add_middleware(RequestTimes, metrics=metrics)
    app.add_middleware(BrowserManners)
    app.add_middleware(OwnOrigin)
    app.add_middleware(HostGuard, allowed_hosts=allowed_hosts)
    rendering = Rendering(core, queries)
    pages = Pages(rendering, core, queries, lists, plan_of)
    sessions = Sessions(role_of(queries, auditors, operators))
    members = MemberPages(rendering, core, queries, chain, sessions, clock, rpc_port, held, rules)
    problems.install(app, pages.error)
    app.include_router(rest_router(EnergyMethods(core, queries, rules, ballots, plan_of, goals), clock))
    app.include_router(members.router())
    if held is not None:
        app.include_router(Passkeys(rendering, core, held, sessions, clock, ballots, rules).router())
    app.include_router(ExplorerPages(rendering, chain).router())
    app.include_router(CommunityPages(rendering, core, queries, lists, members, clock, folder).router())
    app.include_router(pages.router())
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document

    _add_streams(app, broadcaster, pages)
    _add_watching(app, metrics, queries, chain)
    return app


def _add_streams(app: FastAPI, broadcaster: Broadcaster, pages: Pages) -> None:
    """Add what programs and open pages follow."""
    changes = Feed(broadcaster, no_sections)
    first_page = {name: Feed(broadcaster, partial(pages.now_sections, name)) for name in i18n.LANGUAGES}

    @app.get("/events", include_in_schema=False)
    async def events(request: Request, kinds: str | None = None, after: str | None = None) -> Response:
        known = request.headers.get("last-event-id") or after
        return event_stream(broadcaster, kinds=chosen_kinds(kinds), after=known)

    @app.get("/follow", include_in_schema=False)
    async def follow(request: Request) -> Response:
        return changes.response(request.headers.get("last-event-id"))

    @app.get("/follow/now", include_in_schema=False)
    async def follow_now(request: Request) -> Response:
        return first_page[i18n.language()].response(request.headers.get("last-event-id"))


def _add_watching(app: FastAPI, metrics: NodeMetrics, queries: Queries, chain: ChainRequests) -> None:
    """Add what tells a watcher how the node does."""

    @app.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        text, media_type = await asyncio.to_thread(metrics.text)
        return Response(text, media_type=media_type)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        """Say whether the chain and the projection answer."""
        await chain.request_bytes(_IS_THE_CHAIN_THERE)
        await asyncio.to_thread(queries.latest_metered_interval)
        return PlainTextResponse("ready\n")


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        document.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
        app.openapi_schema = document
    return app.openapi_schema
