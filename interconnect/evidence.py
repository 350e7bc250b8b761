"""Runs that a neighbour's attestors have signed, and the proof when they signed two contents under one number.

A run that differs from this side's own ledger proves nothing by itself; a second one of the same number does. The
contract `Gateway` takes both (`proveEquivocation`): the bond goes to this side whole, and the link is closed for good.
"""

from dataclasses import dataclass, field

from energy.identity import Digest
from interconnect.records import LinkRun
from interconnect.rejections import LinkReject

EVIDENCE = (LinkReject.EQUIVOCATION, LinkReject.RUN_MISMATCH)
"""Refusals of a run that its side's attestors have signed."""


@dataclass(frozen=True, slots=True)
class SignedRun:
    """A run with the signatures of the other side's attestors, by ascending signer."""

    other: Digest
    """Community of the attestors."""
    run: LinkRun
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Equivocated:
    """Two contents under one number, each signed by the same community's attestors."""

    first: SignedRun
    """Heard first."""
    second: SignedRun

    @property
    def other(self) -> Digest:
        """Community that signed both."""
        return self.first.other


@dataclass(slots=True)
class Evidence:
    """What one zone has heard of its neighbours' attestors."""

    heard: dict[tuple[Digest, int], SignedRun] = field(default_factory=dict)
    """First run of each number, by community."""
    proofs: dict[Digest, Equivocated] = field(default_factory=dict)
    """By community; its link is closed."""

    def take(self, signed: SignedRun) -> Equivocated | None:
        """Keep a run that its attestors have signed; return the proof that it completes, the first one only."""
        first = self.heard.setdefault((signed.other, signed.run.number), signed)
        if first.run == signed.run or signed.other in self.proofs:
            return None
        self.proofs[signed.other] = Equivocated(first, signed)
        return self.proofs[signed.other]

    def knows(self, signed: SignedRun) -> bool:
        """Say whether a run adds nothing."""
        first = self.heard.get((signed.other, signed.run.number))
        return signed.other in self.proofs or (first is not None and first.run == signed.run)
