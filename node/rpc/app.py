"""The JSON-RPC server's ASGI application: POST and WebSocket on ``/``, the OpenRPC document on ``/openrpc.json``.

Where the node's folder has sources of its contracts in Sourcify's layout, they are on ``/sourcify/``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pjrpc.server import AsyncDispatcher
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from dispatch.goals import BILL_ALONE, Goals
from energy.identity import Digest
from node.coop.ballots import Ballots
from node.planning.storage_plan import PlanOf, no_plan
from node.rpc.connections import BODY_S, WEB_SOCKETS_MAX
from node.rpc.fleeting import Connection
from node.rpc.guard import HostGuard, caller_of, is_json
from node.rpc.methods_energy import EnergyMethods, energy_dispatcher
from node.rpc.news import News, NewsFeed
from node.rpc.openrpc import openrpc_document
from node.rpc.pace import PIECE_LEN, PIECES, Pace, in_pieces
from node.rpc.ports import ChainRequests, JsonObject, NodeCommands
from node.rpc.pushing import Pushing
from node.rpc.router import BODY_BYTES_MAX, RpcRouter
from node.rpc.subscriptions import HeadFeed, Subscriptions
from node.rules.carrying import Rules
from node.views.events import Broadcaster
from node.views.queries import Queries

WHAT_THIS_IS: Final = """\
This is the JSON-RPC 2.0 port of a RESILIA-GRID node: POST requests here, or open a WebSocket.
Methods: eth_*, net_*, web3_* as any Ethereum client, and energy_*: GET /openrpc.json describes them.
People want the node's web page, which is on another port.
"""


def create_rpc_app(
    core: NodeCommands,
    queries: Queries,
    chain: ChainRequests,
    broadcaster: Broadcaster | None = None,
    *,
    allowed_hosts: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    sources: Path | None = None,
    rules: Rules | None = None,
    ballots: Ballots | None = None,
    plan_of: PlanOf = no_plan,
    goals: Goals = BILL_ALONE,
) -> Starlette:
    """Return the application for the JSON-RPC port.

    Args:
        core: The running node.
        queries: Its projection.
        chain: The chain's own JSON-RPC.
        broadcaster: What happens in the node, for those who subscribe.
        allowed_hosts: Host names, besides localhost and bare addresses, under which this node is reached.
        allowed_origins: Origins of web pages that may call this node from a browser, such as ``https://app.example``.
        sources: Folder in Sourcify's layout, which need not be there; None for none.
        rules: By which members trade without being asked each time; None for none.
        ballots: Takes members' votes; None where nobody votes.
        plan_of: Says what the community's storage plans.
        goals: What members' plans are to care for besides the bill.
    """

    async def discover() -> JsonObject:
        return openrpc_document(str(core.status()["version"]))

    async def openrpc(request: Request) -> Response:
        return JSONResponse(await discover())

    router = RpcRouter(energy_dispatcher(EnergyMethods(core, queries, rules, ballots, plan_of, goals), discover), chain)
    routes = [Route("/openrpc.json", openrpc, methods=["GET"])]
    if sources is not None:
        routes.append(Route("/sourcify/{path:path}", _sources_in(sources), methods=["GET"]))
    return _application(router, chain, routes, allowed_hosts, allowed_origins, core.drop_disconnected, broadcaster)


def create_chain_app(
    chain: ChainRequests, *, allowed_hosts: Sequence[str] = (), allowed_origins: Sequence[str] = ()
) -> Starlette:
    """Return the application for the JSON-RPC port of a follower, which has a chain and nothing else.

    Args:
        chain: The chain's own JSON-RPC.
        allowed_hosts: As for `create_rpc_app`.
        allowed_origins: As for `create_rpc_app`.
    """
    return _application(
        RpcRouter(AsyncDispatcher(), chain), chain, [], allowed_hosts, allowed_origins, _nothing_to_drop
    )


def _sources_in(folder: Path) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a file of a folder: to everybody, since explorers are web pages from elsewhere."""

    async def source(request: Request) -> Response:
        root = folder.resolve()
        try:
            path = (root / request.path_params["path"]).resolve()
            is_there = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError):  # no name that a file could have
            is_there = False
        if not is_there:
            return PlainTextResponse("No such source.\n", 404)
        return FileResponse(path, headers={"access-control-allow-origin": "*", "x-content-type-options": "nosniff"})

    return source


def _application(
    router: RpcRouter,
    chain: ChainRequests,
    routes: Sequence[Route],
    allowed_hosts: Sequence[str],
    allowed_origins: Sequence[str],
    drop: Callable[[list[Digest]], Awaitable[None]],
    broadcaster: Broadcaster | None = None,
) -> Starlette:
    pace, long_answers = Pace(), Pace(PIECES)
    heads = HeadFeed(chain, pace)
    news = None if broadcaster is None else NewsFeed(broadcaster, pace)

    async def post(scope: Scope, receive: Receive) -> Response:
        request = Request(scope, receive)
        if not is_json(request.headers.get("content-type", "")):
            return PlainTextResponse("Send the request with Content-Type: application/json.\n", 415)
        try:
            async with asyncio.timeout(BODY_S):
                body = await read_body(request, BODY_BYTES_MAX)
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            return PlainTextResponse(f"The request's body took longer than {BODY_S:g} s.\n", 408)
        if body is None:
            return PlainTextResponse(f"A request has at most {BODY_BYTES_MAX} bytes; split the batch.\n", 413)
        return _response(await router.answer(body, caller_of(scope)), long_answers)

    sockets: set[WebSocket] = set()

    async def web_socket(socket: WebSocket) -> None:
        if len(sockets) >= WEB_SOCKETS_MAX:
            await socket.close(1013, "too many connections")
            return
        sockets.add(socket)
        try:
            await _serve_web_socket(socket, router, heads, news, Connection(drop))
        finally:
            sockets.discard(socket)

    async def about(request: Request) -> Response:
        return PlainTextResponse(WHAT_THIS_IS)

    hosts = [*allowed_hosts, *(urlsplit(origin).hostname or "" for origin in allowed_origins)]
    middleware: list[Middleware] = [Middleware(HostGuard, allowed_hosts=hosts)]
    if allowed_origins:
        middleware.append(
            Middleware(
                CORSMiddleware, allow_origins=allowed_origins, allow_methods=["POST"], allow_headers=["content-type"]
            )
        )
    middleware.append(Middleware(Door, post=post))
    return Starlette(
        routes=[
            Route("/", about, methods=["GET"]),
            *routes,
            WebSocketRoute("/", web_socket),
        ],
        middleware=middleware,
    )


class Door:
    """ASGI middleware that answers a POST on ``/`` at once: the way by Starlette's router takes half as long again.

    Everything else goes on.
    """

    def __init__(self, app: ASGIApp, post: Callable[[Scope, Receive], Awaitable[Response]]) -> None:
        self._app = app
        self._post = post

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != "/":
            await self._app(scope, receive, send)
        else:
            await (await self._post(scope, receive))(scope, receive, send)


def _response(answer: bytes | bytearray, pace: Pace) -> Response:
    if len(answer) <= PIECE_LEN:
        return Response(bytes(answer), media_type="application/json") if answer else Response(status_code=204)
    length = {"content-length": str(len(answer))}
    return StreamingResponse(in_pieces(answer, pace), headers=length, media_type="application/json")


async def _nothing_to_drop(orders: list[Digest]) -> None:
    assert not orders, "nobody can place an order with a follower"


async def read_body(request: Request, length_max: int) -> bytes | None:
    """Return a request's body, or None as soon as it is longer than allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > length_max:
            return None
    return bytes(body)


async def _serve_web_socket(
    socket: WebSocket, router: RpcRouter, heads: HeadFeed, news: NewsFeed | None, connection: Connection
) -> None:
    """Answer frames in their sequence, text and binary alike: web3.py sends JSON as binary frames."""
    await socket.accept()
    caller = caller_of(socket.scope, connection)
    subscriptions = Pushing(
        Subscriptions(heads, socket.send_text), None if news is None else News(news, socket.send_text)
    )
    try:
        while (frame := await socket.receive())["type"] == "websocket.receive":
            text: Any = frame.get("text")
            raw = text.encode(errors="replace") if text is not None else frame.get("bytes") or b""
            answer = await router.answer(raw, caller, subscriptions)
            if answer:
                await socket.send_text(answer.decode())
            subscriptions.push()
    finally:
        try:
            await connection.end()
        finally:
            await subscriptions.close()
