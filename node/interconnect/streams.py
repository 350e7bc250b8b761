"""Messages between communities over NATS JetStream: each has a server of its own, and the servers do the rest.

A community publishes to the stream ``OUT_<from>_<to>`` of its own server, one for each neighbour: it acknowledges also
while it is cut off. It reads from ``IN_<to>``, which sources the neighbours' streams through the leaf nodes. Keeping,
retrying and catching up are the engine's; what is published again is one message by its ``Nats-Msg-Id``.
Subjects: ``resilia.<from>.<to>``; and ``resilia.beat.<name>``, where a community answers whoever asks whether it is
there: that is never stored, so an answer shows that both directions are whole just now.
Refuses: a server that is not there, with Unavailable.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ExternalStream, StreamConfig, StreamSource

from energy.errors import Unavailable

CONNECT_S: Final = 5
FETCH_S: Final = 1
AGAIN_S: Final = 5
"""A message that may be right later comes again after this."""
KEPT_S: Final = 30 * 86_400
"""A cut may last so long before messages are lost; orders in them have long expired, runs and certificates have not."""
TWICE_S: Final = 3_600
SILENT_NS: Final = 45 * 10**9
"""A source that is whole tells something at least so often."""
BEAT_S: Final = 5
"""An answer that takes longer is none."""

Take = Callable[[str, bytes], Awaitable[bool]]
"""Neighbour's name and bytes; returns whether it is done, and so acknowledged."""
Heard = Callable[[str], None]
"""Is told the name of a neighbour that was heard just now."""

LOST: Final = (NatsError, OSError)
"""What the client raises when its server is away."""


class LinkStreams:
    """One community's two streams. Make it with `open`."""

    def __init__(self, name: str, client: Client, context: JetStreamContext) -> None:
        self._name = name
        self._client = client
        self._context = context

    @classmethod
    async def open(cls, server: str, name: str, neighbours: Sequence[str], seed: str = "") -> "LinkStreams":
        """Connect to the community's own server and set its streams up.

        Args:
            server: URL of the own server.
            name: The community's name, and its server's JetStream domain.
            neighbours: Names of everybody it hears.
            seed: nkey seed, or empty.
        """
        connecting = nats.connect(
            server,
            nkeys_seed_str=seed or None,
            connect_timeout=CONNECT_S,
            max_reconnect_attempts=-1,
            error_cb=_quiet,
        )
        try:
            # The client itself would try for ever, also with a key that the server does not know.
            client = await asyncio.wait_for(connecting, CONNECT_S)
            streams = cls(name, client, client.jetstream())
            await streams._set_up(neighbours)
        except TimeoutError:
            raise Unavailable(f"no NATS server at {server} lets this node in") from None
        except LOST as error:
            raise Unavailable(f"the NATS server at {server} can not be used: {error}") from error
        return streams

    async def publish(self, to: str, data: bytes) -> None:
        """Put a message into the own stream; returns when it is on the own server's disk.

        Raises:
            Unavailable: the own server is away.
        """
        name = sha256(f"{self._name} {to} ".encode() + data).hexdigest()
        try:
            await self._context.publish(f"resilia.{self._name}.{to}", data, headers={"Nats-Msg-Id": name})
        except LOST as error:
            raise Unavailable(f"the own NATS server does not take a message: {error}") from error

    async def answer(self, heard: Heard) -> None:
        """Answer, from now on, neighbours that ask whether this community is there."""

        async def reply(message: Msg) -> None:
            heard(message.data.decode("ascii", "replace"))
            await message.respond(b"")

        await self._client.subscribe(f"resilia.beat.{self._name}", cb=reply)

    async def ask(self, neighbour: str) -> bool:
        """Say whether a neighbour answers at once."""
        try:
            await self._client.request(f"resilia.beat.{neighbour}", self._name.encode(), timeout=BEAT_S)
        except (TimeoutError, *LOST):
            return False
        return True

    async def read(self, take: Take) -> None:
        """Hand over message after message, for ever; each is acknowledged when it is done, and comes again if not."""
        config = ConsumerConfig(ack_wait=60, max_ack_pending=256)
        subscription = await self._context.pull_subscribe("", durable="node", stream=f"IN_{self._name}", config=config)
        while True:
            try:
                messages = await subscription.fetch(64, timeout=FETCH_S)
            except (TimeoutError, NatsTimeoutError):
                continue
            except LOST:
                await asyncio.sleep(FETCH_S)
                continue
            for message in messages:
                sender = message.subject.split(".")[1]
                if await take(sender, message.data):
                    await message.ack()
                else:
                    await message.nak(delay=AGAIN_S)

    async def mend(self) -> list[str]:
        """Ask neighbours anew whose streams have been silent for long, also without beats; return their names.

        A server that asked while the way was being cut may wait for its answer for ever (2.9).
        """
        name = f"IN_{self._name}"
        try:
            info = await self._context.stream_info(name)
            quiet = [each.name for each in info.sources or () if not 0 <= (each.active or -1) <= SILENT_NS]
            if quiet:
                sources = info.config.sources or []
                there = [each for each in sources if each.name not in quiet]
                await self._context.update_stream(info.config.evolve(sources=there))
                await self._context.update_stream(info.config.evolve(sources=sources))
        except (TimeoutError, NatsTimeoutError, *LOST):
            return []
        return [each.split("_")[1] for each in quiet]

    @property
    def is_connected(self) -> bool:
        """Whether the own server answers."""
        return self._client.is_connected

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

    async def _set_up(self, neighbours: Sequence[str]) -> None:
        outgoing = [
            StreamConfig(
                name=f"OUT_{self._name}_{neighbour}",
                subjects=[f"resilia.{self._name}.{neighbour}"],
                max_age=KEPT_S,
                duplicate_window=TWICE_S,
            )
            for neighbour in sorted(neighbours)
        ]
        sources = [
            StreamSource(
                name=f"OUT_{neighbour}_{self._name}",
                filter_subject=f"resilia.{neighbour}.{self._name}",
                external=ExternalStream(api=f"$JS.{neighbour}.API", deliver=f"resilia.deliver.{neighbour}"),
            )
            for neighbour in sorted(neighbours)
        ]
        known = {each.config.name for each in await self._context.streams_info()}
        for config in (*outgoing, StreamConfig(name=f"IN_{self._name}", sources=sources, max_age=KEPT_S)):
            if config.name in known:
                await self._context.update_stream(config)
            else:
                await self._context.add_stream(config)


async def _quiet(error: Exception) -> None:
    """Errors of the connection show in `is_connected`; the client tries again by itself."""
