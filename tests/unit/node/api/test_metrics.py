import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from node.api.app import create_web_app
from node.api.metrics import part_of
from node.integrations.dashboard import PANELS, dashboard
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import HOMES, LENGTH_S, NOW, CoreDouble, filled_projection

QUERIES = Queries(filled_projection())
APP = create_web_app(CoreDouble(), QUERIES, ChainDouble(), Broadcaster())


def exposed() -> str:
    answer = request(APP, "GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return answer.text


def samples() -> dict[tuple[str, str], float]:
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(exposed())
        for sample in family.samples
    }


def test_totals_are_those_of_the_summary_in_the_units_of_their_names() -> None:
    found, summary = samples(), QUERIES.summary()
    assert found["resilia_energy_traded_watthours_total", ""] == summary["tradedWh"]
    assert found["resilia_trades_total", ""] == summary["trades"]
    assert found["resilia_turnover_euros_total", ""] == pytest.approx(int(summary["turnoverNeur"] or 0) / 10**9)
    assert found["resilia_chain_head_block_number", ""] == 19
    assert found["resilia_settled_through_timestamp_seconds", ""] == NOW - 160
    assert found["resilia_book_best_price_euros_per_kwh", "buy"] == pytest.approx(0.118)
    assert found["resilia_book_watthours", "sell"] == 2_410
    assert (found["resilia_meters", "ok"], found["resilia_meters", "silent"]) == (1, 0)
    assert LENGTH_S == 900


def test_nothing_personal_is_told() -> None:
    text = exposed()
    assert not any(home in text for home in HOMES)
    assert "H01" not in text


def test_answers_are_timed_by_part_and_streams_are_not() -> None:
    for path in ("/", "/trades", "/api/v1/status", "/static/style.css"):
        request(APP, "GET", path)
    found = samples()
    assert found["resilia_http_request_duration_seconds_count", "page"] >= 2
    assert found["resilia_http_request_duration_seconds_count", "api"] >= 1
    assert part_of("/events") is None
    assert part_of("/apiary") == "page"


@pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("CI"),
    reason="promtool is not installed: Debian's prometheus",
)
def test_promtool_finds_nothing_to_mend() -> None:
    ended = subprocess.run(
        ["promtool", "check", "metrics"], input=exposed(), capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_node_before_its_first_run_has_metrics_too() -> None:
    class NewCore(CoreDouble):
        def status(self) -> dict[str, Any]:
            return super().status() | {"lastRun": None, "openIntervals": [], "meters": []}

        def book(self, interval: int | None) -> None:
            return None

    app = create_web_app(NewCore(), QUERIES, ChainDouble(), Broadcaster())
    assert "resilia_settlement_run_number 0.0" in request(app, "GET", "/metrics").text


def test_the_dashboard_asks_for_metrics_that_there_are_and_knows_no_datasource() -> None:
    request(APP, "GET", "/")
    known = {name for name, _ in samples()}
    asked = {name for _, query, _ in PANELS for name in re.findall(r"resilia_\w+", query)}
    assert asked <= known
    document = dashboard()
    assert json.loads(json.dumps(document)) == document
    sources = set(re.findall(r'"uid": "(\$[^"]+)"', json.dumps(document)))
    assert sources == {"${DS_PROMETHEUS}"}
    places = [tuple(panel["gridPos"].values()) for panel in document["panels"]]
    assert len(set(places)) == len(places) == len(PANELS)
