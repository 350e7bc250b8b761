"""Messages between real NATS servers on loopback: through leaf nodes, inside TLS, across a dead hub, past liars."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import nats
import pytest
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig

from energy.errors import Unavailable
from node.interconnect.streams import LinkStreams
from tests.support.nats_servers import NatsServer, certificate, free_port


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, NatsServer]]:
    tls = certificate(tmp_path)
    city = NatsServer("city", tmp_path, ("north", "south"), tls=tls)
    found = {"city": city} | {name: NatsServer(name, tmp_path, parent=city, tls=tls) for name in ("north", "south")}
    for server in found.values():
        server.start()
    yield found
    for server in found.values():
        server.stop()


async def opened(server: NatsServer, *neighbours: str) -> LinkStreams:
    return await LinkStreams.open(server.url, server.name, neighbours, server.seed)


async def heard(streams: LinkStreams, count: int, refuse: int = 0, wait_s: float = 30) -> list[tuple[str, bytes]]:
    """Read until so many messages have come; refuse the first few once."""
    found: list[tuple[str, bytes]] = []
    done = asyncio.Event()

    async def take(sender: str, data: bytes) -> bool:
        nonlocal refuse
        if refuse:
            refuse -= 1
            return False
        found.append((sender, data))
        if len(found) >= count:
            done.set()
        return True

    reading = asyncio.create_task(streams.read(take))
    try:
        await asyncio.wait_for(done.wait(), wait_s)
        await asyncio.sleep(0.3)
    finally:
        reading.cancel()
    return found


def test_messages_go_up_and_down_and_catch_up_after_a_cut(servers: dict[str, NatsServer]) -> None:
    asyncio.run(_through_a_cut(servers))


async def _through_a_cut(servers: dict[str, NatsServer]) -> None:
    city = await opened(servers["city"], "north", "south")
    north = await opened(servers["north"], "city")
    south = await opened(servers["south"], "city")
    try:
        await north.publish("city", b"offer")
        await north.publish("city", b"offer")
        await south.publish("city", b"offer")
        assert sorted(await heard(city, 2)) == [("north", b"offer"), ("south", b"offer")]
        for number in range(200):
            await city.publish("north", b"award %d" % number)
        assert {data for _, data in await heard(north, 200, refuse=1)} == {
            b"award %d" % number for number in range(200)
        }
        # The hub dies. A child's own server goes on acknowledging, and what it took arrives when the hub is back.
        await city.close()
        servers["city"].stop()
        await north.publish("city", b"decision")
        servers["city"].start()
        city = await opened(servers["city"], "north", "south")
        await city.publish("north", b"award")
        assert await heard(city, 1) == [("north", b"decision")]
        assert await heard(north, 1) == [("city", b"award")]
    finally:
        for each in (city, north, south):
            await each.close()


def test_stream_that_its_server_has_lost_is_read_anew(
    servers: dict[str, NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.interconnect.streams.SILENT_FETCHES", 1)
    asyncio.run(_lost(servers))


async def _lost(servers: dict[str, NatsServer]) -> None:
    city = await opened(servers["city"], "north", "south")
    north = await opened(servers["north"], "city")
    try:
        reading = asyncio.create_task(heard(city, 2))
        await north.publish("city", b"offer")
        await asyncio.sleep(2)
        await north.close()
        servers["north"].stop()
        rmtree(servers["north"].folder / "north")
        servers["north"].start()
        north = await opened(servers["north"], "city")
        await north.publish("city", b"decision")
        assert await reading == [("north", b"offer"), ("north", b"decision")]
    finally:
        for each in (city, north):
            await each.close()


def test_neighbours_do_not_overhear_each_other(servers: dict[str, NatsServer]) -> None:
    asyncio.run(_overheard(servers))


async def _overheard(servers: dict[str, NatsServer]) -> None:
    city = await opened(servers["city"], "north", "south")
    north = await opened(servers["north"], "city")
    curious = await nats.connect(servers["south"].url, nkeys_seed_str=servers["south"].seed)
    overheard: list[tuple[str, bytes]] = []

    async def note(message: Msg) -> None:
        overheard.append((message.subject, message.data))

    try:
        for subject in ("resilia.>", "_INBOX.>", "$JS.>"):
            await curious.subscribe(subject, cb=note)
        await city.answer(lambda _: None)
        await curious.flush()
        await asyncio.sleep(0.5)
        await north.publish("city", b"offer")
        assert await heard(city, 1) == [("north", b"offer")]
        assert await north.ask("city")
        # What is asked of the own server is there to be heard, and nothing else.
        assert overheard
        assert not [each for each in overheard if "north" in each[0] or b"offer" in each[1]], overheard
    finally:
        for each in (city, north, curious):
            await each.close()


def test_lying_child_gives_its_parents_server_no_orders(servers: dict[str, NatsServer]) -> None:
    asyncio.run(_orders(servers))


async def _orders(servers: dict[str, NatsServer]) -> None:
    """Whoever asks the engine for messages names where they go: to a neighbour, into its stream, or into an order."""
    city, north, south = servers["city"], servers["north"], servers["south"]
    streams = [await opened(city, "north", "south"), await opened(north, "city"), await opened(south, "city")]
    clients = [await nats.connect(each.url, nkeys_seed_str=each.seed) for each in (north, city, south)]
    liar, keeper, other = clients
    overheard: list[str] = []

    async def note(message: Msg) -> None:
        overheard.append(message.subject)

    async def kept() -> dict[str, int]:
        return {str(each.config.name): each.state.messages for each in await keeper.jetstream().streams_info()}

    try:
        await streams[0].answer(lambda _: None)
        for subject in ("_INBOX.>", "resilia.>"):
            await other.subscribe(subject, cb=note)
        await other.flush()
        assert await streams[1].ask("city")  # the way is there
        asked, orders = "$JS.city.API.CONSUMER.MSG.NEXT.OUT_city_north.node", "API.STREAM.DELETE.OUT_city_south"
        for answer in (f"$JS.{orders}", f"$JS.city.{orders}"):
            for request in (asked, "resilia.beat.city", "$JS.ACK.OUT_city_north.node.1.1.1.1.0"):
                await liar.publish(request, b'{"batch":1,"no_wait":true}', reply=answer)
        await streams[0].publish("north", b"award")
        await liar.publish(asked, b"1", reply="resilia.city.south")
        await streams[0].publish("north", b"award 2")
        await liar.publish(asked, b"1", reply="_INBOX.south.copy")
        config = {"durable_name": "node", "deliver_subject": "_INBOX.south.copy", "ack_policy": "explicit"}
        wanted = json.dumps({"stream_name": "OUT_city_north", "config": config}).encode()
        for what in ("CREATE.OUT_city_north.node", "DURABLE.CREATE.OUT_city_north.node", "INFO.OUT_city_south.node"):
            with pytest.raises((NoRespondersError, TimeoutError)):
                await liar.request(f"$JS.city.API.CONSUMER.{what}", wanted, timeout=1)
        await asyncio.sleep(1)
        assert await kept() == {"OUT_city_north": 2, "OUT_city_south": 0}
        assert overheard == []
        # A child's server takes no orders of its parent either.
        with pytest.raises((NoRespondersError, TimeoutError)):
            await keeper.request("$JS.north.API.STREAM.DELETE.OUT_north_city", b"", timeout=1)
        assert [each.config.name for each in await liar.jetstream().streams_info()] == ["OUT_north_city"]
    finally:
        for stream in streams:
            await stream.close()
        for client in clients:
            await client.close()


def test_what_earlier_versions_left_on_a_server_goes_and_nothing_unread_with_it(servers: dict[str, NatsServer]) -> None:
    asyncio.run(_upgraded(servers))


async def _upgraded(servers: dict[str, NatsServer]) -> None:
    city = await opened(servers["city"], "north")
    await city.publish("north", b"award")
    await city.close()
    # A copy of what was read, the operator's own stream, and a consumer that its reader has made, pushed elsewhere.
    before = await nats.connect(servers["city"].url, nkeys_seed_str=servers["city"].seed)
    context = before.jetstream()
    await context.add_stream(StreamConfig(name="IN_city", subjects=["old.copies"]))
    await context.add_stream(StreamConfig(name="IN_garden", subjects=["garden.>"]))
    await context.delete_consumer("OUT_city_north", "node")
    pushed = ConsumerConfig(durable_name="node", deliver_subject="_INBOX.south.copy", ack_policy=AckPolicy.EXPLICIT)
    await context.add_consumer("OUT_city_north", pushed)

    city, north = await opened(servers["city"], "north"), await opened(servers["north"], "city")
    try:
        left = sorted(str(each.config.name) for each in await context.streams_info())
        assert left == ["IN_garden", "OUT_city_north"]
        assert await heard(north, 1) == [("city", b"award")]
        # Opened once more, the consumer knows how far it has read.
        await city.close()
        city = await opened(servers["city"], "north")
        assert (await context.consumer_info("OUT_city_north", "node")).ack_floor.stream_seq == 1
    finally:
        for each in (city, north, before):
            await each.close()


def test_stranger_without_the_password_or_the_key_is_kept_out(servers: dict[str, NatsServer], tmp_path: Path) -> None:
    asyncio.run(_stranger(servers, tmp_path))


async def _stranger(servers: dict[str, NatsServer], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    stranger = NatsServer("east", tmp_path / "elsewhere", parent=servers["city"], tls=servers["city"].tls)
    stranger.start()
    try:
        for _ in range(100):
            if "Authorization Violation" in stranger.log:
                break
            await asyncio.sleep(0.1)
        assert "Authorization Violation" in stranger.log
    finally:
        stranger.stop()
    with pytest.raises(Unavailable):
        await LinkStreams.open(servers["north"].url, "north", ("city",), stranger.seed)


def test_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(LinkStreams.open(f"nats://127.0.0.1:{free_port()}", "north", ("city",)))
