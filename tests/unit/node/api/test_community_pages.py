import csv
import io
from typing import Any

import pytest

from node.api.app import create_web_app
from node.api.community_pages import alerts, badges
from node.i18n import speaking
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request, run
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, HOMES, NOW, CoreDouble, filled_projection

QUERIES = Queries(filled_projection())
APP = create_web_app(CoreDouble(), QUERIES, ChainDouble(), Broadcaster())
REAL = create_web_app(CoreDouble(demo=False), QUERIES, ChainDouble(), Broadcaster())


def rows(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(request(APP, "GET", path).text)))


def test_league_adds_up_to_the_trades_and_to_the_summary() -> None:
    league: Any = request(APP, "GET", "/league.json").json()["items"]
    summary: Any = QUERIES.summary()
    for key, total in (("soldWh", "tradedWh"), ("boughtWh", "tradedWh"), ("paidNeur", "turnoverNeur")):
        assert sum(row[key] for row in league) == summary[total] > 0
        assert sum(int(row[key]) for row in rows("/league.csv")) == summary[total]
    assert sum(row["earnedNeur"] for row in league) == summary["turnoverNeur"], "there is no wedge here"
    assert [row["account"] for row in league][:1] == [HOMES[2]]
    assert {row["kind"] for row in league} == {"home", "storage"}, "neither supplier nor common purse trade"
    assert request(APP, "GET", f"/league.json?to={FIRST}").json()["items"][0]["trades"] == 0


def test_days_add_up_to_the_summary_of_the_whole_time() -> None:
    days: Any = request(APP, "GET", "/days.json").json()["items"]
    assert [day["day"] for day in days] == ["2017-05-17"]
    assert {key: days[0][key] for key in QUERIES.summary()} == QUERIES.summary()
    assert [row["tradedWh"] for row in rows("/days.csv")] == [str(days[0]["tradedWh"])]


def test_badges_go_to_homes_and_need_a_trade() -> None:
    league = QUERIES.league()
    found = {title: account for title, _, account, _ in badges(league)}
    assert found["Good neighbour"] == HOMES[2]
    assert found["Sun of the day"] in HOMES[:2]
    assert badges([row | {"trades": 0, "soldWh": 0, "boughtWh": 0} for row in league]) == []
    assert badges([]) == []


def test_alerts_name_what_is_wrong_in_words() -> None:
    status = CoreDouble().status()
    assert alerts(status) == []
    meter = status["meters"][0]
    broken = status | {
        "openIntervals": [],
        "lastRun": {"runId": 1, "lastInterval": NOW - 100_000},
        "meters": [meter | {"state": "silent", "lastSeen": NOW - 2_580}, meter | {"label": "H02", "state": "waiting"}],
    }
    new = status | {"meters": [meter | {"label": label, "state": "waiting"} for label in ("H02", "H03")]}
    assert alerts(new) == ["2 meters have not been heard since this node started: H02, H03."], "one line for all"
    assert [text.replace("\u00a0", " ") for text in alerts(broken)] == [
        "The meter of H01 has been silent for 43 min.",
        "The meter of H02 has not been heard since this node started.",
        "Nothing has been settled for 1 d 3 h.",
        "No interval is open for trading.",
    ]
    with speaking("fr"):
        assert alerts(broken)[0].startswith("Le compteur de H01 se tait depuis 43")


@pytest.mark.parametrize("path", ["/operator", "/operator.json", "/operator.csv"])
def test_the_operators_page_is_for_the_operator(path: str) -> None:
    assert request(REAL, "GET", path).status_code == 200, "on the node's own machine"
    assert request(REAL, "GET", path, client=("10.0.0.7", 40_000)).status_code == 403
    assert request(APP, "GET", path, client=("10.0.0.7", 40_000)).status_code == 200, "nobody is harmed"


def test_outlook_goes_from_now_to_the_end_of_tomorrow() -> None:
    items: Any = request(APP, "GET", "/outlook.json").json()["items"]
    assert items[0]["start"] == NOW // 900 * 900
    assert items[-1]["start"] == FIRST - 5 * 3_600 + 2 * 86_400 - 900
    text = request(APP, "GET", "/").text
    assert "Best time to use power: Wednesday" in text
    assert 'class="best"' in text


def test_proposals_are_the_same_on_the_page_in_json_and_in_csv() -> None:
    (item,) = run(CoreDouble().proposals())
    (row,) = request(APP, "GET", "/proposals.json").json()["items"]
    assert {key: row[key] for key in ("id", "state", "description", "proposer", "votesUntil", "quorum", "members")} == {
        key: item[key] for key in ("id", "state", "description", "proposer", "votesUntil", "quorum", "members")
    }
    assert {key: row[key] for key in ("for", "against", "abstain")} == item["votes"]
    (line,) = csv.DictReader(io.StringIO(request(APP, "GET", "/proposals.csv").text))
    assert (line["id"], line["for"], line["against"]) == (item["id"], "2", "1")
    english, french = (request(APP, "GET", f"/community?lang={language}").text for language in ("en", "fr"))
    assert "for 2, against 1, abstained 0 · 2 of 2 votes that it needs" in " ".join(english.split())
    assert "Registry.admitMember(account 0x7777" in english
    assert "pour 2, contre 1, abstentions 0 · 2 voix sur 2 requises" in " ".join(french.split())
