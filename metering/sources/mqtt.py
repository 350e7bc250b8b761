"""Samples from devices that publish over MQTT, through a broker.

A broker that cannot be reached, goes away or stays silent is reported once as COMM_LOST, and tried again after 1 s, 2 s
and so on up to 60 s, for ever. Retained messages are old, and dropped; but for units, which do not change.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import aiomqtt

from energy.results import Rejected
from metering.mqtt.bundle import Message, pack
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.stream import Counters, Patience, pause

USUAL_PATIENCE: Final = Patience(silence_ms_max=900_000)
"""A plug may speak every five minutes only."""
_UNIT: Final = "/unit_of_measurement"


class Collector(Protocol):
    """Finds the messages that make one sample together."""

    def take(self, topic: str, payload: bytes) -> list[Message] | None:
        """Return them, once a message completes them."""
        ...


@dataclass(frozen=True, slots=True)
class Broker:
    """Where messages come from."""

    host: str
    port: int
    topic: str
    """Filter of topics to subscribe to; may hold ``+`` and ``#``."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    """For a broker that is to prove who it is; None for one on this machine or in a closed network."""


class MqttSource:
    """Reads one topic, of one device or of several."""

    def __init__(
        self,
        broker: Broker,
        collector: Callable[[], Collector],
        decode: Callable[[bytes, int], RegisterSample | Rejected],
        trust: TrustClass,
        clock: Callable[[], int],
        *,
        patience: Patience = USUAL_PATIENCE,
    ) -> None:
        """Read a topic.

        Args:
            broker: Where.
            collector: Makes what puts messages together, anew for each connection.
            decode: From a bundle and the time of its arrival.
            trust: How far this is believed.
            clock: The node's clock, UTC epoch seconds.
            patience: How long the broker may be away.
        """
        self.trust = trust
        self.counters = Counters()
        self._broker = broker
        self._collector = collector
        self._decode = decode
        self._clock = clock
        self._patience = patience
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Leave the broker for good; `samples` ends."""
        self._closed.set()

    async def samples(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield a sample, or why there is none, for every bundle; COMM_LOST once per outage."""
        retry_ms, lost = self._patience.retry_ms_first, False
        while not self._closed.is_set():
            reason = "open"
            try:
                async for outcome in self._outcomes():
                    reason = "silence"
                    lost, retry_ms = False, self._patience.retry_ms_first
                    yield outcome
            except aiomqtt.MqttError:
                reason = "open" if reason == "open" else "read"
            if self._closed.is_set():
                return
            if not lost:
                lost = True
                self.counters.outages += 1
                yield Rejected(MeteringReject.COMM_LOST, {"reason": reason})
            await pause(self._closed, retry_ms)
            retry_ms = min(2 * retry_ms, self._patience.retry_ms_max)

    async def _outcomes(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield what the messages of one connection say, until it is closed or stays silent too long."""
        broker, collector = self._broker, self._collector()
        client = aiomqtt.Client(
            broker.host, broker.port, username=broker.user, password=broker.password, tls_context=broker.tls
        )
        async with client:
            await client.subscribe(broker.topic, qos=1)
            messages = aiter(client.messages)
            while (message := await self._next(messages)) is not None:
                topic, payload = str(message.topic), message.payload
                if not isinstance(payload, bytes) or b"\0" in payload or "\0" in topic:
                    continue
                if message.retain and not topic.endswith(_UNIT):
                    continue
                if (bundle := collector.take(topic, payload)) is not None:
                    yield self.counters.count(self._decode(pack(bundle), self._clock()))

    async def _next(self, messages: AsyncIterator[aiomqtt.Message]) -> aiomqtt.Message | None:
        """Return the next message; None when this source is closed, or the broker silent for too long."""
        waiting = asyncio.ensure_future(anext(messages))
        closing = asyncio.ensure_future(self._closed.wait())
        timeout_s = self._patience.silence_ms_max / 1000
        try:
            await asyncio.wait({waiting, closing}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else None
        finally:
            for task in (waiting, closing):
                task.cancel()
