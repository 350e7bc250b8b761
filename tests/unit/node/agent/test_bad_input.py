"""Whatever goes wrong at a home, its agent goes on within all limits (D1) and says what is wrong: in the log, in the
status file, in the metrics, and in `resilia dispatch status` in both languages; and says when it is over.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

import dispatch.optimiser.curve
from dispatch.island.restart import SwitchedLoad
from dispatch.layers import make
from dispatch.plant import Device
from metering.registers import RegisterSample
from node.agent.files import AgentFolder
from node.agent.home_file import HomeFile
from node.agent.member_agent import MemberAgent
from node.cli.main import main
from node.client import Client

FIRST = 1_751_371_200
LENGTH_S = 900
STEP_S = 60
CAPACITY_WH, POWER_W, HOUSE_W = 4_000, 2_000, 600
BATTERY = Device("battery", make("lithium", capacity_kwh=CAPACITY_WH / 1e3, power_kw=POWER_W / 1e3))
HOME = HomeFile("csv:grid", "", 9_000, 9_000, (BATTERY,), {"battery/cells": 2_000_000}, {"battery": "csv:b"}, "", 12)
DOMAIN = {"name": "N", "version": "1", "chainId": 1, "verifyingContract": "0x" + "11" * 20}
WEATHER = "time,temp_c,rh_pct,wind_kmh,sky_clear\n"


class Home:
    """A house of a steady power, a battery that does what it is told unless it is told off, and a node that answers."""

    def __init__(self, folder: Path, made: HomeFile = HOME) -> None:
        self.at = FIRST
        self.drawn_ws = self.fed_ws = self.taken_ws = self.given_ws = 0
        self.power_w = 0
        self.obeys = self.speaks = True
        self.content_permille: int | None = None
        self.shift_wh = 0
        self.sees_grid: bool | None = None
        self.answer: Callable[[str], httpx.Response | None] = lambda _path: None
        self.client = Client("http://node", b"\1" * 32, httpx.MockTransport(self._node))
        self.folder = AgentFolder(folder)
        self.agent = MemberAgent(made, self.folder, self.client, self.at)

    def _node(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if (special := self.answer(path)) is not None:
            return special
        following = self.at - self.at % LENGTH_S + LENGTH_S
        prices = [150_000 if hour % 4 < 2 else 350_000 for hour in range(48)]
        answers: dict[str, Any] = {
            "/status": {
                "now": self.at,
                "intervalLengthS": LENGTH_S,
                "gateLeadS": 300,
                "openIntervals": [following, following + LENGTH_S],
            },
            "/signal": {
                "items": [
                    {"interval": FIRST + i * LENGTH_S, "importTariff": prices[i // 4], "exportTariff": 60_000}
                    for i in range(192)
                ]
            },
            "/facts": [],
            "/domain": {"settlement": DOMAIN},
        }
        if path in answers:
            return httpx.Response(200, json=answers[path])
        if path.startswith(("/book", "/rules", "/balance")):
            return httpx.Response(404, json={})
        if request.method == "POST":
            return httpx.Response(422, json={"code": 1_009, "detail": "too late"})
        return httpx.Response(200, json={"items": [], "next": None})

    def live(self, seconds: int) -> None:
        for _ in range(seconds // STEP_S):
            self.at += STEP_S
            done_w = self.power_w if self.obeys else 0
            self.drawn_ws += max(0, HOUSE_W + done_w) * STEP_S
            self.fed_ws += max(0, -HOUSE_W - done_w) * STEP_S
            self.taken_ws += max(0, done_w) * STEP_S
            self.given_ws += max(0, -done_w) * STEP_S
            told = {"grid": (self.drawn_ws, self.fed_ws), "battery": (self.taken_ws, self.given_ws)}
            for meter, (taken, given) in told.items() if self.speaks else ():
                shift_wh = self.shift_wh if meter == "grid" else 0
                raw = (taken // 3_600 + shift_wh, given // 3_600, self.at, self.at)
                sees = self.sees_grid if meter == "battery" else None
                content = self.content_permille if meter == "battery" else None
                self.agent.heard(
                    meter, RegisterSample("S", *raw, False, False, True, b"", charge_permille=content, grid_there=sees)
                )
            self.power_w = self.agent.step(self.at)["battery"]
            held = self.agent.agent.plant.contents["battery/cells"]
            assert abs(self.power_w) <= POWER_W
            assert 0 <= held <= CAPACITY_WH * 1_000
            assert self.power_w >= 0 or held > 0
            assert all(abs(quote["quantity_wh"]) <= 9_000 // 4 for quote in self.status["quotes"])

    @property
    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder.path / "status.json").read_text())
        return told

    @property
    def alarms(self) -> set[str]:
        return {alarm["alarm"] for alarm in self.status["alarms"]}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "agent")
    with found.client:
        found.answer = well
        found.live(2 * LENGTH_S + 300)
        assert found.status["alarms"] == []
        assert found.agent.agent.last_plan is not None
        yield found


def well(path: str) -> httpx.Response | None:
    """Nothing special, and no order of this node is ever wanted: it opens no interval."""
    if path == "/status":
        return httpx.Response(200, json={"now": 0, "intervalLengthS": LENGTH_S, "gateLeadS": 300, "openIntervals": []})
    return None


def weather(first: int, hours: int, temperature: str = "18.5") -> str:
    return WEATHER + "".join(f"{first + hour * 3_600},{temperature},50,10,0.5\n" for hour in range(hours))


def absurd_weather(home: Home) -> None:
    (home.folder.path / "weather.csv").write_text(weather(FIRST, 72, "1e9"))


def weather_ends(home: Home) -> None:
    (home.folder.path / "weather.csv").write_text(weather(FIRST, 6))


def weather_has_a_gap(home: Home) -> None:
    (home.folder.path / "weather.csv").write_text(weather(FIRST, 1) + weather(FIRST + 8 * 3_600, 72)[len(WEATHER) :])


def weather_is_back(home: Home) -> None:
    (home.folder.path / "weather.csv").write_text(weather(FIRST, 96))


def no_meter_speaks(home: Home) -> None:
    home.speaks = False


def a_meter_jumps(home: Home) -> None:
    home.shift_wh = 10**9


def content_jumps(home: Home) -> None:
    home.content_permille = 500
    home.live(STEP_S)
    home.content_permille = 990


def content_can_not_be(home: Home) -> None:
    home.content_permille = 1_200


def disobeys(home: Home) -> None:
    home.obeys = False


def node_is_away(home: Home) -> None:
    home.answer = lambda _path: httpx.Response(503, json={"detail": "away"})


def node_talks_nonsense(home: Home) -> None:
    home.answer = lambda _path: httpx.Response(200, json={"items": 7})


def orders_are_refused(home: Home) -> None:
    home.answer = lambda _path: None


def the_street_draws_a_gigawatt(home: Home) -> None:
    def answer(path: str) -> httpx.Response | None:
        if not path.startswith("/balance"):
            return well(path)
        begun = home.at - home.at % LENGTH_S
        told = {"interval": begun, "since": begun, "at": home.at, "drawnWh": 0, "powerW": 10**9}
        return httpx.Response(200, json=told | {"ratingW": 2_000, "heard": 7, "accounts": 7, "answering": True})

    home.answer = answer


def heal(home: Home) -> None:
    home.obeys = home.speaks = True
    held = home.agent.agent.plant.contents["battery/cells"] // CAPACITY_WH
    home.shift_wh, home.content_permille, home.answer = 0, held, well
    weather_is_back(home)


CASES: dict[str, tuple[Callable[[Home], None], str, str, str]] = {
    "absurd weather": (absurd_weather, "weather-absurd", "weather can not be", "météo est impossible"),
    "weather ends": (weather_ends, "weather-missing", "weather is missing", "manque une partie de la météo"),
    "gap in the weather": (weather_has_a_gap, "weather-missing", "weather is missing", "manque une partie"),
    "gap of the meters": (no_meter_speaks, "meter-silent", "All devices rest", "Tous les appareils se reposent"),
    "absurd meter": (a_meter_jumps, "meter-absurd", "says what can not be", "impossible"),
    "content jumps": (content_jumps, "content-jumped", "says it holds what can not be", "impossible"),
    "absurd content": (content_can_not_be, "content-jumped", "says it holds what can not be", "impossible"),
    "device disobeys": (disobeys, "device-disobeys", "does not do what it is told", "ne fait pas ce qu"),
    "node away": (node_is_away, "node-away", "does not answer", "ne répond pas"),
    "nonsense of the node": (node_talks_nonsense, "node-away", "does not answer", "ne répond pas"),
    "absurd street": (the_street_draws_a_gigawatt, "balance-absurd", "does not answer it", "n'y répond pas"),
    "orders refused": (orders_are_refused, "order-refused", "refuses an order", "refuse un ordre"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_and_survived(
    home: Home, case: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    cause, alarm, english, french = CASES[case]
    with caplog.at_level(logging.WARNING, "node"):
        cause(home)
        for _ in range(4 * LENGTH_S // STEP_S):
            home.live(STEP_S)
            if alarm in home.alarms:
                break
        assert alarm in home.alarms
        assert f"{alarm}: " in caplog.text
        assert f'resilia_dispatch_alarms{{alarm="{alarm}"}} 1.0' in (home.folder.path / "metrics.prom").read_text()
        if alarm in ("meter-silent", "content-jumped", "device-disobeys"):
            assert home.power_w == 0, "what can not be relied on rests"
        for language, sentence in (("en", english), ("fr", french)):
            assert main(["--lang", language, "dispatch", "status", "--dir", str(home.folder.path)]) == 0
            assert sentence in capsys.readouterr().err.replace("\u00a0", " ").replace("’", "'")
        heal(home)
        home.live(7 * LENGTH_S)
        if alarm == "order-refused":
            return  # an order that is taken ends it, and this node opens no interval
        assert home.alarms == set()
        assert f"{alarm}: " in caplog.text
        assert " is over" in caplog.text


@pytest.mark.parametrize(("limit", "value"), [("_SAFETY_S", 0.0), ("_ITERATIONS_PER_ROW_MAX", 0)])
def test_without_a_solution_or_the_time_for_one_the_devices_follow_the_contract(
    home: Home, limit: str, value: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "node"):
        patched.setattr(dispatch.optimiser.curve, limit, value)
        home.live(2 * LENGTH_S)
        assert home.alarms == {"no-plan"}
        assert home.status["quotes"] == []
        assert home.power_w == -HOUSE_W, "nothing was agreed: the battery serves the house"
    home.live(LENGTH_S)
    assert home.alarms == set()
    assert "no-plan: plan is over" in caplog.text


def test_a_lost_grid_and_its_return_are_said(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        ("en", "Without the grid"),
        ("fr", "Sans réseau"),
        ("en", "The grid is back"),
        ("fr", "Le réseau est revenu"),
    ]
    for sees, said in ((False, words[:2]), (True, words[2:])):
        home.sees_grid = sees
        home.live(2 * STEP_S)
        for language, sentence in said:
            assert main(["--lang", language, "dispatch", "status", "--dir", str(home.folder.path)]) == 0
            assert sentence in capsys.readouterr().err
    assert home.alarms == set()


def test_a_switch_that_says_nothing_is_said_and_waited_for_no_longer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path, replace(HOME, loads=(SwitchedLoad("boiler", 1, 3_000),)))
    home.answer = well
    with home.client:
        home.live(4 * LENGTH_S)
        (tmp_path / "switched.json").write_text('{"boiler": false}')
        home.live(2 * STEP_S)
        assert home.alarms == set(), "a hand at the switch is no fault"
        (tmp_path / "switched.json").write_text('{"boiler": true}')
        home.sees_grid = False
        home.live(3 * STEP_S)
        assert home.alarms == {"load-silent"}
        commands = json.loads((home.folder.path / "commands.json").read_text())
        assert commands["loads"] == [{"name": "boiler", "on": False}]
        for language, sentence in (
            ("en", "The switch of boiler does not say"),
            ("fr", "L'interrupteur de boiler ne dit"),
        ):
            assert main(["--lang", language, "dispatch", "status", "--dir", str(tmp_path)]) == 0
            assert sentence in capsys.readouterr().err.replace("’", "'")
        (tmp_path / "switched.json").write_text('{"boiler": false, "stranger": true, "lamp": 7}')
        home.live(STEP_S)
        assert home.alarms == set()
        (tmp_path / "switched.json").write_text("[")
        home.live(STEP_S)
        assert home.alarms == set()


def test_negative_prices_are_taken_within_the_limits(home: Home) -> None:
    # Negative for six hours only: who has to draw for two days at one price may do so whenever it likes.
    prices = [(-80_000, -90_000)] * 24 + [(200_000, 50_000)] * 168
    items = [
        {"interval": FIRST + place * LENGTH_S, "importTariff": drawn, "exportTariff": fed}
        for place, (drawn, fed) in enumerate(prices)
    ]
    home.answer = lambda path: httpx.Response(200, json={"items": items}) if path == "/signal" else well(path)
    home.live(3 * LENGTH_S)  # what was quoted before is delivered first
    held = home.agent.agent.plant.contents["battery/cells"]
    home.live(3 * LENGTH_S)
    assert home.alarms == set()
    assert home.agent.agent.plant.contents["battery/cells"] > held, "who is paid for drawing charges"
    (why,) = [device["why"] for device in home.status["devices"]]
    assert why["price_now_ueur_per_kwh"] < 0
