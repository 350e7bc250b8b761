import csv
import io
from typing import Any

import pytest

from node.api.app import create_web_app
from node.api.lists import chain_blocks
from node.api.tables import INSTANT_KEYS
from node.views.events import Broadcaster
from node.views.queries import BadCursor, Queries
from tests.support.asgi import request, run
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, HOMES, CoreDouble, filled_projection

QUERIES = Queries(filled_projection())
APP = create_web_app(CoreDouble(), QUERIES, ChainDouble(), Broadcaster())


def table(path: str, delimiter: str = ",") -> list[dict[str, str]]:
    answer = request(APP, "GET", path)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


@pytest.mark.parametrize("name", ["intervals", "trades", "certificates", "runs"])
def test_csv_and_json_say_the_same_as_the_queries(name: str) -> None:
    page: Any = getattr(QUERIES, name)()
    assert request(APP, "GET", f"/{name}.json").json() == page
    rows = table(f"/{name}.csv")
    assert len(rows) == len(page["items"])
    for row, item in zip(rows, page["items"], strict=True):
        assert list(row) == list(item)
        for key in set(item) - INSTANT_KEYS:
            assert row[key] == ("" if item[key] is None else str(item[key]))


def test_csv_has_times_in_utc_and_keeps_the_filter() -> None:
    rows = table(f"/trades.csv?account={HOMES[0]}&lang=fr")
    assert {row["seller"] for row in rows} == {HOMES[0]}
    (row,) = table(f"/intervals.csv?from={FIRST}&to={FIRST + 900}")
    assert row["start"] == "2017-05-17T03:00:00Z"


def test_french_csv_opens_in_a_french_spreadsheet() -> None:
    assert request(APP, "GET", "/runs.csv?locale=fr").content.startswith(b"\xef\xbb\xbfrunId;runHash;")
    assert [row["runId"] for row in table("/runs.csv?locale=fr", ";")] == [str(n) for n in range(1, 10)]


def test_csv_goes_on_past_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, filtered = (request(APP, "GET", path).text for path in ("/trades.csv", f"/trades.csv?account={HOMES[0]}"))
    monkeypatch.setattr("node.api.pages.LIMIT_MAX", 4)
    assert request(APP, "GET", "/trades.csv").text == whole
    assert request(APP, "GET", f"/trades.csv?account={HOMES[0]}").text == filtered
    assert len(whole) > len(filtered) > 4 * 200


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [6, 19, 20, 10_000])
def test_pages_of_blocks_put_together_are_the_chain(limit: int, newest_first: bool) -> None:
    async def all_blocks() -> list[Any]:
        numbers, cursor = [], None
        while True:
            page = await chain_blocks(ChainDouble(), limit=limit, newest_first=newest_first, cursor=cursor)
            numbers += [item["number"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return numbers

    assert run(all_blocks()) == (list(range(19, -1, -1)) if newest_first else list(range(20)))


def test_a_block_in_numbers() -> None:
    page = run(chain_blocks(ChainDouble(), limit=1, newest_first=True))
    assert page["items"][0] | {"hash": ""} == {
        "number": 19,
        "timestamp": FIRST + 19 * 900,
        "hash": "",
        "transactions": 1,
        "gasUsed": 21_000,
    }


@pytest.mark.parametrize("cursor", ["x", "-1", "", "1" * 30])
def test_a_cursor_of_blocks_is_a_number(cursor: str) -> None:
    with pytest.raises(BadCursor):
        run(chain_blocks(ChainDouble(), limit=1, newest_first=True, cursor=cursor))


def test_a_cursor_beyond_the_chain_finds_nothing_new() -> None:
    assert run(chain_blocks(ChainDouble(), limit=5, newest_first=False, cursor="99")) == {"items": [], "next": None}
    assert len(run(chain_blocks(ChainDouble(), limit=5, newest_first=True, cursor="99"))["items"]) == 5
