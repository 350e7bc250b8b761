"""Meters that are not there, on lines that are: a pseudo-terminal or a TCP port, for tests and the demo."""

import asyncio
from collections.abc import Callable
from typing import Final

from metering.sources.simulators.kinds import Kind, Registers
from metering.sources.simulators.line import SimulatedLine
from metering.sources.simulators.mqtt import MqttAnswers

_POLL_S: Final = 0.02


class MeterSimulator:
    """One meter and its line."""

    def __init__(self, kind: Kind, line: SimulatedLine, serial: str = "") -> None:
        """Put a meter on a line.

        Args:
            kind: One of `KINDS`.
            line: Is closed with the meter.
            serial: In the form of the kind's own; that one if left out.
        """
        self.serial = serial or kind.serial
        self._kind = kind
        self._line = line
        self._answers = kind.answers(line.place.startswith("tcp://")) if kind.answers else None

    @property
    def source(self) -> str:
        """The meter's source as a community names it; an encrypted one's lacks its keys."""
        return f"{self._kind.protocol}:{self._line.place}"

    @property
    def is_encrypted(self) -> bool:
        """A reader needs its keys, `SIMULATED_KEYS`."""
        return self._kind.is_encrypted

    def telegram(self, shown: Registers) -> bytes:
        """Return what the meter sends, or answers after its identification; nothing is sent."""
        return self._kind.telegram(self.serial, shown)

    def emit(self, shown: Registers) -> None:
        """Send one telegram, unless the meter waits to be asked."""
        if isinstance(self._answers, MqttAnswers):
            self._line.send(self._answers.publish(self.telegram(shown)))
        elif not self._kind.asked:
            self._line.send(self.telegram(shown))

    def answer(self, shown: Registers) -> None:
        """Answer what readers have said since the last call."""
        heard = self._line.hear()
        if self._answers is not None and (said := self._answers.to(heard, lambda: self.telegram(shown))):
            self._line.send(said)

    async def run(self, registers: Callable[[], Registers], interval_s: int = 0) -> None:
        """Send and answer until cancelled.

        Args:
            registers: What the meter shows now.
            interval_s: How often it sends; as often as the real one if 0.
        """
        every_s = interval_s or self._kind.interval_s
        sent_at = -every_s
        while True:
            shown = registers()
            if shown.at - sent_at >= every_s:
                self.emit(shown)
                sent_at = shown.at
            self.answer(shown)
            await asyncio.sleep(_POLL_S)

    def close(self) -> None:
        """Pull the plug."""
        self._line.close()
