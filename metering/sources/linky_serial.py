"""Samples from a Linky's customer output on a serial line or a pseudo-terminal, 7E1, without threads.

A line that cannot be opened, breaks or stays silent is reported once as COMM_LOST, and opened again after 1 s, 2 s, 4 s
and so on up to 60 s, for ever. Only good frames end an outage: noise on a line proves no meter.
"""

import asyncio
import os
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import serial

from energy.errors import Unavailable
from energy.results import Rejected
from metering.linky.decoder import historique_sample, standard_sample
from metering.linky.frame import FrameSplitter, read_groups
from metering.linky.labels import HISTORIQUE, STANDARD, Dialect
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

_READ_LEN_MAX: Final = 4096
_INPUT_MODES: Final = 0
"""Place of the input modes among a terminal's attributes."""


@dataclass(frozen=True, slots=True)
class LinePatience:
    """How long a line may be away, in milliseconds."""

    silence_ms_max: int = 30_000
    """Without a good frame for this long, the line is lost."""
    retry_ms_first: int = 1_000
    """First wait before the line is opened again; doubled each time."""
    retry_ms_max: int = 60_000


@dataclass(slots=True)
class LineCounters:
    """What came over a line since the source was made; a rising share of bad groups means wiring or tampering."""

    frames_good: int = 0
    frames_bad: int = 0
    groups_good: int = 0
    groups_bad: int = 0
    outages: int = 0


class LinkySerial:
    """Reads one meter."""

    def __init__(
        self,
        device: str,
        clock: Callable[[], int],
        *,
        dialect: Dialect = STANDARD,
        patience: LinePatience | None = None,
    ) -> None:
        """Read a line.

        Args:
            device: Path of the serial line or pseudo-terminal.
            clock: The node's clock, UTC epoch seconds: when a frame arrived.
            dialect: The mode that the meter is in; decides the speed of the line.
            patience: None for the usual.
        """
        self.counters = LineCounters()
        self._device = device
        self._clock = clock
        self._dialect = dialect
        self._patience = patience or LinePatience()
        self._port: serial.Serial | None = None
        self._splitter = FrameSplitter()
        self._lost = False
        self._listening: asyncio.AbstractEventLoop | None = None
        self._stirred = asyncio.Event()
        self._closed = asyncio.Event()

    @property
    def trust(self) -> TrustClass:
        """B in mode standard; C in mode historique, which has neither clock nor status."""
        return TrustClass.B if self._dialect is STANDARD else TrustClass.C

    def open(self) -> None:
        """Open the line now; what is sent before is not heard. `samples` does it by itself.

        Raises:
            Unavailable: there is no such line, or it is in use.
        """
        if self._port is not None:
            return
        try:
            self._port = serial.Serial(
                self._device,
                self._dialect.baud,
                bytesize=serial.SEVENBITS,
                parity=serial.PARITY_EVEN,
                stopbits=serial.STOPBITS_ONE,
                timeout=0,
                exclusive=True,
            )
            _check_parity(self._port.fileno())
        except (OSError, ValueError, termios.error) as error:
            self._drop_port()
            raise Unavailable(f"the meter's line cannot be opened: {error}") from error
        self._splitter = FrameSplitter()

    def close(self) -> None:
        """Let go of the line for good; called from the loop that runs `samples`, if one does."""
        self._closed.set()
        self._stirred.set()
        self._drop_port()

    async def samples(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield a sample, or why there is none, for every frame; COMM_LOST once per outage."""
        retry_ms = self._patience.retry_ms_first
        while not self._closed.is_set():
            try:
                self.open()
                reason = "silence"
                async for outcome in self._frames():
                    if isinstance(outcome, RegisterSample):
                        self._lost = False
                        retry_ms = self._patience.retry_ms_first
                    yield outcome
            except Unavailable:
                reason = "open"
            except OSError:
                reason = "read"
            if self._closed.is_set():
                return
            self._drop_port()
            if not self._lost:
                self._lost = True
                self.counters.outages += 1
                yield Rejected(MeteringReject.COMM_LOST, {"reason": reason})
            await self._pause(retry_ms)
            retry_ms = min(2 * retry_ms, self._patience.retry_ms_max)

    async def _frames(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield what the frames of the open line say, until it is closed or stays silent too long."""
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        while self._port is not None:
            remaining_s = heard_at + self._patience.silence_ms_max / 1000 - loop.time()
            if not await self._stirs(self._port, remaining_s):
                return
            for outcome in self._read():
                handed_over_at = loop.time()
                if isinstance(outcome, RegisterSample):
                    heard_at = handed_over_at
                yield outcome
                # The time that the caller takes over an outcome is no silence of the line.
                heard_at += loop.time() - handed_over_at

    async def _stirs(self, port: serial.Serial, timeout_s: float) -> bool:
        """Wait until the line has something to read or is closed; False when the time is up first."""
        self._stirred.clear()
        self._listening = asyncio.get_running_loop()
        self._listening.add_reader(port.fileno(), self._stirred.set)
        try:
            await asyncio.wait_for(self._stirred.wait(), max(0, timeout_s))
        except TimeoutError:
            return self._stirred.is_set()
        finally:
            self._stop_listening()
        return True

    def _stop_listening(self) -> None:
        if self._listening is not None and self._port is not None:
            self._listening.remove_reader(self._port.fileno())
        self._listening = None

    def _read(self) -> Iterator[RegisterSample | Rejected]:
        if self._port is None:
            return
        try:
            data = os.read(self._port.fileno(), _READ_LEN_MAX)
        except BlockingIOError:
            return
        if not data:
            raise OSError("the line was hung up")
        for frame in self._splitter.feed(data):
            yield self._decode(frame)

    def _decode(self, frame: bytes) -> RegisterSample | Rejected:
        groups = read_groups(frame, self._dialect)
        if isinstance(groups, Rejected):
            self.counters.frames_bad += 1
            return groups
        self.counters.groups_good += len(groups.good)
        self.counters.groups_bad += len(groups.bad)
        sample_of = historique_sample if self._dialect is HISTORIQUE else standard_sample
        outcome = sample_of(groups, self._clock())
        if isinstance(outcome, Rejected):
            self.counters.frames_bad += 1
        else:
            self.counters.frames_good += 1
        return outcome

    async def _pause(self, duration_ms: int) -> None:
        try:
            await asyncio.wait_for(self._closed.wait(), duration_ms / 1000)
        except TimeoutError:
            return

    def _drop_port(self) -> None:
        if self._port is None:
            return
        # Before the descriptor is closed: its number may be another file's a moment later.
        self._stop_listening()
        self._port.close()
        self._port = None


def _check_parity(descriptor: int) -> None:
    """Let the line's driver replace a character of wrong parity by NUL, which no group may hold."""
    attributes = termios.tcgetattr(descriptor)
    attributes[_INPUT_MODES] |= termios.INPCK
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
