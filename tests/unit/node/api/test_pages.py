import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_file
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, SQLModel, create_engine

import node
from node.api.app import create_web_app
from node.api.rendering import account_labels
from node.api.wording import CommunityClock, energy_total, euros
from node.i18n import LANGUAGES, gettext, ngettext, speaking
from node.rpc.ports import JsonObject
from node.storage.models import Account
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.messages import KEYWORDS, source_messages
from tests.support.small_community import FIRST, HOMES, PAGES, TIME_ZONE, CoreDouble, filled_projection

ENGINE = filled_projection()
QUERIES = Queries(ENGINE)
APP = create_web_app(CoreDouble(), QUERIES, ChainDouble(), Broadcaster())
SCRIPTS = [{"type": "module", "src": f"/static/{name}.mjs"} for name in ("live", "passkey", "verifier", "wallet")]
VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """What the tests ask of a page, gathered while it is read; fails on tags that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(path: str, app: Any = APP, language: str = "en") -> Page:
    answer = request(app, "GET", path, headers={"accept": "text/html", "accept-language": language})
    assert answer.status_code == (404 if path == "/nowhere" else 200)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_and_can_be_read_by_everybody(path: str, language: str) -> None:
    read = page(path, language=language)
    assert read.tags[0] == ("html", {"lang": language})
    assert read.headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(read.headings, read.headings[1:], strict=False))
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    names = [tag for tag, _ in read.tags]
    assert names.count("table") == names.count("caption")
    for tag, attributes in read.tags:
        assert tag != "svg" or attributes.get("aria-hidden") == "true", "pictures stand beside words"
        assert tag != "th" or attributes.get("scope") in ("col", "row")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_needs_anything_from_elsewhere_or_breaks_its_own_policy(path: str) -> None:
    for tag, attributes in page(path).tags:
        assert not {"style", "onclick", "onload"} & set(attributes)
        assert tag != "style"
        assert tag != "script" or attributes in SCRIPTS
        for address in (attributes.get("src"), attributes.get("href")):
            assert address is None or address.startswith(("/", "#", "http://127.0.0.1:8545/"))


def test_everything_under_static_is_served() -> None:
    for name, kind in [
        ("style.css", "text/css"),
        ("live.mjs", "javascript"),
        ("evidence/verify.mjs", "javascript"),
        ("icon.svg", "image/svg+xml"),
    ]:
        answer = request(APP, "GET", f"/static/{name}")
        assert (answer.status_code, kind in answer.headers["content-type"]) == (200, True)


def test_the_totals_of_the_page_are_those_of_the_api() -> None:
    start, end = CommunityClock(TIME_ZONE).day(FIRST)
    summary: Any = request(APP, "GET", f"/api/v1/summary?from={start}&to={end}").json()
    text = page("/").text
    assert euros(summary["turnoverNeur"]) in text
    assert euros(summary["savedNeur"]) in text
    assert energy_total(summary["tradedWh"]) in text
    rows = request(APP, "GET", "/trades.json").json()["items"]
    assert sum(row["quantityWh"] for row in rows) == summary["tradedWh"]


def test_shows_the_book_with_the_spread_in_the_middle() -> None:
    text = page("/").text
    prices = re.findall(r"([\d.]+)\u00a0ct/kWh", text[text.index("Book of") : text.index("trades so far")])
    assert prices == ["13.0", "12.1", "11.8", "11.2", "9.5"]


@pytest.mark.parametrize("path", ["/", "/intervals", "/trades", "/certificates", "/runs"])
def test_a_community_without_history_has_its_pages_too(path: str) -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    SQLModel.metadata.create_all(engine)

    class NewCore(CoreDouble):
        def book(self, interval: int | None) -> JsonObject | None:
            return None

        def status(self) -> JsonObject:
            return super().status() | {"lastRun": None, "nextGate": None, "meters": [], "openIntervals": []}

    text = page(path, create_web_app(NewCore(), Queries(engine), ChainDouble(), Broadcaster())).text
    assert re.search(r"yet|No interval is open", text)


def test_labels_are_shown_in_a_demo_only_and_never_as_markup() -> None:
    engine = filled_projection()
    with Session(engine) as session:
        session.get_one(Account, HOMES[2]).label = "<script>alert(1)</script>"
        session.commit()

    def html(demo: bool, path: str) -> str:
        app = create_web_app(CoreDouble(demo=demo), Queries(engine), ChainDouble(), Broadcaster())
        return request(app, "GET", path).text

    for path in ("/", "/trades", "/certificates", "/certificates/3"):
        assert "&lt;script&gt;alert(1)" in html(True, path)
        assert "<script>alert" not in html(True, path)
        assert "alert(1)" not in html(False, path)
    assert "DEMO" in html(True, "/")
    assert "DEMO" not in html(False, "/")


def test_lists_are_paged_from_the_newest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.api.pages.ROWS_PER_PAGE", 8)
    path, numbers = "/blocks?lang=en", []
    while path:
        html = request(APP, "GET", path).text
        numbers += [int(cell) for cell in re.findall(r'<tr>\s*<td class="number"><a href="[^"]+">(\d+)</a></td>', html)]
        older = re.search(r'href="([^"]+)" rel="next"', html)
        path = older[1].replace("&amp;", "&") if older else ""
    assert numbers == list(range(19, -1, -1))


def test_a_filter_that_makes_no_sense_is_explained_to_people_and_to_programs() -> None:
    answer = request(APP, "GET", "/trades?limit=x", headers={"accept": "text/html"})
    assert (answer.status_code, "filter.limit" in answer.text) == (400, True)
    answer = request(APP, "GET", "/trades.csv?colour=x")
    assert (answer.status_code, answer.json()["field"]) == (400, "filter.colour")


def test_every_message_of_the_page_and_of_refusals_is_translated() -> None:
    root = Path(node.__path__[0])
    messages = {*source_messages(root / "api"), *source_messages(root / "rpc")}
    for path in sorted((root / "api" / "templates").glob("*.html")):
        for _line, message, _comments, _context in extract_from_file(
            "jinja2.ext:babel_extract", path, keywords=KEYWORDS
        ):
            messages.add(message if isinstance(message, tuple) else (message,))
    assert len(messages) > 100
    same_in_french = {"Pages", "Transactions", "transaction", "Transaction", "%(num)s transaction", "Total", "Version"}
    same_in_french |= {"Certificate %(number)s", "Local", "Journal"}
    with speaking("fr"):
        # Of a plural, early Pythons 3.11 give the singular to ngettext alone.
        french = {each: ngettext(each[0], each[1], 1) if len(each) > 1 else gettext(each[0]) for each in messages}
        untranslated = {message for message, told in french.items() if told == message[0]}
    assert {message[0] for message in untranslated} <= same_in_french


def test_accounts_that_the_demo_names_are_named_in_the_readers_language() -> None:
    queries = Queries(filled_projection())
    with speaking("fr"):
        assert "Fournisseur" in account_labels(queries, demo=True).values()
    assert "Supplier" in account_labels(queries, demo=True).values()
    assert account_labels(queries, demo=False) == {}
