"""Messages between communities over NATS JetStream: each has a server of its own, and the servers do the rest.

A community publishes to the stream ``OUT_<from>_<to>`` of its own server, one for each neighbour: it acknowledges also
while it is cut off. The neighbour's node reads it there, through the leaf nodes, by a durable consumer that knows how
far it has read, and that whoever keeps the stream has made. Keeping, retrying and catching up are the engine's; what is
published again is one message by its ``Nats-Msg-Id``. (Streams that source each other would keep a second copy, and one
that asks while the way is being cut may wait for its answer for ever: seen with server 2.9.)
Subjects: ``resilia.<from>.<to>``; and ``resilia.beat.<name>``, where a community answers whoever asks whether it is
there: that is never stored, so an answer shows that both directions are whole just now.
Refuses: a server that is not there, with Unavailable.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError

from energy.errors import Unavailable

CONNECT_S: Final = 5
AWAY_S: Final = 1
"""What is away is tried again after this."""
FETCH_S: Final = 10
"""A fetch waits so long for a message: it goes over the way, so the more often the dearer, and is lost with a cut."""
AGAIN_S: Final = 5
"""A message that may be right later comes again after this."""
KEPT_S: Final = 30 * 86_400
"""A cut may last so long before messages are lost; orders in them have long expired, runs and certificates have not."""
TWICE_S: Final = 3_600
TWICE_MESSAGES: Final = 256
"""So many deliveries are known again: a server may hand one over twice after a leaf's way was cut (seen with 2.9)."""
ACK_S: Final = 20
"""What is not acknowledged by then comes again: what was sent into a cut, or is still being taken, once more."""
SILENT_FETCHES: Final = 6
"""After so many without a message it is looked whether the neighbour still has the consumer."""
READER: Final = "node"
COPIES: Final = "IN_"
"""Earlier versions had their server copy what they read into a stream of this name and their own. It is deleted: its
messages are in the neighbours' streams, whose consumers begin at the start, and what comes once more is known."""
BEAT_S: Final = 5
"""An answer that takes longer is none."""

Take = Callable[[str, bytes], Awaitable[bool]]
"""Neighbour's name and bytes; returns whether it is done, and so acknowledged."""
Heard = Callable[[str], None]
"""Is told the name of a neighbour that was heard just now."""

LOST: Final = (NatsError, OSError)
"""What the client raises when its server is away."""


def stream_name(sender: str, reader: str) -> str:
    """Return the name of the stream that one community keeps for another, on its own server."""
    return f"OUT_{sender}_{reader}"


def inbox(name: str) -> str:
    """Return where a community's node gets answers: its server lets nobody else listen there."""
    return f"_INBOX.{name}"


class LinkStreams:
    """One community's way out and in. Make it with `open`."""

    def __init__(self, name: str, neighbours: Sequence[str], client: Client, context: JetStreamContext) -> None:
        self._name = name
        self._neighbours = sorted(neighbours)
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
            inbox_prefix=inbox(name),
            error_cb=_quiet,
        )
        try:
            # The client itself would try for ever, also with a key that the server does not know.
            client = await asyncio.wait_for(connecting, CONNECT_S)
            streams = cls(name, neighbours, client, client.jetstream())
            await streams._set_up()
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
        async with asyncio.TaskGroup() as group:
            for neighbour in self._neighbours:
                group.create_task(self._read_from(neighbour, take))

    async def _read_from(self, neighbour: str, take: Take) -> None:
        context = self._client.jetstream(domain=neighbour, timeout=CONNECT_S)
        stream, prefix = stream_name(neighbour, self._name), f"{inbox(self._name)}.".encode()
        while True:
            try:
                await context.consumer_info(stream, READER)
                subscription = await context.pull_subscribe_bind(READER, stream=stream, inbox_prefix=prefix)
            except LOST:
                # Its server, or the way there, is away; or it has not made its stream yet.
                await asyncio.sleep(AWAY_S)
                continue
            handed = deque[str](maxlen=TWICE_MESSAGES)
            try:
                while True:
                    for _ in range(SILENT_FETCHES):
                        await self._hand_over(neighbour, subscription, take, handed)
                    await context.consumer_info(stream, READER)
            except LOST:
                await asyncio.sleep(AWAY_S)
            finally:
                with suppress(*LOST):
                    await subscription.unsubscribe()

    async def _hand_over(
        self, neighbour: str, subscription: JetStreamContext.PullSubscription, take: Take, handed: deque[str]
    ) -> None:
        try:
            messages = await subscription.fetch(64, timeout=FETCH_S)
        except (TimeoutError, NatsTimeoutError):
            return
        for message in messages:
            if message.reply in handed:
                continue
            handed.append(message.reply)
            if await take(neighbour, message.data):
                await message.ack()
            else:
                await message.nak(delay=AGAIN_S)

    @property
    def is_connected(self) -> bool:
        """Whether the own server answers."""
        return self._client.is_connected

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

    async def _set_up(self) -> None:
        known = {each.config.name for each in await self._context.streams_info()}
        for neighbour in self._neighbours:
            config = StreamConfig(
                name=stream_name(self._name, neighbour),
                subjects=[f"resilia.{self._name}.{neighbour}"],
                max_age=KEPT_S,
                duplicate_window=TWICE_S,
            )
            if config.name in known:
                await self._context.update_stream(config)
            else:
                await self._context.add_stream(config)
            await self._let_read(stream_name(self._name, neighbour))
        if f"{COPIES}{self._name}" in known:
            await self._context.delete_stream(f"{COPIES}{self._name}")

    async def _let_read(self, stream: str) -> None:
        """Make the consumer by which a neighbour reads; one that is there keeps how far it has read."""
        config = ConsumerConfig(durable_name=READER, ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_S, max_ack_pending=256)
        with suppress(NotFoundError):
            found = (await self._context.consumer_info(stream, READER)).config
            if found.deliver_subject is not None or found.ack_policy != config.ack_policy:
                await self._context.delete_consumer(stream, READER)  # a reader's own, who may not choose where to
        await self._context.add_consumer(stream, config)


async def _quiet(error: Exception) -> None:
    """Errors of the connection show in `is_connected`; the client tries again by itself."""
