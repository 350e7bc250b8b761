"""Frames that a gateway has signed on arrival with P-256, in a TPM or a secure element. Units: UTC epoch seconds.

An envelope is ``RGE1``, the length of all that follows (4 bytes), when the frame arrived at the gateway (8), a counter
that never goes back (8), the length and the name of the meter's protocol, the frame, the gateway's key as a compressed
point (33), r and s (32 each) over SHA-256 of everything before them. Numbers have their high byte first.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from energy.results import Rejected
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.signed.device_key import POINT_LEN, SIGNATURE_LEN, is_signed_p256, read_point, signed_serial

MAGIC: Final = b"RGE1"
ENVELOPE_LEN_MAX: Final = 16_384

_HEAD_LEN: Final = 8
_NAME_AT: Final = 24
_TAIL_LEN: Final = POINT_LEN + SIGNATURE_LEN

Decode = Callable[[bytes, int], RegisterSample | Rejected]


class EnvelopeSplitter:
    """Cuts a stream of bytes, in pieces of any size, into envelopes."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the envelopes that these bytes complete; what cannot begin one is dropped."""
        self._waiting += data
        envelopes: list[bytes] = []
        waiting = self._waiting
        while (start := waiting.find(MAGIC)) >= 0:
            del waiting[:start]
            if len(waiting) < _HEAD_LEN:
                return envelopes
            end = _HEAD_LEN + int.from_bytes(waiting[4:8], "big")
            if end > ENVELOPE_LEN_MAX:
                del waiting[:1]
                continue
            if len(waiting) < end:
                return envelopes
            envelopes.append(bytes(waiting[:end]))
            del waiting[:end]
        del waiting[: max(0, len(waiting) - len(MAGIC) + 1)]
        return envelopes


def decode_envelope(envelope: bytes, received_at: int, name: str, decode: Decode) -> RegisterSample | Rejected:
    """Return the registers in a frame, if the gateway has signed it.

    Args:
        envelope: From its magic to the signature.
        received_at: When it arrived here.
        name: The meter's protocol.
        decode: Its decoder; is given the time of arrival at the gateway.
    """
    name_end = _NAME_AT + 1 + (envelope[_NAME_AT] if len(envelope) > _NAME_AT else 0)
    frame_end = len(envelope) - _TAIL_LEN
    well_formed = envelope.startswith(MAGIC) and _HEAD_LEN + int.from_bytes(envelope[4:8], "big") == len(envelope)
    if not well_formed or not name_end <= frame_end or len(envelope) > ENVELOPE_LEN_MAX:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(envelope)})
    key = read_point(envelope[frame_end : frame_end + POINT_LEN])
    if key is None or not is_signed_p256(key, envelope[:-SIGNATURE_LEN], envelope[-SIGNATURE_LEN:]):
        return Rejected(MeteringReject.SIGNATURE, {"label": "envelope"})
    if envelope[_NAME_AT + 1 : name_end] != name.encode("ascii"):
        return Rejected(MeteringReject.UNKNOWN_LABEL, {"label": "protocol"})
    sample = decode(envelope[name_end:frame_end], int.from_bytes(envelope[8:16], "big"))
    if isinstance(sample, Rejected):
        return sample
    return replace(sample, serial=signed_serial(sample.serial, key), received_at=received_at, raw=envelope)


def unsigned_envelope(name: str, frame: bytes, arrived_at: int, counter: int, point: bytes) -> bytes:
    """Return what a gateway signs: an envelope but for its signature."""
    body = arrived_at.to_bytes(8, "big") + counter.to_bytes(8, "big") + bytes([len(name)]) + name.encode("ascii")
    body += frame + point
    return MAGIC + (len(body) + SIGNATURE_LEN).to_bytes(4, "big") + body
