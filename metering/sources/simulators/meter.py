"""Meters that are not there: real telegrams of every protocol over a pseudo-terminal or TCP, for tests and the demo.

The same values give the same bytes. Units: Wh, W, UTC epoch seconds.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from metering.dsmr.cipher import P1Keys, seal
from metering.dsmr.encoder import DIALECTS, Dialect, encode_p1
from metering.iec62056.dialogue import ACK
from metering.iec62056.encoder import encode_block, encode_identification, encode_push
from metering.linky.encoder import encode_standard
from metering.sml.encoder import encode_sml
from metering.sources.simulators.line import SimulatedLine

SIMULATED_KEYS: Final = P1Keys(bytes(range(16)), bytes.fromhex("00112233445566778899AABBCCDDEEFF"))
"""Keys of every simulated encrypted meter."""

_SYSTEM_TITLE: Final = b"SIM\x00\x00\x00\x00\x01"
_RUNNING_SINCE: Final = 1_577_836_800
_REQUEST: Final = re.compile(rb"/\?[0-9A-Za-z ]{0,32}!\r\n")
_WAITING_MAX: Final = 64
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Registers:
    """What a meter shows at one instant."""

    at: int
    import_index_wh: int
    export_index_wh: int
    power_w: int = 0
    """Drawn > 0, fed in < 0."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of meter."""

    protocol: str
    """By which it is read: a name in `metering.protocols`."""
    serial: str
    """Number that its telegrams show, or that stands for it where they show none."""
    telegram: Callable[[str, Registers], bytes]
    """From a serial number and registers; for a meter that is asked, its answer after the identification."""
    interval_s: int
    """How often the real one sends."""
    asked: bool = False


def _p1(dialect: Dialect) -> Callable[[str, Registers], bytes]:
    def telegram(serial: str, shown: Registers) -> bytes:
        return encode_p1(
            serial, shown.at, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w, dialect=dialect
        )

    return telegram


def _linky(serial: str, shown: Registers) -> bytes:
    return encode_standard(
        serial,
        shown.at,
        shown.import_index_wh,
        shown.export_index_wh,
        apparent_import_va=max(shown.power_w, 0),
        apparent_export_va=max(-shown.power_w, 0),
    )


def _sealed(serial: str, shown: Registers) -> bytes:
    telegram = _p1(DIALECTS["lu"])(serial, shown)
    # A second is a counter that never comes twice.
    return seal(telegram, SIMULATED_KEYS, _SYSTEM_TITLE, shown.at & 0xFFFFFFFF)


def _sml(serial: str, shown: Registers) -> bytes:
    running_s = max(0, shown.at - _RUNNING_SINCE) & 0xFFFFFFFF
    return encode_sml(
        bytes.fromhex(serial), running_s, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w
    )


def _block(serial: str, shown: Registers) -> bytes:
    return encode_block(serial, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w)


def _push(serial: str, shown: Registers) -> bytes:
    return encode_push(serial, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w)


KINDS: Final[Mapping[str, Kind]] = {
    "linky": Kind("linky", "041876097482", _linky, 2),
    "dsmr": Kind("dsmr", "K8EG004046395507", _p1(DIALECTS["v5"]), 1),
    "dsmr-v4": Kind("dsmr", "K8EG004046395507", _p1(DIALECTS["v4"]), 10),
    "dsmr-v3": Kind("dsmr-v3", "K8EG004046395507", _p1(DIALECTS["v2"]), 10),
    "dsmr-be": Kind("dsmr", "1SAG3105692143", _p1(DIALECTS["be"]), 1),
    "dsmr-hu": Kind("dsmr", "SAG7308220000160", _p1(DIALECTS["hu"]), 10),
    "dsmr-at": Kind("dsmr", DIALECTS["at"].header, _p1(DIALECTS["at"]), 5),
    "dsmr-se": Kind("dsmr", DIALECTS["se"].header, _p1(DIALECTS["se"]), 10),
    "dsmr-ie": Kind("dsmr-ie", "ISK0009610", _p1(DIALECTS["ie"]), 5),
    "dsmr-encrypted": Kind("dsmr-encrypted", "SAG1030700050000", _sealed, 10),
    "sml": Kind("sml", "0A01454D480000CACF7E", _sml, 1),
    "iec62056": Kind("iec62056", "27022272", _block, 0, asked=True),
    "iec62056-d": Kind("iec62056-d", "0272031312565", _push, 2),
}
"""By name, as `resilia meter simulate` takes it."""


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
        self._heard = bytearray()

    @property
    def source(self) -> str:
        """The meter's source as a community names it; an encrypted one's lacks its keys."""
        return f"{self._kind.protocol}:{self._line.place}"

    def telegram(self, shown: Registers) -> bytes:
        """Return what the meter sends, or answers after its identification; nothing is sent."""
        return self._kind.telegram(self.serial, shown)

    def emit(self, shown: Registers) -> None:
        """Send one telegram, unless the meter waits to be asked."""
        if not self._kind.asked:
            self._line.send(self.telegram(shown))

    def answer(self, shown: Registers) -> None:
        """Answer what readers have said since the last call."""
        self._heard += self._line.hear()
        if not self._kind.asked:
            self._heard.clear()
            return
        if request := _REQUEST.search(self._heard):
            del self._heard[: request.end()]
            self._line.send(encode_identification())
        if (confirmed := self._heard.find(bytes([ACK]))) >= 0 and self._heard.find(b"\r\n", confirmed) >= 0:
            self._heard.clear()
            self._line.send(self.telegram(shown))
        del self._heard[:-_WAITING_MAX]

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
