"""The records that evidence is made of, with their struct hashes. Units: Wh, g CO2e/kWh, UTC epoch seconds; all int.

The fields stand in their signed sequence. A reading is `metering.readings.Reading`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Final

from energy.identity import Address, Digest, MeterId
from oracles.hashing import keccak
from oracles.struct_types import StructType, Value
from oracles.typed_data import CERTIFICATE, INTERVAL_READINGS, RUN


@dataclass(frozen=True, slots=True)
class IntervalReadings:
    """What the oracles attest on chain for one interval: all readings under one root, and the community's totals."""

    interval: int
    """Start of the interval."""
    readings_root: Digest
    """Salted Merkle root of the readings, in the sequence of the meters."""
    import_wh: int
    export_wh: int


@dataclass(frozen=True, slots=True)
class Run:
    """One settlement run: all that the contract learns of a stretch of intervals."""

    run_id: int
    """Counts from 1 without a gap."""
    first_interval: int
    last_interval: int
    """Start of the last interval settled."""
    orders_root: Digest
    trades_root: Digest
    readings_hash: Digest
    """History hash of the attested intervals, through the last one."""
    entries_root: Digest
    certificates_root: Digest
    nets_hash: Digest
    import_wh: int
    export_wh: int
    traded_wh: int
    certified_wh: int
    """Energy under all certificates of the run, ≤ `export_wh`."""
    previous_run: Digest
    """EIP-712 digest of the run before; zero for the first."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of origin: a range on a device's export ruler of one interval, and who owns it."""

    number: int
    device: MeterId
    interval: int
    from_wh: int
    """First Wh of the range, counted from the start of the interval."""
    to_wh: int
    """First Wh behind the range."""
    owner: Address
    source: int
    """What produced it: 0 unknown, 1 solar, 2 storage, 3 wind, 4 biogas, 5 waste heat, 6 hydrogen."""
    state: int
    """1 active, 2 cancelled into storage."""
    carbon_g_per_kwh: int


Record = IntervalReadings | Run | Certificate

_STRUCTS: Final[Mapping[type[Record], StructType]] = {
    IntervalReadings: INTERVAL_READINGS,
    Run: RUN,
    Certificate: CERTIFICATE,
}
_VALUES: Final = {kind: attrgetter(*(each.name for each in fields(kind))) for kind in _STRUCTS}


def record_values(record: Record) -> tuple[Value, ...]:
    """Return the values of a record in the sequence of its struct's fields."""
    values: tuple[Value, ...] = _VALUES[type(record)](record)
    return values


def record_hash(record: Record) -> Digest:
    """Return the EIP-712 struct hash of a record.

    Raises:
        ValueError: a value that its Solidity type cannot hold.
    """
    return _STRUCTS[type(record)].hash(record_values(record))


def history_hash(previous: Digest, attested: Digest) -> Digest:
    """Return the history hash behind one more attested interval: ``keccak256(abi.encode(previous, structHash))``.

    It starts from zero; a run carries the one at its last interval, and so vouches for every interval up to there.

    Args:
        previous: The history hash before.
        attested: Struct hash of the `IntervalReadings` that follow.
    """
    return keccak(previous + attested)
