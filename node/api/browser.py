"""What every answer on the web port has: the language that its reader asked for, and headers that keep browsers safe.

The language is that of ``?lang=``, which is remembered in a cookie, else of the cookie, else of Accept-Language.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.i18n import LANGUAGES, speaking

LANGUAGE_COOKIE: Final = "lang"

SECURITY_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class BrowserManners:
    """ASGI middleware: speaks the reader's language, adds `SECURITY_HEADERS`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in its reader's language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[-1]
        language = asked if asked in LANGUAGES else preferred_language(Headers(scope=scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-language"] = language
                headers.add_vary_header("Accept-Language")
                headers.add_vary_header("Cookie")
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                if asked == language:
                    cookie = f"{LANGUAGE_COOKIE}={language}; Path=/; Max-Age=31536000; SameSite=Lax"
                    headers.append("set-cookie", cookie)
            await send(message)

        with speaking(language):
            await self._app(scope, receive, send_with_headers)


def preferred_language(headers: Headers) -> str:
    """Return the language of the cookie, else the best of Accept-Language that there is, else English."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(LANGUAGE_COOKIE)
    except CookieError:
        cookie = None
    if cookie is not None and cookie.value in LANGUAGES:
        return cookie.value
    wanted = [_weighted(item) for item in headers.get("accept-language", "").split(",")]
    known = [(weight, name) for weight, name in wanted if name in LANGUAGES and weight > 0]
    return max(known, key=lambda item: item[0])[1] if known else LANGUAGES[0]


def _weighted(item: str) -> tuple[int, str]:
    """Return the weight in permille and the language of one item of Accept-Language, such as ``fr-CH;q=0.8``."""
    tag, _, parameter = item.strip().partition(";")
    quality = parameter.strip().removeprefix("q=")
    whole, _, decimals = (quality or "1").partition(".")
    if not (whole + decimals).isascii() or not (whole + decimals).isdigit():
        return 0, ""
    return int(whole) * 1_000 + int(decimals.ljust(3, "0")[:3]), tag.partition("-")[0].lower()
