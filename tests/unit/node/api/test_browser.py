import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from node.api.browser import BrowserManners, preferred_language
from node.i18n import language
from tests.support.asgi import request


async def say_language(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(language())(scope, receive, send)


APP = BrowserManners(say_language)


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("de, en;q=0.5, fr;q=0.7", "fr"),
        ("de, en;q=0.75, fr;q=0.7", "en"),
        ("fr;q=0, en;q=0.1", "en"),
        ("fr;q=0", "en"),
        ("*", "en"),
        ("fr;q=much", "en"),
        (";;,=,fr;q=1.000", "fr"),
    ],
)
def test_reads_the_language_from_accept_language(accepted: str, name: str) -> None:
    assert preferred_language(Headers({"accept-language": accepted})) == name


def test_the_cookie_wins_over_the_browser_and_the_address_over_both() -> None:
    headers = {"accept-language": "en", "cookie": "other=1; lang=fr"}
    assert request(APP, "GET", "/", headers=headers).text == "fr"
    answer = request(APP, "GET", "/?lang=en", headers=headers)
    assert answer.text == "en"
    assert answer.headers["set-cookie"].startswith("lang=en; Path=/;")


@pytest.mark.parametrize("address", ["/?lang=xx", "/?lang=", "/?lang=fr%0d%0ax-evil:1"])
def test_an_unknown_language_is_not_remembered(address: str) -> None:
    answer = request(APP, "GET", address, headers={"cookie": "lang=yy"})
    assert (answer.text, "set-cookie" in answer.headers, "x-evil" in answer.headers) == ("en", False, False)


def test_every_answer_carries_the_safety_headers() -> None:
    headers = request(APP, "GET", "/").headers
    assert headers["content-language"] == "en"
    assert "Accept-Language" in headers["vary"]
    assert "script-src 'self';" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
