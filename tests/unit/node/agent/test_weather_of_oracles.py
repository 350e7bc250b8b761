"""An agent takes the weather that oracles agreed on into its own file, once, and goes on without a node."""

from collections.abc import Callable
from typing import Any

import httpx

from dispatch.trust import Alarm
from node.agent.alarms import Alarms
from node.agent.outlook import PriceOutlook
from node.agent.trader import Trader
from node.client import Client

FIRST = 1_751_371_200


def _series(kind: str, values: list[int], known_at: int = FIRST - 3_600) -> dict[str, Any]:
    return {"kind": kind, "place": "home", "knownAt": known_at, "first": FIRST, "stepS": 3_600, "values": values}


def _trader(answer: Callable[[httpx.Request], httpx.Response]) -> Trader:
    client = Client("http://node", b"\1" * 32, httpx.MockTransport(answer))
    agent: Any = None  # not asked for weather
    return Trader(client, agent, 300, 900, PriceOutlook(900), None)


def test_rows_have_the_units_of_the_file_and_come_once() -> None:
    told = [
        _series("temp_millic", [21_350, -200]),
        _series("rh_permille", [615, 1_000]),
        _series("wind_m_per_h", [12_345, 0]),
        _series("sky_clear_permille", [1_000, 30]),
        _series("carbon_g_per_kwh", [5, 5]),
    ]
    trader, alarms = _trader(lambda request: httpx.Response(200, json=told)), Alarms()
    assert trader.new_weather(FIRST, alarms) == [
        {"time": FIRST, "temp_c": 21.35, "rh_pct": 61.5, "wind_kmh": 12.345, "sky_clear": 1.0},
        {"time": FIRST + 3_600, "temp_c": -0.2, "rh_pct": 100.0, "wind_kmh": 0.0, "sky_clear": 0.03},
    ]
    assert trader.new_weather(FIRST + 900, alarms) == []
    told[0] = _series("temp_millic", [22_000], FIRST)
    assert trader.new_weather(FIRST + 3_600, alarms) == [{"time": FIRST, "temp_c": 22.0}]


def test_a_node_that_knows_no_facts_or_is_away_changes_nothing() -> None:
    alarms = Alarms()
    assert _trader(lambda request: httpx.Response(404, json={})).new_weather(FIRST, alarms) == []
    assert alarms.counts().get(Alarm.NODE_AWAY, 0) == 0

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    assert _trader(away).new_weather(FIRST, alarms) == []
    assert alarms.counts()[Alarm.NODE_AWAY] == 1
