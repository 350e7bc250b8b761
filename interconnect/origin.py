"""Certificates that change community: locked at home under a number, taken in once, and what happens if not.

A community's contract `Gateway` numbers all its exports in one chain, to whomever they go, and its attestors sign each.
Two exports of one number, or of overlapping energy, prove by themselves that it has sold energy twice. The rule: the
lower number stands, of one number the lower digest. Whoever holds the other one gives it up and is paid from the
origin's bond.
Units: Wh, µ€/kWh, n€. Refuses with `LinkReject`.

Invariant L4: the exports that stand cover each Wh of a device's interval once, over all communities (C1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from energy.identity import ZERO_DIGEST, Digest, MeterId, hex_text
from energy.quantities import amount_neur
from energy.results import Accepted, Rejected
from interconnect.records import Export, record_digest
from interconnect.rejections import Facts, LinkReject
from interconnect.terms import Attestors


@dataclass(frozen=True, slots=True)
class SignedExport:
    """An export with its attestors' signatures, by ascending signer."""

    export: Export
    signatures: tuple[bytes, ...]


@dataclass(slots=True)
class Exports:
    """What one community's `Gateway` has let go."""

    community: Digest
    made: list[Export] = field(default_factory=list)

    def take(self, export: Export) -> Accepted[Export] | Rejected:
        """Take in the contract's next export, to be signed."""
        expected = len(self.made) + 1
        if export.origin != self.community:
            facts: Facts = {"named": hex_text(export.origin), "expected": hex_text(self.community)}
            return Rejected(LinkReject.WRONG_LINK, facts)
        if export in self.made:
            return Rejected(LinkReject.EXPORT_REPEATED, {"origin": hex_text(export.origin), "number": export.number})
        previous = record_digest(self.made[-1]) if self.made else ZERO_DIGEST
        if export.number != expected or export.previous_export != previous:
            return Rejected(LinkReject.GAP, {"number": export.number, "expected": expected})
        if export.quantity_wh < 1 or any(overlap(export, other) for other in self.made):
            return Rejected(LinkReject.EXPORT_OVERLAP, _range_facts(export))
        self.made.append(export)
        return Accepted((export,))


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two signed exports that can not both stand."""

    stands: SignedExport
    falls: SignedExport

    @property
    def quantity_wh(self) -> int:
        """Energy that the one who gives up had."""
        return self.falls.export.quantity_wh


@dataclass(slots=True)
class Imports:
    """What one community has taken in from others, and what it had to give up."""

    community: Digest
    origins: dict[Digest, Attestors]
    """Whose exports it believes."""
    prices_ueur_per_kwh: Mapping[Digest, int]
    """What each origin's bond pays for each kWh that has to be given up; nothing where none is named."""
    held: dict[tuple[Digest, int], SignedExport] = field(default_factory=dict)
    """By origin and number."""
    given_up: dict[tuple[Digest, int], SignedExport] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    compensation_neur: int = 0
    """Received so far."""

    def take(self, signed: SignedExport) -> Accepted[Export | Conflict] | Rejected:
        """Take in an export to this community, once; what it clashes with falls, or else it is refused."""
        export = signed.export
        if export.destination != self.community:
            facts: Facts = {
                "named": hex_text(export.destination),
                "expected": hex_text(self.community),
            }
            return Rejected(LinkReject.WRONG_LINK, facts)
        refusal = self.refuse_signatures(signed)
        if refusal is not None:
            return refusal
        key = (export.origin, export.number)
        known = self.held.get(key) or self.given_up.get(key)
        if known is not None and known.export == export:
            return Rejected(LinkReject.EXPORT_REPEATED, {"origin": hex_text(export.origin), "number": export.number})
        clashes = [
            between(other, signed)
            for other in (*self.held.values(), *self.given_up.values())
            if clash(export, other.export)
        ]
        if any(conflict.falls == signed for conflict in clashes):
            return Rejected(LinkReject.EXPORT_OVERLAP, _range_facts(export))
        for conflict in clashes:
            self.reconcile(conflict)
        self.held[key] = signed
        return Accepted((export, *clashes))

    def reconcile(self, conflict: Conflict) -> bool:
        """Apply the rule to two exports; return whether something had to be given up here.

        The proof comes from anybody: signatures are checked, and exports that do not clash change nothing.
        """
        both = (conflict.stands, conflict.falls)
        if any(self.refuse_signatures(each) is not None for each in both):
            return False
        if not clash(conflict.stands.export, conflict.falls.export) or between(*both) != conflict:
            return False
        if conflict not in self.conflicts:
            self.conflicts.append(conflict)
        fallen = conflict.falls.export
        held = self.held.get((fallen.origin, fallen.number))
        if held is None or held.export != fallen:
            return False
        self.given_up[fallen.origin, fallen.number] = self.held.pop((fallen.origin, fallen.number))
        self.compensation_neur += self.due_neur(fallen)
        return True

    def due_neur(self, fallen: Export) -> int:
        """Return what an origin's bond owes whoever gives a certificate up."""
        return amount_neur(fallen.quantity_wh, self.prices_ueur_per_kwh.get(fallen.origin, 0))

    def refuse_signatures(self, signed: SignedExport) -> Rejected | None:
        """Return why an export is not its origin's, or None."""
        attestors = self.origins.get(signed.export.origin)
        if attestors is None:
            return Rejected(LinkReject.UNKNOWN_ORIGIN, {"origin": hex_text(signed.export.origin)})
        quorum = attestors.check(record_digest(signed.export), signed.signatures)
        return quorum if isinstance(quorum, Rejected) else None


def overlap(first: Export, second: Export) -> bool:
    """Say whether two exports share a Wh of a device's interval."""
    same = (first.origin, first.device, first.interval) == (second.origin, second.device, second.interval)
    return same and first.from_wh < second.to_wh and second.from_wh < first.to_wh


def clash(first: Export, second: Export) -> bool:
    """Say whether two exports can not both stand: they share energy, or a number."""
    numbered = (first.origin, first.number) == (second.origin, second.number)
    return first != second and (numbered or overlap(first, second))


def between(first: SignedExport, second: SignedExport) -> Conflict:
    """Return which of two clashing exports stands."""
    stands, falls = sorted((first, second), key=lambda each: (each.export.number, record_digest(each.export)))
    return Conflict(stands, falls)


@dataclass(slots=True)
class Claims:
    """What the zones below have taken in, as they tell their parent: it finds what none of them can see alone."""

    by_energy: dict[tuple[Digest, MeterId, int], list[SignedExport]] = field(default_factory=dict)
    by_number: dict[tuple[Digest, int], list[SignedExport]] = field(default_factory=dict)
    ways: dict[Digest, Digest] = field(default_factory=dict)
    """Zone that told of an export, by the export's digest: whoever holds it is there or below."""

    def take(self, signed: SignedExport, told_by: Digest) -> list[Conflict]:
        """Take in one claim; return the clashes with those before."""
        export = signed.export
        near = self.by_energy.setdefault((export.origin, export.device, export.interval), [])
        numbered = self.by_number.setdefault((export.origin, export.number), [])
        others = {record_digest(each.export): each for each in (*near, *numbered)}
        if record_digest(export) in others:
            return []
        self.ways[record_digest(export)] = told_by
        near.append(signed)
        numbered.append(signed)
        return [between(other, signed) for other in others.values() if clash(other.export, export)]


def _range_facts(export: Export) -> dict[str, int | str]:
    return {
        "origin": hex_text(export.origin),
        "number": export.number,
        "interval": export.interval,
        "from_wh": export.from_wh,
        "to_wh": export.to_wh,
    }
