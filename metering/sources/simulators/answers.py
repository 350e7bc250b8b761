"""How simulated meters answer whoever asks them; no I/O.

Each hears bytes as they come, keeps what is not yet a whole question, and says what the meter sends back.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol

from metering.checksums import crc16_modbus
from metering.iec62056.dialogue import ACK
from metering.iec62056.encoder import encode_identification
from metering.mbus.frame import ANY_ADDRESS
from metering.sunspec.modbus import EXCEPTION, ILLEGAL_ADDRESS, READ, REGISTERS_MAX, with_crc
from metering.sunspec.reader import BASES

_WAITING_MAX: Final = 64
_REQUEST: Final = re.compile(rb"/\?[0-9A-Za-z ]{0,32}!\r\n")


class Answers(Protocol):
    """One meter's way to answer."""

    def to(self, heard: bytes, telegram: Callable[[], bytes]) -> bytes:
        """Return what to send back for the bytes heard since the last call, nothing if they ask for nothing.

        Args:
            heard: What readers have sent.
            telegram: Makes the meter's telegram of this instant.
        """
        ...


class ReadoutAnswers:
    """IEC 62056-21 in mode C: an identification, and the readout once the speed is agreed on."""

    def __init__(self, over_tcp: bool) -> None:
        """Begin; the line makes no difference."""
        self._heard = bytearray()

    def to(self, heard: bytes, telegram: Callable[[], bytes]) -> bytes:
        """Return the identification or the readout."""
        self._heard += heard
        said = b""
        if request := _REQUEST.search(self._heard):
            del self._heard[: request.end()]
            said += encode_identification()
        if (confirmed := self._heard.find(bytes([ACK]))) >= 0 and self._heard.find(b"\r\n", confirmed) >= 0:
            self._heard.clear()
            said += telegram()
        del self._heard[:-_WAITING_MAX]
        return said


class MbusAnswers:
    """M-Bus: E5 to a reset, the long frame to a request for data."""

    def __init__(self, over_tcp: bool) -> None:
        """Begin; the line makes no difference."""
        self._heard = bytearray()

    def to(self, heard: bytes, telegram: Callable[[], bytes]) -> bytes:
        """Return the acknowledgement or the data."""
        self._heard += heard
        said = b""
        while len(self._heard) >= 5:
            start, control, address, checksum, stop = self._heard[:5]
            if (start, stop) != (0x10, 0x16) or control + address & 0xFF != checksum:
                del self._heard[:1]
                continue
            del self._heard[:5]
            if address not in (1, ANY_ADDRESS):
                continue
            said += b"\xe5" if control == 0x40 else telegram() if control & 0xDF == 0x5B else b""
        return said


class ModbusAnswers:
    """Modbus over TCP or on a serial line: the registers of an image from 40000 on, or an exception elsewhere."""

    def __init__(self, over_tcp: bool) -> None:
        """Begin.

        Args:
            over_tcp: Whether questions come with a transaction's number, or with a checksum.
        """
        self._over_tcp = over_tcp
        self._heard = bytearray()

    def to(self, heard: bytes, telegram: Callable[[], bytes]) -> bytes:
        """Return the answers to all whole questions."""
        self._heard += heard
        said = b""
        while question := self._question():
            said += self._answer(question, telegram())
        return said

    def _question(self) -> bytes:
        length = 12 if self._over_tcp else 8
        while len(self._heard) >= length:
            question = bytes(self._heard[:length])
            crc_is_right = crc16_modbus(question[:-2]) == int.from_bytes(question[-2:], "little")
            if question[2:6] == b"\x00\x00\x00\x06" if self._over_tcp else crc_is_right:
                del self._heard[:length]
                return question
            del self._heard[:1]
        return b""

    def _answer(self, question: bytes, image: bytes) -> bytes:
        unit_at = 6 if self._over_tcp else 0
        unit, function = question[unit_at : unit_at + 1], question[unit_at + 1]
        address = int.from_bytes(question[unit_at + 2 : unit_at + 4], "big") - BASES[0]
        count = int.from_bytes(question[unit_at + 4 : unit_at + 6], "big")
        registers = image[2 * address : 2 * (address + count)] if address >= 0 else b""
        if function != READ or not 0 < count <= REGISTERS_MAX or len(registers) != 2 * count:
            pdu = bytes([function | EXCEPTION, ILLEGAL_ADDRESS])
        else:
            pdu = bytes([READ, len(registers)]) + registers
        if not self._over_tcp:
            return with_crc(unit + pdu)
        return question[:4] + (len(pdu) + 1).to_bytes(2, "big") + unit + pdu
