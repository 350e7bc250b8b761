"""One link's ledger, kept on both sides by the same rules: awards, the child's decisions, and the runs they add up to.

Both sides compute a run from what they hold; it settles where the other side's attestors have signed the very same one.
So a ledger that has lost, invented or doubled anything stops at that run, and says which field differs.
Units: Wh, n€. Refuses with `LinkReject`; a refusal changes nothing.

Invariants: L1 awards and runs have numbers without gap, and each number has one content. L2 an award has one outcome.
L3 both sides of a settled run are equal, so what one side owes the other is owed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from energy.identity import ZERO_DIGEST, hex_text
from energy.quantities import amount_neur
from energy.results import Accepted, Rejected
from interconnect.records import Award, Decision, LinkRun, Outcome, record_digest
from interconnect.rejections import Facts, LinkReject
from interconnect.terms import LinkTerms
from oracles.hashing import keccak


@dataclass(slots=True)
class LinkLedger:
    """The state of one link on one side."""

    terms: LinkTerms
    bond_neur: int
    """What is left of the child's bond for this link."""
    awards: dict[int, Award] = field(default_factory=dict)
    """Those that no settled run covers yet, by number."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    last_award: int = 0
    runs: list[LinkRun] = field(default_factory=list)
    """Settled ones."""
    balance_neur: int = 0
    """What the parent owes the child by settled runs."""
    unpaid_neur: int = 0
    """Compensation that the bond did not cover."""

    @property
    def settled_award(self) -> int:
        """Number of the last award that a settled run covers."""
        return self.runs[-1].last_award if self.runs else 0

    def add_award(self, award: Award) -> Accepted[Award] | Rejected:
        """Take the next award; one that is here already is taken again without effect."""
        if award.number <= self.settled_award:
            return Accepted()
        known = self.awards.get(award.number)
        if known is not None:
            return Accepted() if known == award else _equivocation("award", award.number, known, award)
        if award.number != self.last_award + 1:
            return Rejected(LinkReject.GAP, {"number": award.number, "expected": self.last_award + 1})
        self.awards[award.number] = award
        self.last_award = award.number
        if award.net_export_wh == 0:
            self.outcomes[award.number] = Outcome.ACCEPTED
        return Accepted((award,))

    def decide(self, decision: Decision) -> Accepted[Decision] | Rejected:
        """Take the child's word on an award; the first word stands."""
        if decision.number <= self.settled_award:
            return Accepted()
        award = self.awards.get(decision.number)
        if award is None or record_digest(award) != decision.award:
            return Rejected(LinkReject.UNKNOWN_AWARD, {"number": decision.number})
        known = self.outcomes.get(decision.number)
        if known is not None:
            if known is decision.outcome:
                return Accepted()
            return _equivocation("decision", decision.number, replace(decision, outcome=known), decision)
        self.outcomes[decision.number] = decision.outcome
        return Accepted((decision,))

    def due_run(self) -> LinkRun | None:
        """Return the next run, or None as long as an award of it, or a decision, is missing."""
        first = self.settled_award + 1
        numbers = range(first, first + self.terms.run_awards)
        if any(number not in self.outcomes for number in numbers):
            return None
        exported = imported = void = net = fee = 0
        positions = ZERO_DIGEST
        for number in numbers:
            award, outcome = self.awards[number], self.outcomes[number]
            positions = keccak(positions + record_digest(award) + bytes([outcome]))
            moved = abs(award.net_export_wh)
            if outcome is Outcome.VOID:
                void += moved
                continue
            exported += max(0, award.net_export_wh)
            imported += max(0, -award.net_export_wh)
            fee += amount_neur(moved, self.terms.fee_ueur_per_kwh)
            net += amount_neur(award.net_export_wh, award.price_ueur_per_kwh)
        return LinkRun(
            link=self.terms.link,
            number=len(self.runs) + 1,
            first_award=first,
            last_award=numbers[-1],
            export_wh=exported,
            import_wh=imported,
            void_wh=void,
            net_neur=net - fee,
            fee_neur=fee,
            compensation_neur=amount_neur(void, self.terms.void_ueur_per_kwh),
            positions_hash=positions,
            previous_run=record_digest(self.runs[-1]) if self.runs else ZERO_DIGEST,
        )

    def settle(self, run: LinkRun, signatures: Sequence[bytes], *, by_parent: bool) -> Accepted[LinkRun] | Rejected:
        """Settle a run that the other side's attestors have signed.

        Args:
            run: As the other side says.
            signatures: Of the other side's attestors, by ascending signer.
            by_parent: Whether the other side is the parent.
        """
        if run.link != self.terms.link:
            facts: Facts = {"named": hex_text(run.link), "expected": hex_text(self.terms.link)}
            return Rejected(LinkReject.WRONG_LINK, facts)
        quorum = self.terms.check_run(run, signatures, by_parent=by_parent)
        if isinstance(quorum, Rejected):
            return quorum
        if 1 <= run.number <= len(self.runs):
            settled = self.runs[run.number - 1]
            if settled == run:
                return Rejected(LinkReject.RUN_REPEATED, {"number": run.number, "last": len(self.runs)})
            return _equivocation("run", run.number, settled, run)
        if run.number != len(self.runs) + 1:
            return Rejected(LinkReject.GAP, {"number": run.number, "expected": len(self.runs) + 1})
        own = self.due_run()
        if own is None:
            return Rejected(LinkReject.RUN_EARLY, {"number": run.number})
        if own != run:
            differing = next(each.name for each in fields(run) if getattr(own, each.name) != getattr(run, each.name))
            return Rejected(LinkReject.RUN_MISMATCH, {"number": run.number, "field": differing})
        self._book(run)
        return Accepted((run,))

    def _book(self, run: LinkRun) -> None:
        paid = min(self.bond_neur, run.compensation_neur)
        self.bond_neur -= paid
        self.unpaid_neur += run.compensation_neur - paid
        self.balance_neur += run.net_neur
        self.runs.append(run)
        for number in range(run.first_award, run.last_award + 1):
            del self.awards[number], self.outcomes[number]


def _equivocation(
    kind: str, number: int, first: Award | Decision | LinkRun, second: Award | Decision | LinkRun
) -> Rejected:
    digests = {"first": hex_text(record_digest(first)), "second": hex_text(record_digest(second))}
    return Rejected(LinkReject.EQUIVOCATION, {"kind": kind, "number": number, **digests})
