"""Corrections: later versions of a reading. What was signed and attested stays; each version names the one before.

A reading that comes after its estimate has settled is a correction, and so is what a person has entered. What it
changes for the money is settled with the next run, in lines that refer to the correction's hash. It certifies nothing.
Units: Wh, UTC epoch seconds.
"""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Final

from energy.identity import Digest, MeterId
from oracles.hashing import keccak
from oracles.struct_types import StructType, Value

CORRECTION: Final = StructType(
    "Correction(bytes32 meter,uint64 interval,uint32 version,uint64 importWh,uint64 exportWh,uint16 quality,"
    "uint32 flags,bytes32 corrects,bytes32 rawHash,bytes32 reason,uint64 correctedAt)"
)


@dataclass(frozen=True, slots=True)
class Correction:
    """The fields of the signed EIP-712 `Correction`, in their signed sequence."""

    meter: MeterId
    interval: int
    version: int
    """From 2; the reading itself is version 1."""
    import_wh: int
    export_wh: int
    quality: int
    """As of a reading."""
    flags: int
    corrects: Digest
    """Struct hash of the version before."""
    raw_hash: Digest
    """Of the frame behind the end index; `NO_FRAME_HASH` for an estimate, or what a person has entered."""
    reason: Digest
    """`reason_hash` of author and reason, which stay with the node."""
    corrected_at: int


_VALUES: Final = attrgetter(*(each.name for each in fields(Correction)))


def correction_values(correction: Correction) -> tuple[Value, ...]:
    """Return the values in the sequence of the struct."""
    values: tuple[Value, ...] = _VALUES(correction)
    return values


def correction_hash(correction: Correction) -> Digest:
    """Return the struct hash: what the oracles sign, and the settled lines refer to.

    Raises:
        ValueError: a value that its Solidity type cannot hold.
    """
    return CORRECTION.hash(_VALUES(correction))


def reason_hash(author: str, reason: str) -> Digest:
    """Return the hash that binds who corrected, and why, without telling."""
    return keccak(keccak(author.encode()) + keccak(reason.encode()))
