"""What the two ends of a link have agreed on. Consensus between both: the same on either side.

Units: µ€/kWh, n€, s. Refuses: terms that contradict each other, with ValueError.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from energy.identity import Address, Digest
from energy.results import Accepted, Rejected
from interconnect.records import LinkRun, link_id, record_digest
from oracles.attestation import check_quorum


@dataclass(frozen=True, slots=True)
class Attestors:
    """Who vouches for a community's runs and exports, and how many of them it takes."""

    keys: tuple[Address, ...]
    quorum: int

    def __post_init__(self) -> None:
        if not 1 <= self.quorum <= len(set(self.keys)):
            raise ValueError(f"a quorum of {self.quorum} is not between 1 and {len(set(self.keys))} attestors")

    def check(self, digest: Digest, signatures: Sequence[bytes]) -> Accepted[Address] | Rejected:
        """Return the signers, or why they are no quorum."""
        return check_quorum(digest, signatures, self.keys, self.quorum)


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """One link: its ends, its price, its keys."""

    parent: Digest
    """Community above."""
    child: Digest
    """Community below."""
    parent_key: Address
    """Signs leases and awards."""
    child_key: Address
    """Signs offers and decisions."""
    parent_attestors: Attestors
    child_attestors: Attestors
    fee_ueur_per_kwh: int
    """Grid fee of the way between the two, in either direction, ≥ 0."""
    void_ueur_per_kwh: int
    """What the child's bond pays the parent for each kWh of a void award, ≥ 0."""
    tick_ueur_per_kwh: int = 1_000
    """Every price of a curve and of an award is a multiple."""
    run_awards: int = 96
    """A run covers so many awards."""

    def __post_init__(self) -> None:
        if self.fee_ueur_per_kwh < 0 or self.fee_ueur_per_kwh % self.tick_ueur_per_kwh:
            raise ValueError(f"the fee is a multiple of the tick, at least 0, not {self.fee_ueur_per_kwh} µ€/kWh")
        if self.void_ueur_per_kwh < 0 or self.run_awards < 1:
            raise ValueError("a void award's price is at least 0, and a run has at least one award")

    @property
    def link(self) -> Digest:
        """The link's name."""
        return link_id(self.parent, self.child)

    def check_run(self, run: LinkRun, signatures: Sequence[bytes], *, by_parent: bool) -> Accepted[Address] | Rejected:
        """Return the attestors of one side who signed a run, or why they are no quorum."""
        side = self.parent_attestors if by_parent else self.child_attestors
        return side.check(record_digest(run), signatures)
