"""A home with a turbine, heat that is needed and a car: each is forecast from what was seen, never worse than naive."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from dispatch.goals import Goals
from dispatch.layers import make
from dispatch.plant import Device
from energy.errors import Misconfigured
from metering.registers import RegisterSample
from node.agent.files import STAYS, WEATHER, AgentFolder
from node.agent.home_file import HomeFile, load_home
from node.agent.member_agent import MemberAgent
from node.cli.main import main
from node.client import Client

FIRST = 1_751_328_000  # a Tuesday, midnight
HOUR_S = 3_600
DAYS = 24
DEVICES = (
    Device("pump", make("heat_pump", power_kw=3.0)),
    Device("tank", make("water_tank", capacity_kwh=12.0)),
    Device("car", make("car", capacity_kwh=60.0), absent=True),
)
HOME = HomeFile(
    "csv:grid", "", 9_000, 9_000, DEVICES, {"car/cells": 30_000_000}, {}, "", 12, "csv:wind", "csv:heat"
)  # fmt: skip


def temperature(hour: int) -> float:
    day = float(np.random.default_rng(hour // 24).standard_normal())
    return 5 + 6 * float(np.sin(hour / 24 * 2 * np.pi)) + 4 * day


def wind_kmh(hour: int) -> float:
    return 25 + 15 * float(np.sin(hour / 17) * np.cos(hour / 41))


def turbine_wh(hour: int) -> int:
    return round(2_000 * float(np.clip((wind_kmh(hour) / 3.6) ** 3 / 1_500, 0, 1)))


def heat_wh(hour: int) -> int:
    return round(150 * max(0.0, 18 - temperature(hour)))


def at_home(hour: int) -> bool:
    return not 8 <= hour % 24 < 17


class Home:
    """Lives by the hour: a house of 400 W, a turbine, heat, and a car that drives 10 kWh a day."""

    def __init__(self, folder: Path) -> None:
        self.hour, self.back_wh = 0, 30_000
        self.registers = {"grid": [0, 0], "wind": [0, 0], "heat": [0, 0]}
        self.folder = AgentFolder(folder)
        self.client = Client("http://node", b"\1" * 32, httpx.MockTransport(self._node))
        self.agent = MemberAgent(HOME, self.folder, self.client, FIRST)
        rows = "".join(f"{FIRST + h * HOUR_S},{temperature(h)},60,{wind_kmh(h)},0.5\n" for h in range(24 * (DAYS + 5)))
        (folder / WEATHER).write_text("time,temp_c,rh_pct,wind_kmh,sky_clear\n" + rows)

    def _node(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        now = FIRST + self.hour * HOUR_S
        if path == "/status":
            answer: Any = {"now": now, "intervalLengthS": HOUR_S, "gateLeadS": 300, "openIntervals": []}
        elif path == "/signal":
            starts = [now - now % HOUR_S + place * HOUR_S for place in range(60)]
            dear = [150_000 if start // HOUR_S % 24 < 6 else 350_000 for start in starts]
            answer = {
                "goals": {"carbonUeurPerG": 100, "peakUeurPerKw": 7, "reservePermille": 300},
                "items": [
                    {"interval": start, "importTariff": price, "exportTariff": 60_000, "carbonGPerKwh": 48}
                    for start, price in zip(starts, dear, strict=True)
                ],
            }
        elif path.startswith(("/book", "/rules")):
            return httpx.Response(404, json={})
        else:
            answer = [] if path == "/facts" else {"items": [], "next": None}
        return httpx.Response(200, json=answer)

    def live(self, hours: int) -> None:
        for _ in range(hours):
            hour, powers = self.hour, self.agent.step(FIRST + self.hour * HOUR_S)
            if at_home(hour) is not at_home(hour - 1):
                until = FIRST + (hour // 24 + (hour % 24 >= 17)) * 24 * HOUR_S + 8 * HOUR_S
                held_wh = self.agent.agent.plant.contents["car/cells"] // 1_000
                self.back_wh = self.back_wh if at_home(hour) else held_wh - 10_000
                stay = {"until": until, "wanted_wh": 40_000, "content_wh": self.back_wh}
                (self.folder.path / STAYS).write_text(json.dumps({"car": stay} if at_home(hour) else {}))
            net_wh = 400 + sum(powers.values()) - turbine_wh(hour)
            self.registers["grid"][net_wh < 0] += abs(net_wh)
            self.registers["wind"][1] += turbine_wh(hour)
            self.registers["heat"][0] += heat_wh(hour)
            self.hour += 1
            now = FIRST + self.hour * HOUR_S
            for name, (bought, sold) in self.registers.items():
                self.agent.heard(name, RegisterSample("S", bought, sold, now, now, False, False, True, b""))

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder.path / "forecast.json").read_text())
        return told


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    found = Home(tmp_path_factory.mktemp("agent"))
    for name, (bought, sold) in found.registers.items():
        found.agent.heard(name, RegisterSample("S", bought, sold, FIRST, FIRST, False, False, True, b""))
    found.live(24 * DAYS + 3)
    return found


def test_all_that_the_home_has_is_forecast_two_days_as_quantiles(home: Home) -> None:
    told = home.told
    series = {each["name"]: np.array(each["values"]) for each in told["series"]}
    assert set(series) == {"load", "sun", "wind", "heat", "car", "import-price", "export-price", "carbon"}
    assert {each.shape for each in series.values()} == {(3, 48)}
    assert all((np.diff(values, axis=0) >= 0).all() for values in series.values())
    first = (told["first_interval"] - FIRST) // HOUR_S
    came: dict[str, Callable[[int], int]] = {"wind": turbine_wh, "heat": heat_wh}
    came["car"] = lambda hour: 1_000 * at_home(hour)
    for name, true in came.items():
        ahead = np.array([true(first + step) for step in range(24)])
        yesterday = np.array([true(first + step - 24) for step in range(24)])
        error, naive = (np.abs(values - ahead).mean() for values in (series[name][1, :24], yesterday))
        assert error <= naive + 1, name
        if name != "car":
            assert error < 0.5 * naive, f"the weather is known, so {name} is"


def test_no_forecast_is_worse_than_yesterdays_values(home: Home) -> None:
    beliefs = home.agent.status(FIRST + home.hour * HOUR_S)["forecasts"]
    assert all(each["error"] <= each["naive_error"] for each in beliefs)
    assert {each["name"]: each["method"] for each in beliefs}["wind"] in ("blend", "mostly-ridge", "ridge")


def test_the_plan_counts_on_the_car_that_comes_back_and_on_heat_and_wind(home: Home) -> None:
    plan = home.agent.agent.last_plan
    assert plan is not None
    hours = [(begin - FIRST) // HOUR_S for begin in plan.begins]
    charged = np.asarray(plan.programme.taken_kwh["car/charge"])
    away = [place for place, hour in enumerate(hours) if not at_home(hour)]
    assert charged[away].max() <= 1e-6
    tomorrow = [place for place, hour in enumerate(hours) if hour // 24 > hours[0] // 24 and at_home(hour)]
    assert charged[tomorrow].sum() * 0.95 >= 9.9, "tomorrow's drive of 10 kWh is charged before it is told of"
    heated = 3.5 * np.asarray(plan.programme.taken_kwh["pump/pump"]) + 0.98 * np.asarray(
        plan.programme.taken_kwh["tank/heater"]
    )
    assert heated.sum() > 0.5 * sum(heat_wh(hour) for hour in hours) / 1e3
    assert home.agent.agent.plant.contents["tank/water"] > 0, "what has no meter is believed to do what it is told"
    assert home.agent.habits["car"].drive_milliwh == pytest.approx(10_000_000, rel=0.05)


def test_the_status_says_the_carbon_of_the_grid_with_its_reasons(home: Home) -> None:
    whys = [device["why"] for device in home.agent.status(FIRST + home.hour * HOUR_S)["devices"]]
    assert {why["carbon_now_g_per_kwh"] for why in whys if why} == {48}


def test_the_community_s_goals_hold_where_the_home_has_none_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.live(2)
    assert home.agent.status(FIRST)["goals"] == {
        "carbon_ueur_per_g": 100, "peak_ueur_per_kw": 7, "reserve_permille": 300,
    }  # fmt: skip
    own = replace(HOME, goals={"peak_ueur_per_kw": 0})
    away = Client("http://node", b"\1" * 32, httpx.MockTransport(lambda _: httpx.Response(503, json={})))
    again = MemberAgent(own, AgentFolder(tmp_path), away, FIRST + 2 * HOUR_S)
    again.step(FIRST + 3 * HOUR_S)
    assert again.agent.goals == Goals(100, 0, 300), "what the node said last outlives a restart"


def test_a_restart_learns_the_same_again_and_the_status_lists_forecasts(home: Home, capsys: Any) -> None:
    now = FIRST + home.hour * HOUR_S
    again = MemberAgent(HOME, AgentFolder(home.folder.path), home.client, now)
    again.step(now)
    assert again.status(now)["forecasts"] == home.agent.status(now)["forecasts"]
    assert again.habits == home.agent.habits
    assert main(["--lang", "fr", "dispatch", "status", "--dir", str(home.folder.path)]) == 0
    assert "chaleur" in capsys.readouterr().out


def test_days_without_any_weather_go_by_what_was_metered(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / WEATHER).unlink()
    home.live(4 * 24)
    status = home.agent.status(FIRST + home.hour * HOUR_S)
    assert status["alarms"] == []
    assert home.agent.agent.last_plan is not None
    assert all(each["error"] <= each["naive_error"] for each in status["forecasts"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"devices": [{"name": "mill", "kind": "wind"}]}, "goes as the weather does"),
        ({"heat_meter": "mbus-heat:/dev/ttyUSB1"}, "gives heat"),
        ({"wind_meter": "windy"}, "wind_meter"),
        ({"goals": {"comfort": 1}}, "no field 'comfort'"),
        ({"goals": {"reserve_permille": 1_001}}, "goals.reserve_permille"),
        ({"devices": [{"name": "heat", "kind": "heat_pump"}]}, "no device may be called 'heat'"),
    ],
)
def test_a_home_that_can_not_be_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    home = {"schema": "resilia/home/1", "grid_meter": "csv:grid", "import_max_w": 9_000, "export_max_w": 6_000}
    (tmp_path / "home.json").write_text(json.dumps(home | change))
    with pytest.raises(Misconfigured, match=said):
        load_home(tmp_path / "home.json")


def test_a_history_gains_columns_and_keeps_what_it_had(tmp_path: Path) -> None:
    folder = AgentFolder(tmp_path)
    (tmp_path / "history.csv").write_text("interval,load_wh,pv_wh\n900,5,\n1800,6,7\n27")
    assert [lived.others for lived in folder.history(["wind", "a,b"])] == [{"wind": None, "a,b": None}] * 2
    assert (tmp_path / "history.csv").read_text() == "interval,load_wh,pv_wh,wind,a%2Cb\n900,5,,,\n1800,6,7,,\n"
    again = AgentFolder(tmp_path).history()
    assert [lived.load_wh for lived in again] == [5, 6]
