import csv
import io
from typing import Any

import pytest

from node.api import market_data
from node.api.app import create_web_app
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, NEXT, CoreDouble, filled_projection

QUERIES = Queries(filled_projection())
APP = create_web_app(CoreDouble(), QUERIES, ChainDouble(), Broadcaster())


def rows(path: str) -> list[dict[str, str]]:
    answer = request(APP, "GET", f"/api/v1{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize("page", [1_000, 3])
def test_candles_as_csv_are_those_of_the_json_in_one_file(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(market_data, "LIMIT_MAX", page)
    found = rows("/candles.csv?lengthS=3600")
    wanted = QUERIES.candles(length_s=3_600)["items"]
    assert len(found) == len(wanted) > 3
    assert [row["turnoverNeur"] for row in found] == [str(each["turnoverNeur"]) for each in wanted]
    assert found[0]["start"].endswith(":00:00Z")
    assert rows(f"/candles.csv?to={FIRST - 86_400}") == []


@pytest.mark.parametrize("path", ["/depth.csv", f"/depth/{NEXT}.csv"])
def test_depth_as_csv_names_side_and_sequence(path: str) -> None:
    found = [tuple(row.values())[1:] for row in rows(path)]
    assert found == [("12", "buy", "90000", "1000", "2"), ("12", "sell", "95000", "500", "1")]


@pytest.mark.parametrize(
    ("path", "status"), [("/depth/0.csv", 404), ("/depth/x.csv", 400), ("/candles.csv?colour=red", 400)]
)
def test_refuses_as_the_json_does(path: str, status: int) -> None:
    answer: Any = request(APP, "GET", f"/api/v1{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
