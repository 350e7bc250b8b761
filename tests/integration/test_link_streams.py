"""Messages between real NATS servers on loopback: through leaf nodes, inside TLS, across a hub that dies."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import nats
import pytest
from nats.aio.msg import Msg

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


def test_messages_go_up_down_and_across_and_catch_up_after_a_cut(servers: dict[str, NatsServer]) -> None:
    asyncio.run(_through_a_cut(servers))


async def _through_a_cut(servers: dict[str, NatsServer]) -> None:
    city = await opened(servers["city"], "north", "south")
    north = await opened(servers["north"], "city", "south")
    south = await opened(servers["south"], "city", "north")
    try:
        await north.publish("city", b"offer")
        await north.publish("city", b"offer")
        await south.publish("city", b"offer")
        assert sorted(await heard(city, 2)) == [("north", b"offer"), ("south", b"offer")]
        await city.publish("north", b"award")
        await south.publish("north", b"export")
        assert sorted(await heard(north, 2, refuse=1)) == [("city", b"award"), ("south", b"export")]
        # The hub dies. A child's own server goes on acknowledging, and what it took arrives when the hub is back.
        await city.close()
        servers["city"].stop()
        await north.publish("city", b"decision")
        await south.publish("north", b"export 2")
        servers["city"].start()
        city = await opened(servers["city"], "north", "south")
        assert await heard(city, 1) == [("north", b"decision")]
        assert await heard(north, 1) == [("south", b"export 2")]
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
    north = await opened(servers["north"], "city", "south")
    try:
        reading = asyncio.create_task(heard(city, 2))
        await north.publish("city", b"offer")
        await asyncio.sleep(2)
        await north.close()
        servers["north"].stop()
        rmtree(servers["north"].folder / "north")
        servers["north"].start()
        north = await opened(servers["north"], "city", "south")
        await north.publish("city", b"decision")
        assert await reading == [("north", b"offer"), ("north", b"decision")]
    finally:
        for each in (city, north):
            await each.close()


def test_neighbours_do_not_overhear_each_other(servers: dict[str, NatsServer]) -> None:
    asyncio.run(_overheard(servers))


async def _overheard(servers: dict[str, NatsServer]) -> None:
    city = await opened(servers["city"], "north", "south")
    north = await opened(servers["north"], "city", "south")
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
