"""Encrypted P1 telegrams of Luxembourg and Austria: general-glo-ciphering around telegrams of `metering.dsmr.decoder`.

A frame is ``DB 08``, the system title (8 bytes), a length, ``30``, the frame counter (4), ciphertext, tag (12):
AES-128-GCM with the title and counter as nonce, and ``30`` and the authentication key as additional data. A key is
secret between meter and customer, so a frame proves nothing to others: kept for disputes is the telegram inside.
Source: DLMS UA Green Book 8 §9.2.7.2; Luxmetering "Smarty P1" v1.1.3.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, GCM

from energy.results import Rejected
from metering.iec62056.frame import TELEGRAM_LEN_MAX
from metering.rejections import MeteringReject

KEY_LEN: Final = 16
SYSTEM_TITLE_LEN: Final = 8
TAG_LEN: Final = 12
SECURITY: Final = 0x30
"""Security control: authenticated and encrypted, with the unicast key; suite 1's low bit may be set."""
ENCRYPTED_ONLY: Final = 0x20
"""Security control of Austrian pushes: nothing but the frame's checksum protects what is encrypted."""

_START: Final = b"\xdb\x08"
_COUNTER_LEN: Final = 4
_AUTHENTICATED: Final = 0x10
_SUITE: Final = 0x01
_FIRST_BLOCK: Final = b"\x00\x00\x00\x02"
"""Of GCM's key stream, after the nonce."""
_LENGTH_AT: Final = len(_START) + SYSTEM_TITLE_LEN
_LENGTHS: Final = {0x81: 1, 0x82: 2}
"""Bytes of a length that does not fit its first byte."""


@dataclass(frozen=True, slots=True)
class P1Keys:
    """What the grid operator gives the customer for one meter."""

    encryption: bytes = field(repr=False)
    """16 bytes."""
    authentication: bytes = field(repr=False, default=bytes(KEY_LEN))
    """16 bytes; the same for all meters of a country. Left out where nothing is authenticated."""

    def __post_init__(self) -> None:
        if len(self.encryption) != KEY_LEN or len(self.authentication) != KEY_LEN:
            raise ValueError(f"P1 keys have {KEY_LEN} bytes")


@dataclass(frozen=True, slots=True)
class SealedFrame:
    """An encrypted frame taken apart; nothing of it is believed yet."""

    system_title: bytes
    counter: int
    ciphertext: bytes
    tag: bytes
    """Empty where nothing is authenticated."""
    security: int = SECURITY

    @property
    def nonce(self) -> bytes:
        """Twelve bytes that never come twice under one key."""
        return self.system_title + self.counter.to_bytes(_COUNTER_LEN, "big")


class SealedSplitter:
    """Cuts a stream of bytes, in pieces of any size, into encrypted frames."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that these bytes complete; what cannot begin a frame is dropped."""
        self._waiting += data
        frames: list[bytes] = []
        while frame := self._cut():
            frames.append(frame)
        return frames

    def _cut(self) -> bytes | None:
        while (start := self._waiting.find(_START)) >= 0:
            del self._waiting[:start]
            if (body := _body(self._waiting)) is None:
                return None
            begin, end = body
            if begin < end <= TELEGRAM_LEN_MAX and self._waiting[begin] & ~_SUITE == SECURITY:
                if len(self._waiting) < end:
                    return None
                frame = bytes(self._waiting[:end])
                del self._waiting[:end]
                return frame
            del self._waiting[:1]
        del self._waiting[: -1 if self._waiting.endswith(_START[:1]) else len(self._waiting)]
        return None


@dataclass(slots=True)
class Unsealer:
    """Opens the frames of one line, each once."""

    keys: P1Keys
    unauthenticated: bool = False
    """Whether frames that are encrypted only will do."""
    _counters: dict[bytes, int] = field(default_factory=dict)
    """Last accepted counter of each system title."""

    def open(self, frame: bytes) -> bytes | Rejected:
        """Return the telegram in a frame; a counter not above the last one is a replay."""
        sealed = read_sealed(frame, unauthenticated=self.unauthenticated)
        if isinstance(sealed, Rejected):
            return sealed
        telegram = unseal(sealed, self.keys)
        if isinstance(telegram, Rejected):
            return telegram
        last = self._counters.get(sealed.system_title, -1)
        if sealed.counter <= last:
            return Rejected(MeteringReject.REPLAY, {"counter": sealed.counter, "later_than": last})
        self._counters[sealed.system_title] = sealed.counter
        return telegram


def read_sealed(frame: bytes, *, unauthenticated: bool = False) -> SealedFrame | Rejected:
    """Take an encrypted frame apart.

    Args:
        frame: From ``DB 08``.
        unauthenticated: Whether one that is encrypted only will do.
    """
    body = _body(frame)
    begin, end = body or (0, 0)
    if not frame.startswith(_START) or end != len(frame) or len(frame) > TELEGRAM_LEN_MAX:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    counter_at, text_at = begin + 1, begin + 1 + _COUNTER_LEN
    security = frame[begin] if begin < end else 0
    tag_len = TAG_LEN if security & _AUTHENTICATED else 0
    allowed = (SECURITY, ENCRYPTED_ONLY) if unauthenticated else (SECURITY,)
    if end - text_at < tag_len or security & ~_SUITE not in allowed:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    return SealedFrame(
        frame[len(_START) : _LENGTH_AT],
        int.from_bytes(frame[counter_at:text_at], "big"),
        frame[text_at : end - tag_len],
        frame[end - tag_len : end],
        security,
    )


def unseal(sealed: SealedFrame, keys: P1Keys) -> bytes | Rejected:
    """Return the telegram in a frame whose tag is right, or that has none; does not look for replays."""
    if not sealed.security & _AUTHENTICATED:
        stream = Cipher(AES(keys.encryption), CTR(sealed.nonce + _FIRST_BLOCK)).decryptor()
        return stream.update(sealed.ciphertext) + stream.finalize()
    decryptor = Cipher(AES(keys.encryption), GCM(sealed.nonce, sealed.tag, TAG_LEN)).decryptor()
    decryptor.authenticate_additional_data(bytes([sealed.security]) + keys.authentication)
    try:
        return decryptor.update(sealed.ciphertext) + decryptor.finalize()
    except InvalidTag:
        return Rejected(MeteringReject.CHECKSUM, {"label": "tag"})


def seal(telegram: bytes, keys: P1Keys, system_title: bytes, counter: int, security: int = SECURITY) -> bytes:
    """Return the frame that a meter sends for a telegram, at a counter it has never used before."""
    nonce = system_title + counter.to_bytes(_COUNTER_LEN, "big")
    encryptor = Cipher(AES(keys.encryption), GCM(nonce, min_tag_length=TAG_LEN)).encryptor()
    encryptor.authenticate_additional_data(bytes([security]) + keys.authentication)
    ciphertext = encryptor.update(telegram) + encryptor.finalize()
    tag = encryptor.tag[:TAG_LEN] if security & _AUTHENTICATED else b""
    body = bytes([security]) + nonce[SYSTEM_TITLE_LEN:] + ciphertext + tag
    return _START + system_title + b"\x82" + len(body).to_bytes(2, "big") + body


def _body(frame: bytes | bytearray) -> tuple[int, int] | None:
    """Return where the part under the length begins and ends; None while its length has not come."""
    if len(frame) <= _LENGTH_AT:
        return None
    first = frame[_LENGTH_AT]
    length_len = _LENGTHS.get(first, 0)
    begin = _LENGTH_AT + 1 + length_len
    if len(frame) <= begin:
        return None
    length = int.from_bytes(frame[_LENGTH_AT + 1 : begin], "big") if length_len else first
    # A first byte above 0x82 is no length of a telegram.
    return (begin, begin + length) if length_len or first < 0x80 else (begin, begin)
