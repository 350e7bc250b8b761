"""Refuses what another site's page makes a visitor's browser send: whatever changes something must come from here.

Browsers say where a request comes from, in `Origin` and `Sec-Fetch-Site`; programs send neither and are not concerned,
since they hold no visitor's cookie. Source: OWASP, cross-site request forgery prevention; Fetch metadata.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from node.api.problems import problem

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class OwnOrigin:
    """ASGI middleware that answers 403 to what a page from elsewhere sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or comes_from_here(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        answer = problem(403, "Forbidden", "This request comes from a page of another site.")
        await answer(scope, receive, send)


def comes_from_here(headers: Headers) -> bool:
    """Say whether a browser sent this from a page of this server, or no browser at all."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:
        return False
