"""Every total on the screen is that of the table, the CSV, the JSON and the API that lie behind it."""

import csv
import html
import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from node.api import wording
from node.api.app import create_web_app
from node.i18n import speaking
from node.planning.storage_plan import StoragePlanFile
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import HOMES, CoreDouble, filled_projection
from tests.support.storage_plan import plan_into

DAY = "from=1494972000&to=1495058400"
"""2017-05-17 in Paris."""
SELLER, BUYER = HOMES[0], HOMES[2]


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    return create_web_app(CoreDouble(), Queries(filled_projection()), ChainDouble(), Broadcaster())


def text_of(app: ASGIApp, path: str, section: str, language: str) -> str:
    """Return the words of a section of a page."""
    page = request(
        app, "GET", f"{path}{'&' if '?' in path else '?'}lang={language}", headers={"accept": "text/html"}
    ).text
    found = re.search(rf'<(section|div|table)[^>]* id="{section}".*?</\1>', page, re.DOTALL)
    assert found, f"{path} has no {section}"
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def shown(text: str, said: str) -> bool:
    return " ".join(said.split()) in text


def rows_of(app: ASGIApp, path: str, query: str) -> list[dict[str, str]]:
    """Return the rows of a list as CSV; they are those of the JSON, and of the API where it has the list."""
    rows = list(csv.DictReader(io.StringIO(request(app, "GET", f"{path}.csv?{query}").text)))
    items = request(app, "GET", f"{path}.json?{query}").json()["items"]
    for row, item in zip(rows, items, strict=True):
        for key, value in item.items():
            assert row[key] == ("" if value is None else str(value)) or instant(row[key]) == value, key
    told = request(app, "GET", f"/api/v1{path}?{query}&limit=5000")
    assert told.status_code == 404 or told.json()["items"] == items
    assert rows
    return rows


def instant(text: str) -> int | None:
    """Return the epoch seconds of a time as CSV writes it; None for any other text."""
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return None


def total(rows: list[dict[str, str]], key: str) -> int:
    return sum(int(row[key] or 0) for row in rows)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("path", "section"), [("/", "today"), ("/community", "together")])
def test_totals_of_the_day_are_those_of_its_intervals(app: ASGIApp, path: str, section: str, language: str) -> None:
    rows, trades = rows_of(app, "/intervals", DAY), rows_of(app, "/trades", DAY)
    (day,) = rows_of(app, "/days", DAY)
    told: Any = request(app, "GET", f"/api/v1/summary?{DAY}").json()
    for name in ("tradedWh", "importWh", "certifiedWh"):
        assert total(rows, name) == told[name] == int(day[name]), name
    assert total(trades, "quantityWh") == told["tradedWh"]
    assert total(trades, "amountNeur") == told["turnoverNeur"] == int(day["turnoverNeur"])
    with speaking(language):
        said = [
            wording.euros(total(trades, "amountNeur")),
            wording.energy_total(total(rows, "tradedWh")),
            wording.energy_total(total(rows, "importWh")),
            wording.carbon(told["gridCarbonG"]),
        ]
    text = text_of(app, path, section, language)
    assert [each for each in said if not shown(text, each)] == []


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("account", "side"), [(SELLER, "seller"), (BUYER, "buyer")])
def test_totals_of_an_account_are_those_of_its_trades(app: ASGIApp, account: str, side: str, language: str) -> None:
    own = [row for row in rows_of(app, "/trades", f"account={account}&{DAY}") if row[side] == account]
    assert own
    with speaking(language):
        said = [wording.euros(total(own, "amountNeur")), wording.energy_total(total(own, "quantityWh"))]
    text = text_of(app, f"/accounts/{account}", "account-day", language)
    assert [each for each in said if not shown(text, each)] == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_totals_of_certificates_are_those_of_the_list(app: ASGIApp, language: str) -> None:
    owner = rows_of(app, "/certificates", DAY)[0]["owner"]
    rows = rows_of(app, "/certificates", f"owner={owner}&{DAY}")
    with speaking(language):
        said = wording.energy_total(total(rows, "quantityWh"))
    assert shown(text_of(app, f"/accounts/{owner}", "account-certificates", language), said)


def test_the_league_adds_up_to_the_trades(app: ASGIApp) -> None:
    league, trades = rows_of(app, "/league", DAY), rows_of(app, "/trades", DAY)
    assert total(league, "soldWh") == total(league, "boughtWh") == total(trades, "quantityWh")
    assert total(league, "earnedNeur") == total(league, "paidNeur") == total(trades, "amountNeur")
    for row in league:
        own = [trade for trade in trades if row["account"] in (trade["buyer"], trade["seller"])]
        assert int(row["trades"]) == len(own)


def test_runs_add_up_to_their_intervals_and_certificates(app: ASGIApp) -> None:
    intervals, certificates = rows_of(app, "/intervals", ""), rows_of(app, "/certificates", "")
    for run in rows_of(app, "/runs", ""):
        covered = [row for row in intervals if row["runId"] == run["runId"]]
        assert total(covered, "tradedWh") == int(run["tradedWh"])
        assert total([row for row in certificates if row["runId"] == run["runId"]], "quantityWh") == int(
            run["certifiedWh"]
        )


@pytest.mark.parametrize("language", ["en", "fr"])
def test_totals_of_a_bill_are_those_of_its_entries(app: ASGIApp, language: str) -> None:
    path = f"/accounts/{BUYER}/bills/2017-05"
    rows = list(csv.DictReader(io.StringIO(request(app, "GET", f"{path}.csv").text)))
    bill: Any = request(app, "GET", f"{path}.json").json()
    assert total(rows, "amountNeur") == bill["amountNeur"] == sum(line["amountNeur"] for line in bill["lines"])
    page = request(app, "GET", f"{path}?lang={language}", headers={"accept": "text/html"}).text
    with speaking(language):
        assert wording.due(bill["amountNeur"]) in html.unescape(page)
        assert all(wording.euros(line["amountNeur"], 4) in html.unescape(page) for line in bill["lines"])
    for line in bill["lines"]:
        own = [row for row in rows if row["kind"] == line["kind"]]
        assert (total(own, "quantityWh"), len(own)) == (line["quantityWh"], line["entries"])


def list_rows(app: ASGIApp, name: str) -> list[dict[str, str]]:
    """Return the rows of a list as CSV, which are those of its JSON."""
    rows = list(csv.DictReader(io.StringIO(request(app, "GET", f"/{name}.csv").text)))
    items = request(app, "GET", f"/{name}.json").json()["items"]
    for row, item in zip(rows, items, strict=True):
        for key, value in item.items():
            assert row[key] == ("" if value is None else str(value)) or instant(row[key]) == value, key
    assert rows
    return rows


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_book_is_the_same_on_the_screen_in_csv_json_and_the_api(app: ASGIApp, language: str) -> None:
    rows, told = list_rows(app, "book"), request(app, "GET", "/api/v1/book").json()
    for side, key in (("buy", "bids"), ("sell", "asks")):
        own = [row for row in rows if row["side"] == side]
        assert total(own, "quantityWh") == sum(level["quantityWh"] for level in told[key]) > 0
        assert total(own, "orders") == sum(level["orders"] for level in told[key])
    first, whole = text_of(app, "/", "book", language), text_of(app, "/book", "list", language)
    with speaking(language):
        for row in rows:
            said = [wording.exact_price(int(row["price"])), wording.exact_energy(int(row["quantityWh"]))]
            assert all(shown(text, each) for each in said for text in (first, whole)), said


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_outlook_is_the_same_on_the_screen_in_csv_json_and_the_api(app: ASGIApp, language: str) -> None:
    rows = list_rows(app, "outlook")
    signal = request(app, "GET", "/api/v1/signal").json()
    told = {each["interval"]: each for each in signal["items"]}
    assert {instant(row["start"]) for row in rows} & set(told)
    for row in rows:
        start = instant(row["start"])
        assert start is not None
        if start in told:
            for key in ("importTariff", "exportTariff", "carbonGPerKwh"):
                assert int(row[key]) == told[start][key], (row["start"], key)
    best, said = signal["window"], text_of(app, "/", "outlook", language)
    inside = [row for row in rows if best["start"] <= (instant(row["start"]) or 0) < best["end"]]
    with speaking(language):
        carbon = total(inside, "carbonGPerKwh") // len(inside)
        assert f"{carbon} g CO₂e/kWh" in said, said
        table = text_of(app, "/outlook", "list", language)
        assert all(shown(table, wording.exact_price(int(row["importTariff"]))) for row in rows)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_storage_plan_is_the_same_on_the_screen_in_csv_and_json(tmp_path: Path, language: str) -> None:
    plan = plan_into(tmp_path)
    app = create_web_app(
        CoreDouble(), Queries(filled_projection()), ChainDouble(), Broadcaster(), storage_plan=StoragePlanFile(tmp_path)
    )
    rows = list_rows(app, "storage")
    for key in ("chargeWh", "dischargeWh", "storedWh", "worth"):
        assert [int(row[key]) for row in rows] == [step[key] for step in plan["steps"]], key
    first, table = text_of(app, "/", "storage", language), text_of(app, "/storage", "list", language)
    with speaking(language):
        levels = [int(row["storedWh"]) for row in rows]
        assert all(shown(first, wording.energy_total(each)) for each in (max(levels), min(levels), plan["storedWh"]))
        assert all(shown(table, wording.exact_energy(each)) for each in levels)


def test_a_day_of_more_trades_than_a_page_holds_is_counted_whole(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = text_of(app, f"/accounts/{SELLER}", "account-day", "en")
    monkeypatch.setattr("node.api.account_page.LIMIT_MAX", 3)
    assert text_of(app, f"/accounts/{SELLER}", "account-day", "en") == whole
