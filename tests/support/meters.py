"""Meters for tests: a configuration, samples of it, and Linky frames group by group."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import sha3

from energy.identity import Digest, MeterId
from metering.linky.encoder import encode_frame, encode_group, encode_standard
from metering.linky.labels import STANDARD, Dialect
from metering.meter import MeterConfig
from metering.readings import Reading, TrustClass
from metering.registers import RegisterSample

SERIAL: Final = "041876097482"
METER: Final = MeterId(bytes(31) + b"\x07")
NOON: Final = 1_741_348_800
"""2025-03-07T12:00Z, start of an interval."""
CONFIG: Final = MeterConfig(METER, SERIAL, TrustClass.B, power_max_import_w=9_000, power_max_export_w=6_000)

FieldTexts = tuple[str, ...]
"""Label and data, or label, horodate and data."""


def sample(at: int, import_wh: int = 1_000, export_wh: int = 500, *, received_at: int | None = None) -> RegisterSample:
    """Return a sample of the configured meter, whose raw bytes tell it from every other."""
    return RegisterSample(
        serial=SERIAL,
        import_index_wh=import_wh,
        export_index_wh=export_wh,
        metered_at=at,
        received_at=at if received_at is None else received_at,
        clock_degraded=False,
        tamper=False,
        producer=True,
        raw=f"{at} {import_wh} {export_wh}".encode(),
    )


def struct_hash(reading: Reading) -> Digest:
    """Stand in for the EIP-712 struct hash, which metering only passes on."""
    return Digest(sha3.keccak_256(repr(reading).encode()).digest())


def groups_of(frame: bytes, dialect: Dialect = STANDARD) -> list[FieldTexts]:
    """Take a frame of good groups apart."""
    pieces = frame[1:-1].split(b"\n")[1:]
    return [tuple(piece[:-3].decode().split(dialect.separator.decode())) for piece in pieces]


def frame_of(groups: Sequence[FieldTexts], dialect: Dialect = STANDARD) -> bytes:
    """Put a frame together again, with right checksums."""
    return encode_frame(
        encode_group(fields[0], fields[-1], fields[1] if len(fields) == 3 else "", dialect) for fields in groups
    )


def changed(frame: bytes, label: str, *fields: str) -> bytes:
    """Return a frame with other fields, rightly summed, in one label's group."""
    return frame_of([(label, *fields) if group[0] == label else group for group in groups_of(frame)])


def without(frame: bytes, *labels: str) -> bytes:
    """Return a frame that lacks the groups of some labels."""
    return frame_of([group for group in groups_of(frame) if group[0] not in labels])


def producer_frame(at: int = NOON, import_wh: int = 123_456_789, export_wh: int = 4_567) -> bytes:
    """Return the frame of a producer's meter."""
    return encode_standard(SERIAL, at, import_wh, export_wh, apparent_import_va=460)


def tampered(taken: RegisterSample) -> RegisterSample:
    """Return the sample of a meter whose cover is open."""
    return replace(taken, tamper=True)
