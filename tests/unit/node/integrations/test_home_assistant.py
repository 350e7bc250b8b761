import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from energy.errors import Misconfigured
from node.api.lists import read_outlook
from node.integrations.home_assistant import (
    COMPONENTS,
    OWN_COMPONENTS,
    Broker,
    Publisher,
    account_state,
    broker_of,
    community_state,
    discovery,
    price_lists,
    storage_state,
)
from node.planning.storage_plan import StoragePlanFile
from node.rpc.methods_energy import EnergyMethods
from node.views.events import Broadcaster, EventKind
from node.views.price_signal import read_window
from node.views.queries import Queries
from node.views.rows import Row
from tests.support.small_community import FIRST, HOMES, NOW, CoreDouble, filled_projection
from tests.support.storage_plan import plan_into

QUERIES = Queries(filled_projection())
CORE = CoreDouble()
DAY = (FIRST - 5 * 3_600, FIRST + 19 * 3_600)


def test_discovery_is_one_device_with_a_sensor_for_every_value() -> None:
    topic, config = discovery(CORE.status(), [HOMES[2]])
    assert topic == "homeassistant/device/resilia_1904113327/config"
    components: Any = config["cmps"]
    assert len(components) == len(COMPONENTS) + len(OWN_COMPONENTS)
    ids = [each["unique_id"] for each in components.values()]
    assert len(set(ids)) == len(ids)
    values = {each["value_template"][14:-3] for each in components.values()}
    assert values == {*COMPONENTS, *OWN_COMPONENTS}
    # Home Assistant refuses money that is "measured", and energy without a unit.
    for each in components.values():
        assert each["p"] == "sensor"
        if each.get("device_class") == "monetary":
            assert (each["state_class"], each["unit_of_measurement"]) == ("total", "EUR")


def test_values_are_those_of_the_page_in_home_assistants_units() -> None:
    summary, coming = QUERIES.summary(start=DAY[0], end=DAY[1]), read_outlook(CORE, QUERIES)
    state = community_state(CORE.status(), summary, coming, asyncio.run(read_window(CORE, QUERIES)))
    assert {**state, **storage_state(None, NOW)}.keys() == COMPONENTS.keys()
    assert (state["traded"], state["grid_price"], state["grid_carbon"]) == (summary["tradedWh"], "0.201600", 62)
    assert state["local_share"] == "63.0"
    assert state["best_start"] == "2017-05-17T12:15:00+00:00"
    lists = price_lists(coming, DAY[1])
    assert len(lists["today"]) + len(lists["tomorrow"]) == len(coming)
    assert len(lists["tomorrow"]) == 96
    empty = community_state(CORE.status() | {"meters": []}, {**summary, "localSharePermille": None}, [], None)
    assert (empty["price"], empty["best_start"], empty["local_share"]) == (None, None, None)


def test_the_storage_is_as_its_plan_says(tmp_path: Path) -> None:
    steps = plan_into(tmp_path)["steps"]
    plan = StoragePlanFile(tmp_path).read(NOW)
    assert plan is not None
    for step in (steps[0], steps[-1]):
        state = storage_state(plan, step["start"])
        assert (state["storage"], state["storage_charges"]) == (step["storedWh"], step["chargeWh"])
        assert state["storage_level"] == 100 * step["storedWh"] // plan.capacity_wh
        assert state["storage_gives"] == step["dischargeWh"]
    assert storage_state(plan, steps[0]["start"] - 1)["storage"] == plan.stored_wh
    assert set(storage_state(None, NOW).values()) == {None}


def test_an_accounts_values_add_up_to_its_trades() -> None:
    state = account_state(QUERIES, HOMES[2], *DAY)
    trades: Any = QUERIES.trades(account=HOMES[2])["items"]
    assert state.keys() == OWN_COMPONENTS.keys()
    assert state["bought"] == sum(row["quantityWh"] for row in trades)
    assert Decimal(state["paid"]) * 10**9 == sum(row["amountNeur"] for row in trades)
    assert account_state(QUERIES, "0x" + "ab" * 20, *DAY)["sold"] == 0


def test_amounts_are_written_as_people_write_them() -> None:
    free: Row = {"start": NOW, "importTariff": 0, "exportTariff": 0, "usualPrice": 0, "carbonGPerKwh": 0}
    assert price_lists([free], NOW + 1)["today"][0]["value"] == "0.000000"
    later = DAY[0] + 400 * 86_400
    with pytest.MonkeyPatch.context() as patch:
        row = {"account": HOMES[2], "soldWh": 0, "earnedNeur": 0, "boughtWh": 1, "paidNeur": 5}
        patch.setattr(QUERIES, "league", lambda **_: [row])
        state = account_state(QUERIES, HOMES[2], later, later + 1)
    assert (state["earned"], state["paid"]) == ("0.000000000", "0.000000005")


def test_reads_the_brokers_address() -> None:
    assert broker_of("mqtt://10.0.0.2") == Broker("10.0.0.2", 1883)
    assert broker_of("mqtt://ha:p%40ss@hub:1884", [HOMES[0]]) == Broker("hub", 1884, "ha", "p@ss", (HOMES[0],))
    for wrong in ("hub", "http://hub", "mqtt://", "mqtt://hub:x"):
        with pytest.raises(Misconfigured, match="mqtt://HOST"):
            broker_of(wrong)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "the tests need Debian's mosquitto"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    process = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_a_real_broker_keeps_everything_for_home_assistant_and_learns_what_is_new(broker: int) -> None:
    async def test() -> None:
        news = Broadcaster()
        publisher = asyncio.create_task(Publisher(Broker("127.0.0.1", broker), CORE, QUERIES, news).run())
        topics: dict[str, Any] = {}
        try:
            while True:
                try:
                    client = aiomqtt.Client("127.0.0.1", broker)
                    await client.__aenter__()
                    break
                except aiomqtt.MqttError:
                    await asyncio.sleep(0.05)
            await client.subscribe("#")
            messages = aiter(client.messages)

            async def hear(topic: str) -> Any:
                topics.pop(topic, None)
                while topic not in topics:
                    message = await asyncio.wait_for(anext(messages), 20)
                    assert isinstance(message.payload, bytes)
                    topics[str(message.topic)] = message.payload
                return topics[topic]

            state = json.loads(await hear("resilia/1904113327/state"))
            assert state["traded"] == QUERIES.summary(start=DAY[0], end=DAY[1])["tradedWh"]
            assert await hear("resilia/1904113327/prices")
            assert topics["resilia/1904113327/available"] == b"online"
            news.publish(EventKind.TRADE, {})
            assert json.loads(await hear("resilia/1904113327/state")) == state
            await client.publish("homeassistant/status", "online")
            assert json.loads(await hear("homeassistant/device/resilia_1904113327/config"))["dev"]["name"]
            publisher.cancel()
            await client.__aexit__(None, None, None)
        finally:
            publisher.cancel()
            await asyncio.gather(publisher, return_exceptions=True)

    asyncio.run(test())
    assert NOW > 0


def test_home_assistant_and_json_rpc_name_one_window() -> None:
    best = asyncio.run(read_window(CORE, QUERIES))
    told = asyncio.run(EnergyMethods(CORE, QUERIES).to_plan_by.get_price_signal())["window"]
    assert best is not None
    assert (told["start"], told["end"]) == (best.start, best.end)
    assert "until tomorrow night" in told["words"]
    state = community_state(CORE.status(), QUERIES.summary(), read_outlook(CORE, QUERIES), best)
    assert datetime.fromisoformat(state["best_start"]).timestamp() == told["start"]
    other = asyncio.run(EnergyMethods(CORE, QUERIES).to_plan_by.get_price_signal({"hours": 48}))["window"]
    assert "over the next 48" in other["words"]
