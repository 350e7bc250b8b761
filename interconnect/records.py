"""What two communities send each other, down to the 32 bytes that are signed.

The EIP-712 domain has a name and a version only: the records hold on both sides' chains, and name their link or their
community themselves. Fields stand in their signed sequence; the contract `Gateway` computes the same hashes.
Units: Wh, µ€/kWh (`price`, `fee`), n€ (`…Neur`), UTC epoch seconds; net export above zero goes from child to parent.
Refuses: a value that its Solidity type cannot hold, with ValueError.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from operator import attrgetter
from typing import Final

from energy.identity import Address, Digest, MeterId
from interconnect.curves import Curve, Step
from oracles.hashing import keccak
from oracles.link_words import EXPORT as EXPORT_WORD
from oracles.link_words import RUN as RUN_WORD
from oracles.link_words import SEPARATOR, LinkWord
from oracles.signatures import recover, sign
from oracles.struct_types import StructType

LEASE: Final = StructType(
    "Lease(bytes32 link,uint64 number,uint64 firstInterval,uint64 lastInterval,uint64 exportMaxWh,uint64 importMaxWh)"
)
OFFER: Final = StructType("Offer(bytes32 link,uint64 interval,uint64 lease,bytes32 curveHash,uint64 expiry)")
AWARD: Final = StructType(
    "Award(bytes32 link,uint64 number,uint64 interval,bytes32 offer,int64 netExportWh,int64 price,uint64 issuedAt)"
)
DECISION: Final = StructType("Decision(bytes32 link,uint64 number,bytes32 award,uint8 outcome)")
LINK_RUN: Final = StructType(
    "LinkRun(bytes32 link,uint64 number,uint64 firstAward,uint64 lastAward,uint64 exportWh,uint64 importWh,"
    "uint64 voidWh,int128 netNeur,uint128 feeNeur,uint128 compensationNeur,bytes32 positionsHash,bytes32 previousRun)"
)
EXPORT: Final = StructType(
    "Export(bytes32 origin,uint64 number,bytes32 destination,address recipient,bytes32 device,uint64 interval,"
    "uint64 fromWh,uint64 toWh,uint8 source,uint32 carbon,bytes32 previousExport)"
)

_COMMUNITY_TAG: Final = keccak(b"RESILIA-COMMUNITY")
_LINK_TAG: Final = keccak(b"RESILIA-LINK")
_STEP: Final = StructType("Step(int64 price,uint64 quantityWh)")


def community_id(chain_id: int, settlement: Address) -> Digest:
    """Return the name of a community among others: one contract `Settlement` on one chain."""
    return keccak(_COMMUNITY_TAG + chain_id.to_bytes(32, "big") + bytes(12) + settlement)


def link_id(parent: Digest, child: Digest) -> Digest:
    """Return the name of a link, from the communities at its two ends."""
    return keccak(_LINK_TAG + parent + child)


@dataclass(frozen=True, slots=True)
class Lease:
    """Capacity of a link for a stretch of intervals; its owner is the parent. The number is a fencing token."""

    link: Digest
    number: int
    """Counts from 1; only the latest holds."""
    first_interval: int
    last_interval: int
    export_max_wh: int
    """Most that may leave the child in an interval."""
    import_max_wh: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A child's residual of one interval, firm until it expires."""

    link: Digest
    interval: int
    lease: int
    """Number of the lease that it is made under."""
    curve_hash: Digest
    expiry: int
    """First second at which an award comes too late."""


@dataclass(frozen=True, slots=True)
class Award:
    """What the parent's clearing took of an offer."""

    link: Digest
    number: int
    """Counts from 1 on this link without a gap."""
    interval: int
    offer: Digest
    net_export_wh: int
    price_ueur_per_kwh: int
    """Of the parent's zone; the child gets it less the fee, or pays it and the fee."""
    issued_at: int
    """By the parent's clock."""


class Outcome(IntEnum):
    """The last word on an award is the child's, once and signed."""

    ACCEPTED = 1
    VOID = 2
    """Came too late or to an island: the child has sold its energy otherwise, and its bond pays the parent."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A child's word on one award."""

    link: Digest
    number: int
    """Of the award."""
    award: Digest
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class LinkRun:
    """What the awards of a link come to, over a stretch of their numbers; attestors of both sides sign the same."""

    link: Digest
    number: int
    """Counts from 1 without a gap: a Wh crosses a border once."""
    first_award: int
    last_award: int
    export_wh: int
    """From child to parent, accepted."""
    import_wh: int
    void_wh: int
    net_neur: int
    """What the parent owes the child; below zero the other way round."""
    fee_neur: int
    """Part of it that the way has cost: it goes to the grid's account at the parent."""
    compensation_neur: int
    """What the child's bond pays the parent for void awards."""
    positions_hash: Digest
    """Binds every award of the stretch with its outcome."""
    previous_run: Digest


@dataclass(frozen=True, slots=True)
class Export:
    """A certificate that leaves its community for another one, and is locked at home for good."""

    origin: Digest
    number: int
    """Counts the community's exports, to whomever they go, from 1 without a gap."""
    destination: Digest
    recipient: Address
    device: MeterId
    interval: int
    from_wh: int
    to_wh: int
    source: int
    """What produced it, as in the certificate."""
    carbon_g_per_kwh: int
    previous_export: Digest
    """Digest of the export before; zero for the first."""

    @property
    def quantity_wh(self) -> int:
        """Energy of the range."""
        return self.to_wh - self.from_wh


LinkRecord = Lease | Offer | Award | Decision | LinkRun | Export

_STRUCTS: Final[dict[type[LinkRecord], StructType]] = {
    Lease: LEASE,
    Offer: OFFER,
    Award: AWARD,
    Decision: DECISION,
    LinkRun: LINK_RUN,
    Export: EXPORT,
}
_VALUES: Final = {kind: attrgetter(*(each.name for each in fields(kind))) for kind in _STRUCTS}


def record_digest(record: LinkRecord) -> Digest:
    """Return what a key signs for a record."""
    return keccak(b"\x19\x01" + SEPARATOR + _STRUCTS[type(record)].hash(_VALUES[type(record)](record)))


def link_word(record: LinkRun | Export) -> LinkWord:
    """Return what attestors sign of a record, as their guards know it."""
    kind, subject = (RUN_WORD, record.link) if isinstance(record, LinkRun) else (EXPORT_WORD, record.origin)
    return LinkWord(kind, subject, record.number, _STRUCTS[type(record)].hash(_VALUES[type(record)](record)))


def record_values(record: LinkRecord) -> tuple[int | bytes, ...]:
    """Return the values of a record in the sequence of its struct's fields, as the contract takes them."""
    values: tuple[int | bytes, ...] = _VALUES[type(record)](record)
    return values


def nullifier(export: Export) -> Digest:
    """Return the name of the energy behind an export: the same to whomever it goes, so that it is taken in once."""
    return keccak(
        export.origin
        + export.device
        + b"".join(value.to_bytes(32, "big") for value in (export.interval, export.from_wh, export.to_wh))
    )


def curve_hash(curve: Curve) -> Digest:
    """Return the hash by which an offer binds its curve."""
    return keccak(keccak(_steps(curve.asks)) + keccak(_steps(curve.bids)))


def signed_by(digest: Digest, signature: bytes) -> Address | None:
    """Return who signed a digest; None for what is no signature."""
    try:
        return recover(digest, signature)
    except ValueError:
        return None


def sign_record(private_key: bytes, record: LinkRecord) -> bytes:
    """Return the signature of a record."""
    return sign(private_key, record_digest(record))


def _steps(steps: Sequence[Step]) -> bytes:
    return b"".join(_STEP.hash((step.price_ueur_per_kwh, step.quantity_wh)) for step in steps)
