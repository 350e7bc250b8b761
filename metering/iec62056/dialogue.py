"""How a reader asks an IEC 62056-21 meter for its registers, and agrees on the speed; no I/O, no clock.

The reader asks at 300 baud. The fifth character of the meter's answer is its best speed, and by its kind the mode:
a digit is mode C (the reader confirms the speed, and both switch), a letter up to F mode B (both switch at once),
anything else mode A (nobody switches). Source: IEC 62056-21:2002 §6.3.2, §6.4.
"""

import re
from dataclasses import dataclass
from typing import Final

FIRST_BAUD: Final = 300
ACK: Final = 0x06

_MODE_C: Final = {ord("0") + i: 300 << i for i in range(7)}
_MODE_B: Final = {ord("A") + i: 600 << i for i in range(6)}
_ANSWER: Final = re.compile(rb"/[A-Za-z]{3}([!-~])[ -~]{0,32}\r?\n")
_WAITING_MAX: Final = 64
_ADDRESS: Final = re.compile(r"[0-9A-Za-z ]{0,32}")


@dataclass(frozen=True, slots=True)
class Switch:
    """Go on at another speed, once everything said has left."""

    baud: int


Step = bytes | Switch
"""Bytes are to be sent, at the speed so far."""


class Dialogue:
    """The reader's part of one readout after the other."""

    def __init__(self, address: str = "") -> None:
        """Speak to a meter.

        Args:
            address: The meter's own, where several share a line; none for whichever is there.
        """
        if not _ADDRESS.fullmatch(address):
            raise ValueError("a meter's address has up to 32 letters and digits")
        self._request = f"/?{address}!\r\n".encode("ascii")
        self._waiting: bytearray | None = None

    def begin(self) -> list[Step]:
        """Return what asks for a readout."""
        self._waiting = bytearray()
        return [Switch(FIRST_BAUD), self._request]

    def hear(self, data: bytes) -> list[Step]:
        """Return what the meter's bytes are to be answered with, if its answer is complete.

        Our own request, which an optical head may echo, is no answer.
        """
        if self._waiting is None:
            return []
        self._waiting += data
        answer = _ANSWER.search(self._waiting)
        if answer is None:
            del self._waiting[:-_WAITING_MAX]
            return []
        self._waiting = None
        letter = answer[1][0]
        if letter in _MODE_C:
            return [bytes([ACK, ord("0"), letter, ord("0")]) + b"\r\n", Switch(_MODE_C[letter])]
        return [Switch(_MODE_B[letter])] if letter in _MODE_B else []
