"""Messages between real NATS servers on loopback: through leaf nodes, inside TLS, across a hub that dies."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from energy.errors import Unavailable
from node.interconnect.streams import FETCH_S, LinkStreams
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


def test_silent_stream_is_asked_for_anew_and_nothing_comes_twice(
    servers: dict[str, NatsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(_mended(servers, monkeypatch))


async def _mended(servers: dict[str, NatsServer], monkeypatch: pytest.MonkeyPatch) -> None:
    city = await opened(servers["city"], "north", "south")
    north = await opened(servers["north"], "city", "south")
    try:
        await north.publish("city", b"offer")
        assert await heard(city, 1) == [("north", b"offer")]
        await asyncio.sleep(FETCH_S + 0.5)  # or the next message goes to the fetch that was given up
        assert await city.mend() == ["south"], "nobody has ever opened it"
        monkeypatch.setattr("node.interconnect.streams.SILENT_NS", 0)
        assert sorted(await city.mend()) == ["north", "south"]
        await north.publish("city", b"decision")
        assert await heard(city, 1) == [("north", b"decision")]
    finally:
        for each in (city, north):
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
