"""The node in Home Assistant: one device by MQTT discovery, with prices, the best window, totals, and own accounts.

Units: on the way out Wh, €/kWh, g CO2e, as Home Assistant wants them; inside, the node's integers. Everything that is
published is retained, so that Home Assistant finds it whenever it starts; it is published again when Home Assistant
says that it came back. Nothing is read from the broker but that.
Source: Home Assistant, MQTT discovery of devices, MQTT sensor.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiomqtt

from energy.errors import Misconfigured
from energy.quantities import ratio_down
from market.signal import Window
from node.api.lists import read_outlook
from node.api.wording import CommunityClock
from node.planning.storage_plan import PlanOf, StoragePlan
from node.rpc.ports import JsonObject, NodeCommands
from node.views.events import Broadcaster
from node.views.outlook import expected_price, told_window
from node.views.price_signal import read_window
from node.views.queries import LIMIT_MAX, Queries
from node.views.rows import Row

PREFIX: Final = "homeassistant"
BIRTH_TOPIC: Final = f"{PREFIX}/status"
RETRY_S_FIRST: Final = 1
RETRY_S_MAX: Final = 60
PERIOD_S: Final = 60
"""Longest time between two publications: prices change by themselves."""

_ENERGY: Final = {"device_class": "energy", "unit_of_measurement": "Wh", "state_class": "total"}
_MONEY: Final = {"device_class": "monetary", "unit_of_measurement": "EUR", "state_class": "total"}
_PRICE: Final = {"unit_of_measurement": "EUR/kWh", "suggested_display_precision": 3}
COMPONENTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "price": ("Price now", _PRICE),
    "grid_price": ("Grid price now", _PRICE),
    "best_start": ("Best window starts", {"device_class": "timestamp"}),
    "best_end": ("Best window ends", {"device_class": "timestamp"}),
    "best_price": ("Best window price", _PRICE),
    "grid_carbon": ("Grid carbon", {"unit_of_measurement": "g/kWh"}),
    "traded": ("Traded today", _ENERGY),
    "certified": ("Certified today", _ENERGY),
    "local_share": ("Local share today", {"unit_of_measurement": "%"}),
    "meters_silent": ("Silent meters", {}),
    "storage": (
        "Storage holds",
        {"device_class": "energy_storage", "unit_of_measurement": "Wh", "state_class": "measurement"},
    ),
    "storage_level": ("Storage level", {"unit_of_measurement": "%"}),
    "storage_charges": ("Storage charges in this step", {"unit_of_measurement": "Wh"}),
    "storage_gives": ("Storage gives in this step", {"unit_of_measurement": "Wh"}),
}
"""Sensors of the community: name and what Home Assistant is told of them."""
OWN_COMPONENTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "sold": ("Sold today", _ENERGY),
    "earned": ("Earned today", _MONEY),
    "bought": ("Bought today", _ENERGY),
    "paid": ("Paid today", _MONEY),
    "certificates": ("Certified for me today", _ENERGY),
    "orders": ("Orders in the book", {}),
}
"""Sensors of one account."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish, and for whom."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    accounts: tuple[str, ...] = ()
    """Accounts with sensors of their own."""


def broker_of(url: str, accounts: Sequence[str] = ()) -> Broker:
    """Return the broker in ``mqtt://USER:PASSWORD@HOST:PORT``.

    Raises:
        Misconfigured: it is no such address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 1883
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "mqtt" or not parts.hostname:
        raise Misconfigured("the MQTT broker must be written mqtt://HOST:PORT, or mqtt://USER:PASSWORD@HOST:PORT")
    user, password = (unquote(each) if each else None for each in (parts.username, parts.password))
    return Broker(parts.hostname, port, user, password, tuple(accounts))


def base_topic(status: JsonObject) -> str:
    """Return where a community's values are published."""
    return f"resilia/{status['chainId']}"


def discovery(status: JsonObject, accounts: Sequence[str] = ()) -> tuple[str, JsonObject]:
    """Return topic and content of the one message by which Home Assistant learns of the device."""
    base, device = base_topic(status), f"resilia_{status['chainId']}"
    components = {f"{device}_{key}": _sensor(base, device, key, *each) for key, each in COMPONENTS.items()}
    for account in accounts:
        for key, (name, told) in OWN_COMPONENTS.items():
            own = f"{account[2:10]}_{key}"
            components[f"{device}_{own}"] = _sensor(
                f"{base}/{account}", device, key, f"{name} ({account[:8]})", told, own
            )
    price = components[f"{device}_price"]
    price |= {"json_attributes_topic": f"{base}/prices"}
    config = {
        "dev": {"ids": [device], "name": status["name"], "mf": "RESILIA-GRID", "sw": status["version"]},
        "o": {"name": "RESILIA-GRID", "sw": status["version"]},
        "availability_topic": f"{base}/available",
        "cmps": components,
    }
    return f"{PREFIX}/device/{device}/config", config


def _sensor(
    topic: str, device: str, key: str, name: str, told: Mapping[str, Any], own: str | None = None
) -> dict[str, Any]:
    return {
        "p": "sensor",
        "name": name,
        "unique_id": f"{device}_{own or key}",
        "state_topic": f"{topic}/state",
        "value_template": f"{{{{ value_json.{key} }}}}",
        **told,
    }


def community_state(status: JsonObject, summary: Row, coming: Sequence[Row], best: Window | None) -> JsonObject:
    """Return the values of `COMPONENTS`, `best` being the best window; null for what is not known."""
    window = told_window(coming, best)
    now = coming[0] if coming else None
    permille = summary["localSharePermille"]
    return {
        "price": _euros_per_kwh(expected_price(now)) if now else None,
        "grid_price": _euros_per_kwh(int(now["importTariff"] or 0)) if now else None,
        "best_start": _iso(window.start) if window else None,
        "best_end": _iso(window.end) if window else None,
        "best_price": _euros_per_kwh(window.price_ueur_per_kwh) if window else None,
        "grid_carbon": now["carbonGPerKwh"] if now else None,
        "traded": summary["tradedWh"],
        "certified": summary["certifiedWh"],
        "local_share": None if permille is None else str(Decimal(int(permille)).scaleb(-1)),
        "meters_silent": sum(meter["state"] != "ok" for meter in status["meters"]),
    }


def storage_state(plan: StoragePlan | None, now: int) -> JsonObject:
    """Return the values of `COMPONENTS` about the community's storage, by its plan; null without one.

    Until its first step it holds what it held when it was planned, then what the running step will leave in it.
    """
    nothing: JsonObject = dict.fromkeys(("storage", "storage_level", "storage_charges", "storage_gives"))
    if plan is None:
        return nothing
    step = next((each for each in plan.steps if int(each["start"] or 0) <= now < int(each["end"] or 0)), None)
    held_wh = plan.stored_wh if step is None else int(step["storedWh"] or 0)
    return nothing | {
        "storage": held_wh,
        "storage_level": ratio_down(held_wh, 100, plan.capacity_wh) if plan.capacity_wh else None,
        "storage_charges": step["chargeWh"] if step else 0,
        "storage_gives": step["dischargeWh"] if step else 0,
    }


def price_lists(coming: Sequence[Row], tomorrow: int) -> JsonObject:
    """Return what a member will probably pay, as the lists `today` and `tomorrow` that price cards read."""
    rows = [
        (int(row["start"] or 0), {"start": _iso(int(row["start"] or 0)), "value": _euros_per_kwh(expected_price(row))})
        for row in coming
    ]
    return {
        "today": [row for start, row in rows if start < tomorrow],
        "tomorrow": [row for start, row in rows if start >= tomorrow],
    }


def account_state(queries: Queries, account: str, start: int, end: int) -> JsonObject:
    """Return the values of `OWN_COMPONENTS` for one account and one local day."""
    row = next((each for each in queries.league(start=start, end=end) if each["account"] == account), None)
    certificates = queries.certificates(owner=account, start=start, end=end, limit=LIMIT_MAX)["items"]
    resting = queries.orders(account=account, status="resting", limit=LIMIT_MAX)["items"]
    return {
        "sold": row["soldWh"] if row else 0,
        "earned": _euros(int(row["earnedNeur"] or 0)) if row else "0",
        "bought": row["boughtWh"] if row else 0,
        "paid": _euros(int(row["paidNeur"] or 0)) if row else "0",
        "certificates": sum(int(each["quantityWh"] or 0) for each in certificates),
        "orders": len(resting),
    }


class Publisher:
    """Keeps Home Assistant told, for as long as it runs."""

    def __init__(
        self,
        broker: Broker,
        core: NodeCommands,
        queries: Queries,
        broadcaster: Broadcaster,
        plan_of: PlanOf = lambda now: None,
    ) -> None:
        """Take the broker, what the node knows, and what tells the plan of the community's storage."""
        self._broker = broker
        self._plan_of = plan_of
        self._core = core
        self._queries = queries
        self._broadcaster = broadcaster

    async def run(self) -> None:
        """Publish for ever; a broker that is away is tried again after 1 s, 2 s and so on up to a minute."""
        wait_s = RETRY_S_FIRST
        while True:
            try:
                async with self._client() as client:
                    wait_s = RETRY_S_FIRST
                    await self._follow(client)
            except aiomqtt.MqttError:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_S_MAX)

    def _client(self) -> aiomqtt.Client:
        will = aiomqtt.Will(f"{base_topic(self._core.status())}/available", "offline", retain=True)
        broker = self._broker
        return aiomqtt.Client(broker.host, broker.port, username=broker.user, password=broker.password, will=will)

    async def _follow(self, client: aiomqtt.Client) -> None:
        """Publish everything, and again what changed; ends when the broker goes away or the node stops."""
        await client.subscribe(BIRTH_TOPIC, qos=1)
        births = asyncio.create_task(self._births(client))
        try:
            await self._introduce(client)
            with self._broadcaster.subscribe() as news:
                while not news.ended:
                    await self._publish_values(client)
                    try:
                        await asyncio.wait_for(news.next_event(), PERIOD_S)
                    except TimeoutError:
                        continue
                    await asyncio.sleep(1)  # a burst of trades costs one publication
                    news.forget()
            await asyncio.Event().wait()
        finally:
            births.cancel()

    async def _births(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if message.payload == b"online":
                await self._introduce(client)

    async def _introduce(self, client: aiomqtt.Client) -> None:
        status = self._core.status()
        topic, config = discovery(status, self._broker.accounts)
        await _publish(client, topic, config)
        await client.publish(f"{base_topic(status)}/available", "online", qos=1, retain=True)

    async def _publish_values(self, client: aiomqtt.Client) -> None:
        status = self._core.status()
        base, clock = base_topic(status), CommunityClock(status["timeZone"])
        start, end = clock.day(self._core.now())
        best = await read_window(self._core, self._queries)
        summary, coming = await asyncio.gather(
            asyncio.to_thread(self._queries.summary, start=start, end=end),
            asyncio.to_thread(read_outlook, self._core, self._queries),
        )
        now = self._core.now()
        state = community_state(status, summary, coming, best) | storage_state(self._plan_of(now), now)
        await _publish(client, f"{base}/state", state)
        await _publish(client, f"{base}/prices", price_lists(coming, end))
        for account in self._broker.accounts:
            own = await asyncio.to_thread(account_state, self._queries, account, start, end)
            await _publish(client, f"{base}/{account}/state", own)


async def _publish(client: aiomqtt.Client, topic: str, content: JsonObject) -> None:
    await client.publish(topic, json.dumps(content, separators=(",", ":")), qos=1, retain=True)


def _euros_per_kwh(price_ueur_per_kwh: int) -> str:
    return f"{Decimal(price_ueur_per_kwh).scaleb(-6):f}"


def _euros(amount_neur: int) -> str:
    return f"{Decimal(amount_neur).scaleb(-9):f}"


def _iso(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%S+00:00}"
