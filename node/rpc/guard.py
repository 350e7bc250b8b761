"""Who may talk to a server on this machine at all: a shield against web pages that misuse a visitor's browser.

A page from elsewhere can make a browser connect to 127.0.0.1 under a host name of its own (DNS rebinding), post to it
(CSRF), or open a WebSocket, for which browsers know no same-origin rule. So: the Host must be an address or an allowed
name, a WebSocket's Origin must be one too, and bodies must say that they are JSON, which no page can send elsewhere
without being asked first.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from node.rpc.caller import Caller
from node.rpc.fleeting import Connection

_PROXIED: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})
"""Headers that proxies add; servers give names in small letters (ASGI)."""
_REMEMBERED: Final = 256
"""Addresses that need not be parsed again."""


class HostGuard:
    """ASGI middleware that refuses foreign Host names, and foreign Origins on WebSockets."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._allowed = frozenset({"localhost", *(host.lower() for host in allowed_hosts)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 421; for a WebSocket, refuse the handshake."""
        if scope["type"] == "lifespan" or self._is_welcome(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008, reason="host or origin not allowed")(scope, receive, send)
        else:
            refusal = (
                "This host name is not allowed here: use an address, or add the name to the node's allowed hosts.\n"
            )
            await PlainTextResponse(refusal, 421)(scope, receive, send)

    def _is_welcome(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if not self._is_ours(_host_name("//" + headers.get("host", ""))):
            return False
        origin = headers.get("origin", "")
        # Programs send no Origin, wallets that live in the browser one that is not of the web.
        from_web = scope["type"] == "websocket" and origin.startswith(("http://", "https://", "null"))
        return not from_web or self._is_ours(_host_name(origin))

    def _is_ours(self, host: str) -> bool:
        """A name in the list, or a bare address: an attacker's page always has a name of its own."""
        return host in self._allowed or _is_address(host)


def is_json(content_type: str) -> bool:
    """Say whether a Content-Type header declares JSON, with or without parameters."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


def caller_of(scope: Scope, connection: Connection | None = None) -> Caller:
    """Return who asks; a request that a proxy passed on counts as coming from elsewhere."""
    return Caller(_is_local(scope), connection)


def _is_local(scope: Scope) -> bool:
    proxied = any(name in _PROXIED for name, _ in scope["headers"])
    client = scope.get("client")
    return client is not None and not proxied and _is_loopback(client[0])


@lru_cache(_REMEMBERED)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(_REMEMBERED)
def _is_loopback(host: str) -> bool:
    return _is_address(host) and ip_address(host).is_loopback


def _host_name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
