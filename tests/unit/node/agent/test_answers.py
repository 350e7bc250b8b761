"""A home asks for the balance of its street, answers what can be believed, and goes on without it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from dispatch.layers import make
from dispatch.plant import Device, Plant
from dispatch.trust import Alarm
from node.agent.alarms import Alarms
from node.agent.answers import ASKED_S, SILENT_S, StreetAnswers
from node.client import Client
from tests.unit.node.agent.test_bad_input import FIRST, HOME, Home, well

LENGTH_S = 900
BATTERY = Device("battery", make("lithium", capacity_kwh=6.0, power_kw=3.0))
CAR = Device("car", make("car"), absent=True)


def told(now: int, **changes: Any) -> dict[str, Any]:
    """Return a street that draws 1,200 W too much, of which half is this home's to answer."""
    begun = now - now % LENGTH_S
    energies = {"drawnWh": (now - begun) // 3, "powerW": 1_200, "heard": 7, "accounts": 9}
    return {"interval": begun, "since": begun, "at": now, **energies, "ratingW": 6_000, "answering": True} | changes


class Node:
    """What a node answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answer: Any = None

    def client(self) -> Client:
        def respond(request: httpx.Request) -> httpx.Response:
            path = request.url.path.removeprefix("/api/v1")
            if path == "/status":
                return httpx.Response(200, json={"now": FIRST})
            if path == "/domain":
                contract = {"name": "N", "version": "1", "chainId": 1, "verifyingContract": "0x" + "11" * 20}
                return httpx.Response(200, json={"settlement": contract})
            self.asked.append(int(request.url.params["ratingW"]))
            if isinstance(self.answer, int):
                return httpx.Response(self.answer, json={"detail": "no"})
            return httpx.Response(200, json=self.answer)

        return Client("http://node", b"\1" * 32, httpx.MockTransport(respond))


@pytest.fixture
def node() -> Node:
    return Node()


def test_a_balance_is_answered_with_the_homes_part(node: Node) -> None:
    answers, alarms = StreetAnswers(node.client(), Plant([BATTERY, CAR]), LENGTH_S), Alarms()
    node.answer = told(FIRST + 120)
    answer = answers.at(FIRST, FIRST + 120, alarms)
    assert answer.wh == -300 // 2
    assert node.asked == [3_000], "a car leaves, and does not answer"
    answers.at(FIRST, FIRST + 120 + ASKED_S - 1, alarms)
    assert len(node.asked) == 1
    node.answer = told(FIRST + 140)
    assert answers.at(FIRST, FIRST + 120 + ASKED_S, alarms).wh == -150, "measured before the home answered"
    node.answer = told(FIRST + 200, since=FIRST + 120, drawnWh=40, powerW=600)
    assert answers.at(FIRST, FIRST + 200, alarms).wh == -150 - (40 + 600 * 700 // 3_600) // 2


def test_a_home_without_a_store_that_stays_does_not_ask(node: Node) -> None:
    plant = Plant([BATTERY, CAR])
    plant.withdrawn = frozenset({"battery"})
    assert StreetAnswers(node.client(), plant, LENGTH_S).at(FIRST, FIRST + 120, Alarms()).wh == 0
    assert node.asked == []


def test_whose_meter_the_node_does_not_hear_answers_nothing(node: Node) -> None:
    node.answer = told(FIRST + 120, answering=False)
    assert StreetAnswers(node.client(), Plant([BATTERY]), LENGTH_S).at(FIRST, FIRST + 120, Alarms()).wh == 0


ABSURD: dict[str, dict[str, Any]] = {
    "another interval": {"interval": FIRST - 900},
    "old": {"at": FIRST + 89},
    "to come": {"at": FIRST + 151},
    "since it will be": {"since": FIRST + 120},
    "since before": {"since": FIRST - 1},
    "a power station": {"powerW": 10**9},
    "and its day": {"drawnWh": -(10**8)},
    "no number": {"drawnWh": "40"},
    "half a Wh": {"drawnWh": 0.5},
    "a switch": {"powerW": True},
    "nothing": {"since": None},
    "less than nothing": {"ratingW": -1},
    "a single home": {"heard": 4},
    "perhaps": {"answering": None},
}


@pytest.mark.parametrize("changes", ABSURD.values(), ids=ABSURD)
def test_what_can_not_be_is_an_alarm_and_answers_nothing(node: Node, changes: dict[str, Any]) -> None:
    answers, alarms = StreetAnswers(node.client(), Plant([BATTERY]), LENGTH_S), Alarms()
    node.answer = told(FIRST + 120, **changes)
    assert answers.at(FIRST, FIRST + 120, alarms).wh == 0
    assert alarms.counts()[Alarm.BALANCE_ABSURD] == 1
    node.answer = told(FIRST + 140)
    assert answers.at(FIRST, FIRST + 140, alarms).wh < 0
    assert alarms.counts()[Alarm.BALANCE_ABSURD] == 0


@pytest.mark.parametrize("silence", [404, 403, 500, 503])
def test_without_a_balance_for_two_minutes_nothing_more_is_answered(node: Node, silence: int) -> None:
    answers, alarms = StreetAnswers(node.client(), Plant([BATTERY]), LENGTH_S), Alarms()
    node.answer = told(FIRST + 120)
    answers.at(FIRST, FIRST + 120, alarms).power_w = -600
    node.answer = silence
    assert answers.at(FIRST, FIRST + 119 + SILENT_S, alarms).wh == -150
    assert answers.at(FIRST, FIRST + 120 + SILENT_S, alarms).wh == -20, "what was given stays given"
    assert not any(alarms.counts().values())


def test_a_homes_battery_answers_while_it_follows_its_contract(tmp_path: Path) -> None:
    """600 W are used at home; what is held is worth 150,000 µ€/kWh later, and 205,000 when it is shared now."""
    home = Home(tmp_path, replace(HOME, contents_milliwh={"battery/cells": 4_000_000}))
    lacks_w = 0

    def answer(path: str) -> httpx.Response | None:
        if path == "/signal":
            prices = [(FIRST + i * LENGTH_S, 350_000 if i < 12 else 150_000) for i in range(192)]
            items = [{"interval": start, "importTariff": price, "exportTariff": 60_000} for start, price in prices]
            return httpx.Response(200, json={"items": items})
        if path.startswith("/balance"):
            energies = {"drawnWh": lacks_w * 240 // 3_600, "powerW": lacks_w, "ratingW": 2_000}
            return httpx.Response(200, json=told(home.at, since=home.at - 60, **energies))
        return well(path)

    home.answer = answer
    home.live(2 * LENGTH_S + 300)
    assert home.power_w == -600
    lacks_w = 400
    home.live(60)
    assert -1_300 < home.power_w < -1_100, "400 W of the street, and what it drew until now"
    home.sees_grid = False
    home.live(120)
    assert home.power_w == -600, "in an island the home comes first"
