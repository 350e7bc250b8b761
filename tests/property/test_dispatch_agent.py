"""Invariant D1 in a member's agent: whatever meters, files and the node say, no command leaves a device's limits."""

from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.layers import make
from dispatch.plant import Device
from metering.registers import RegisterSample
from node.agent.files import AgentFolder
from node.agent.home_file import HomeFile
from node.agent.member_agent import MemberAgent
from node.client import Client

LENGTH = 900
NOW = 1_751_371_200
DEVICES = (
    Device("battery", make("lithium", capacity_kwh=2.0, power_kw=3.0), solar_only=True),
    Device("car", make("car", charge_kw=7.4), absent=True),
)
HOME = HomeFile("csv:grid", "csv:sun", 9_000, 6_000, DEVICES, {}, {"battery": "csv:b", "car": "csv:c"}, "", 12)

numbers = st.one_of(st.integers(-10, 3_000), st.sampled_from([-(2**40), 2**40]))
samples = st.tuples(
    st.sampled_from(["grid", "solar", "battery", "car"]),
    st.integers(-60, 60),
    numbers,
    numbers,
    st.one_of(st.none(), st.integers(-5, 1_200)),
)
weather = st.sampled_from(["", "time,temp_c\nx,1\n", f"time,temp_c,sky_clear\n{NOW},9999,nan\n{NOW + 900},1,\n"])
stays = st.one_of(st.none(), st.fixed_dictionaries({"until": numbers, "wanted_wh": numbers, "content_wh": numbers}))
lives = st.lists(st.tuples(st.integers(0, 1_000), st.lists(samples, max_size=5), stays), min_size=1, max_size=8)
answers = st.sampled_from(["away", "nonsense", "prices"])


def node_of(kind: str) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/status"):
            return httpx.Response(200, json={"intervalLengthS": LENGTH, "gateLeadS": 300, "openIntervals": []})
        if kind == "away":
            raise httpx.ConnectError("no node")
        if kind == "prices" and request.url.path.endswith("/signal"):
            items = [{"interval": NOW + i * LENGTH, "importTariff": 1, "exportTariff": 9 - i} for i in range(12)]
            return httpx.Response(200, json={"items": items})
        return httpx.Response(200, json={"items": 7})

    return httpx.MockTransport(answer)


@settings(max_examples=20, deadline=None)
@given(lives, weather, answers)
def test_no_command_leaves_the_limits_d1(
    life: list[tuple[int, list[tuple[str, int, int, int, int | None]], dict[str, int] | None]], sky: str, kind: str
) -> None:
    with TemporaryDirectory() as name, Client("http://node", b"\1" * 32, node_of(kind)) as client:
        folder = AgentFolder(Path(name))
        (folder.path / "weather.csv").write_text(sky)
        agent = MemberAgent(HOME, folder, client, NOW)
        now = NOW
        for wait, heard, stay in life:
            now += wait
            for meter, ago, bought, sold, permille in heard:
                at = now - ago
                agent.heard(
                    meter,
                    RegisterSample("S", bought, sold, at, at, False, False, True, b"", charge_permille=permille),
                )
            agent.plugged({} if stay is None else {"car": stay})
            powers = agent.step(now)
            plant = agent.agent.plant
            assert -3_000 <= powers["battery"] <= 3_000
            assert -7_400 <= powers["car"] <= 7_400
            if stay is None or now >= stay["until"]:
                assert powers["car"] == 0
            assert all(not powers[device] for device in plant.withdrawn)
            for store, content in plant.contents.items():
                assert 0 <= content <= round(plant.stores[store].capacity_kwh * 1e6)
            assert powers["battery"] >= 0 or plant.contents["battery/cells"] > 0
        agent.stop(now)
        again = MemberAgent(HOME, folder, client, now)
        assert again.agent.to_json() == agent.agent.to_json()
