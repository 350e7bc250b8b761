"""Samples from any meter that sends telegrams over a wire, unasked or asked. Without threads.

A wire that cannot be opened, breaks or stays silent is reported once as COMM_LOST, and opened again after 1 s, 2 s, 4 s
and so on up to 60 s, for ever. Only good telegrams end an outage: noise on a line proves no meter.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from energy.errors import Unavailable
from energy.results import Rejected
from metering.iec62056.dialogue import Step, Switch
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.wires import Place, Wire

_READ_LEN_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a line may be away, in milliseconds."""

    silence_ms_max: int = 30_000
    """Without a good telegram for this long, the line is lost."""
    retry_ms_first: int = 1_000
    """First wait before the line is opened again; doubled each time."""
    retry_ms_max: int = 60_000


@dataclass(slots=True)
class Counters:
    """What came over a line since the source was made; a rising share of bad ones means wiring or tampering."""

    frames_good: int = 0
    frames_bad: int = 0
    outages: int = 0

    def count(self, outcome: RegisterSample | Rejected) -> RegisterSample | Rejected:
        """Count what a frame gave, and return it."""
        if _shows_life(outcome):
            self.frames_good += 1
        else:
            self.frames_bad += 1
        return outcome


class Splitter(Protocol):
    """Cuts a stream of bytes into telegrams."""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the telegrams that these bytes complete."""
        ...


class Dialogue(Protocol):
    """How a meter is asked."""

    def begin(self) -> Sequence[Step]:
        """Return what asks for its registers once more."""
        ...

    def hear(self, data: bytes) -> Sequence[Step]:
        """Return what the meter's bytes are to be answered with."""
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How the bytes of a wire become samples."""

    splitter: Callable[[], Splitter]
    """Makes one for each time that the wire is opened."""
    decode: Callable[[bytes, int], RegisterSample | Rejected]
    """From a telegram and the time of its arrival."""
    trust: TrustClass
    dialogue: Dialogue | None = None
    """For a meter that wants to be asked."""
    ask_interval_ms: int = 30_000
    """How often it is asked, > 0."""


class StreamSource:
    """Reads one wire."""

    def __init__(
        self, place: Place, manner: Manner, clock: Callable[[], int], *, patience: Patience | None = None
    ) -> None:
        """Read a wire.

        Args:
            place: Where the meter is.
            manner: How it speaks.
            clock: The node's clock, UTC epoch seconds: when a telegram arrived.
            patience: None for the usual.
        """
        self.counters = Counters()
        self._place = place
        self._manner = manner
        self._clock = clock
        self._patience = patience or Patience(silence_ms_max=4 * manner.ask_interval_ms)
        self._wire: Wire | None = None
        self._splitter = manner.splitter()
        self._lost = False
        self._closed = asyncio.Event()
        self._stirred = asyncio.Event()

    @property
    def trust(self) -> TrustClass:
        """How far what comes this way can be believed."""
        return self._manner.trust

    async def open(self) -> None:
        """Open the wire now; what is sent before is not heard. `samples` does it by itself.

        Raises:
            Unavailable: there is nothing, or it is in use.
        """
        if self._wire is None:
            self._wire = await self._place.open()
            self._splitter = self._manner.splitter()

    def close(self) -> None:
        """Let go of the wire for good; called from the loop that runs `samples`, if one does."""
        self._closed.set()
        self._stirred.set()
        self._drop_wire()

    async def samples(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield a sample, or why there is none, for every telegram; COMM_LOST once per outage."""
        retry_ms = self._patience.retry_ms_first
        while not self._closed.is_set():
            try:
                await self.open()
                reason = "silence"
                async for outcome in self._outcomes():
                    if _shows_life(outcome):
                        self._lost = False
                        retry_ms = self._patience.retry_ms_first
                    yield outcome
            except Unavailable:
                reason = "open"
            except OSError:
                reason = "read"
            if self._closed.is_set():
                self._drop_wire()
                return
            self._drop_wire()
            if not self._lost:
                self._lost = True
                self.counters.outages += 1
                yield Rejected(MeteringReject.COMM_LOST, {"reason": reason})
            await pause(self._closed, retry_ms)
            retry_ms = min(2 * retry_ms, self._patience.retry_ms_max)

    async def _outcomes(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield what the telegrams of the open wire say, until it is closed or stays silent too long."""
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        ask_at = heard_at
        dialogue = self._manner.dialogue
        while (wire := self._wire) is not None:
            now = loop.time()
            if dialogue is not None and now >= ask_at:
                await _take(dialogue.begin(), wire)
                ask_at = now + self._manner.ask_interval_ms / 1000
            silent_at = heard_at + self._patience.silence_ms_max / 1000
            until = silent_at if dialogue is None else min(silent_at, ask_at)
            if not await self._stirs(wire, until - loop.time()):
                if loop.time() >= silent_at:
                    return
                continue
            data = self._read(wire)
            if dialogue is not None and data:
                await _take(dialogue.hear(data), wire)
            for frame in self._splitter.feed(data):
                handed_over_at = loop.time()
                outcome = self._decode(frame)
                if _shows_life(outcome):
                    heard_at = handed_over_at
                yield outcome
                # The time that the caller takes over an outcome is no silence of the wire.
                heard_at += loop.time() - handed_over_at

    async def _stirs(self, wire: Wire, timeout_s: float) -> bool:
        """Wait until the wire has something to read or is closed; False when the time is up first."""
        self._stirred.clear()
        if self._closed.is_set():
            return True
        loop = asyncio.get_running_loop()
        descriptor = wire.fileno()
        loop.add_reader(descriptor, self._stirred.set)
        try:
            await asyncio.wait_for(self._stirred.wait(), max(0, timeout_s))
        except TimeoutError:
            return self._stirred.is_set()
        finally:
            if self._wire is wire:
                loop.remove_reader(descriptor)
        return True

    def _read(self, wire: Wire) -> bytes:
        if self._wire is None:
            return b""
        try:
            data = os.read(wire.fileno(), _READ_LEN_MAX)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("the line was hung up")
        return data

    def _decode(self, frame: bytes) -> RegisterSample | Rejected:
        return self.counters.count(self._manner.decode(frame, self._clock()))

    def _drop_wire(self) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        with suppress(RuntimeError):  # no loop runs any more, so none listens
            # Before the descriptor is closed: its number may be another file's a moment later.
            asyncio.get_running_loop().remove_reader(wire.fileno())
        wire.close()


async def pause(closed: asyncio.Event, duration_ms: int) -> None:
    """Wait, at most until a source is closed."""
    with suppress(TimeoutError):
        await asyncio.wait_for(closed.wait(), duration_ms / 1000)


def _shows_life(outcome: RegisterSample | Rejected) -> bool:
    """Say whether a meter has spoken, be it without its registers."""
    return isinstance(outcome, RegisterSample) or outcome.code == MeteringReject.NO_INDEX


async def _take(steps: Sequence[Step], wire: Wire) -> None:
    for step in steps:
        if isinstance(step, Switch):
            await wire.switch(step.baud)
        else:
            wire.send(step)
