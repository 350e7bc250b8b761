"""Modbus: reading holding registers, over TCP (MBAP) and over a serial line (RTU); no I/O.

Source: MODBUS Application Protocol Specification V1.1b3 §6.3; MODBUS over Serial Line V1.02 §2.5; MODBUS Messaging on
TCP/IP Implementation Guide V1.0b §3.1.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

from metering.checksums import crc16_modbus

REGISTERS_MAX: Final = 125
"""Most that one request may read."""
READ: Final = 0x03
EXCEPTION: Final = 0x80
ILLEGAL_ADDRESS: Final = 2

_MBAP_LEN: Final = 7
_WAITING_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class Request:
    """Asks a device for registers."""

    unit: int
    """The device's number, 0 to 255."""
    address: int
    """Of the first register, 0 to 65 535."""
    count: int
    """1 to `REGISTERS_MAX`."""

    @property
    def pdu(self) -> bytes:
        """The request without what carries it."""
        return bytes([READ]) + self.address.to_bytes(2, "big") + self.count.to_bytes(2, "big")


class Framing(Protocol):
    """How requests and answers are carried; remembers what it has asked last."""

    def ask(self, request: Request) -> bytes:
        """Return what to send for a request; what has come for the one before is dropped."""
        ...

    def hear(self, data: bytes) -> bytes | None:
        """Return the registers that answer the request, empty for a refusal; None while the answer has not all come."""
        ...


@dataclass(slots=True)
class TcpFraming:
    """With a transaction's number, so that a late answer to an earlier request is none."""

    _transaction: int = 0
    _request: Request | None = None
    _waiting: bytearray = field(default_factory=bytearray)

    def ask(self, request: Request) -> bytes:
        """Return what to send for a request."""
        self._transaction = self._transaction + 1 & 0xFFFF
        self._request = request
        self._waiting.clear()
        body = bytes([request.unit]) + request.pdu
        return self._transaction.to_bytes(2, "big") + b"\x00\x00" + len(body).to_bytes(2, "big") + body

    def hear(self, data: bytes) -> bytes | None:
        """Return the registers that answer, empty for a refusal; None while there is no answer."""
        self._waiting += data
        while self._request is not None and len(self._waiting) > _MBAP_LEN:
            end = _MBAP_LEN - 1 + int.from_bytes(self._waiting[4:6], "big")
            if self._waiting[2:4] != b"\x00\x00" or not _MBAP_LEN < end <= _WAITING_MAX:
                self._waiting.clear()
                return b""
            if len(self._waiting) < end:
                return None
            answer = bytes(self._waiting[:end])
            del self._waiting[:end]
            if int.from_bytes(answer[:2], "big") == self._transaction and answer[6] == self._request.unit:
                return _registers(answer[_MBAP_LEN:], self._request)
        return None


@dataclass(slots=True)
class RtuFraming:
    """With a CRC-16; an answer is known by its device, its function and its length."""

    _request: Request | None = None
    _waiting: bytearray = field(default_factory=bytearray)

    def ask(self, request: Request) -> bytes:
        """Return what to send for a request."""
        self._request = request
        self._waiting.clear()
        return with_crc(bytes([request.unit]) + request.pdu)

    def hear(self, data: bytes) -> bytes | None:
        """Return the registers that answer, empty for a refusal; None while there is no answer.

        An adapter may echo the request: whatever does not begin as an answer is passed over.
        """
        self._waiting += data
        while self._request is not None and len(self._waiting) >= 5:
            unit, function, count = self._waiting[:3]
            end = 5 if function == READ | EXCEPTION else 5 + count
            answers = function == READ | EXCEPTION or (function == READ and count == 2 * self._request.count)
            if unit != self._request.unit or not answers:
                del self._waiting[:1]
                continue
            if len(self._waiting) < end:
                return None
            answer = bytes(self._waiting[:end])
            if crc16_modbus(answer[:-2]) != int.from_bytes(answer[-2:], "little"):
                del self._waiting[:1]
                continue
            del self._waiting[:end]
            return _registers(answer[1:-2], self._request)
        return None


def with_crc(message: bytes) -> bytes:
    """Return a message of a serial line with its checksum."""
    return message + crc16_modbus(message).to_bytes(2, "little")


def _registers(pdu: bytes, request: Request) -> bytes:
    """Return the registers in an answer; none when it is a refusal, or answers something else."""
    if len(pdu) == 2 + 2 * request.count and pdu[0] == READ and pdu[1] == 2 * request.count:
        return pdu[2:]
    return b""
