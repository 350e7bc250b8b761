"""Readings: validated energy of one meter in one interval, ready to be signed. Units: Wh, UTC epoch seconds."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

import sha3

from energy.identity import Digest, MeterId


class QualityCode(IntEnum):
    """Low byte of `Reading.quality`; ESPI quality of reading where it has a value."""

    EDITED = 7
    """Changed by a person, whose name and reason are kept."""
    ESTIMATED_REFERENCE_DAY = 8
    ESTIMATED_LINEAR = 9
    QUESTIONABLE = 10
    VALIDATED = 17
    LOST = 64
    DISPUTED = 65
    """Two readings of one interval say different things, or the oracles do not agree on one."""


class TrustClass(IntEnum):
    """High byte of `Reading.quality`: how far the source can be believed. A to C settle; D and E never."""

    A = 1
    """Signed by the meter itself."""
    B = 2
    """Official meter with integrity per frame (TIC standard, P1 v4+)."""
    C = 3
    """Certified sub-meter, or a file delivered by the grid operator."""
    D = 4
    """Inverter or battery telemetry."""
    E = 5
    """Plug or home automation."""


class ReadingFlag(IntFlag):
    """One bit per remark of validation; no bit means nothing to remark."""

    CLOCK_DRIFT = 1 << 0
    CLOCK_BAD = 1 << 1
    CLOCK_DEGRADED = 1 << 2
    TAMPER = 1 << 3
    RATE = 1 << 4
    GAP = 1 << 5
    METER_REPLACED = 1 << 6
    ROLLOVER = 1 << 7
    INDEX_BACK = 1 << 8
    CLOCK_SET = 1 << 9
    """R04: the meter's clock was set by more than 120 s between two samples."""
    FROZEN = 1 << 10
    """R08."""
    SIGN = 1 << 11
    """R09."""
    POWER_TIME = 1 << 12
    """R10."""
    PARTIAL = 1 << 13
    """R13."""
    SPIKE = 1 << 14
    """R14."""
    HIGH_LOW = 1 << 15
    """R15."""
    ZERO = 1 << 16
    """R17."""
    LATE = 1 << 17
    """R19."""
    SPLIT = 1 << 18
    """The oracles read different registers, and no quorum agrees."""
    NODE_CLOCK = 1 << 19
    """R04: nobody kept the node's own clock when a frame came."""


DOUBTFUL: Final = ReadingFlag.TAMPER | ReadingFlag.CLOCK_BAD | ReadingFlag.INDEX_BACK
"""Remarks with which a measured reading does not settle (S4)."""
NO_FRAME_HASH: Final = Digest(sha3.keccak_256(b"").digest())
"""`raw_hash` of a reading that rests on no frame: an estimate, or what a person has entered."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The fields of the signed EIP-712 `Reading`, in their signed sequence."""

    meter: MeterId
    interval: int
    """Start of the interval, UTC epoch seconds."""
    period_s: int
    import_wh: int
    """Energy drawn from the grid in the interval, ≥ 0 (difference of OBIS 1.8.0)."""
    export_wh: int
    """Energy fed into the grid in the interval, ≥ 0 (difference of OBIS 2.8.0)."""
    import_index_wh: int
    """Cumulative import register at the end of the interval."""
    export_index_wh: int
    """Cumulative export register at the end of the interval."""
    quality: int
    """`TrustClass << 8 | QualityCode`."""
    flags: int
    """`ReadingFlag` bits."""
    sequence: int
    """Counts the readings of this meter from 0 without a gap."""
    previous_hash: Digest
    """EIP-712 struct hash of the meter's previous reading; zero for the first."""
    raw_hash: Digest
    """keccak-256 of the raw frame that holds the end index."""
    observed_at: int
    """When that frame was taken, by the meter's clock, UTC epoch seconds."""


def quality(trust: TrustClass, code: QualityCode) -> int:
    """Return the 16-bit quality of a reading."""
    return trust << 8 | code


def is_estimate(reading: Reading) -> bool:
    """Say whether a reading is estimated: it settles provisionally, until a better one corrects it."""
    return reading.quality & 0xFF in (QualityCode.ESTIMATED_REFERENCE_DAY, QualityCode.ESTIMATED_LINEAR)


def may_settle(reading: Reading) -> bool:
    """Say whether money may rest on a reading: final, or an estimate for a meter of trust class A to C (S4)."""
    return is_final(reading) or (is_estimate(reading) and reading.quality >> 8 <= TrustClass.C)


def is_final(reading: Reading) -> bool:
    """Say whether a reading may settle and certify: validated, trust class A to C, no tampering, a good clock."""
    return (
        reading.quality & 0xFF == QualityCode.VALIDATED
        and reading.quality >> 8 <= TrustClass.C
        and not reading.flags & DOUBTFUL
    )
