"""A zone among zones: takes messages and time, gives messages and what its own market has to do. Pure.

One machine for every level. Each interval: the residual of the zone's own homes and the offers of its children make one
curve; it goes to the zone above before this zone closes; with the award that comes back, or without one when the time
is over, the zone clears and awards its children. Nothing waits for anybody. A caller journals every command that was
accepted before it carries out the effects: applied again, the same commands give the same state and the same bytes.
Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses with `LinkReject`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from energy.identity import Digest, hex_text
from energy.results import Accepted, Rejected
from interconnect.child import ChildSide, Decided
from interconnect.clearing import Awarded
from interconnect.curves import Curve
from interconnect.evidence import EVIDENCE, Equivocated, Evidence, SignedRun
from interconnect.ledger import LinkLedger
from interconnect.modes import Mode
from interconnect.origin import Claims, Conflict, Exports, Imports, SignedExport
from interconnect.parent import Cleared, Zone
from interconnect.records import Award, Decision, Export, Lease, LinkRecord, LinkRun, Offer, record_digest
from interconnect.rejections import LinkReject
from interconnect.wire import Message, encode, message

NO_CURVE: Final = Curve()


class LinkSigners(Protocol):
    """The zone's own key."""

    def sign(self, digest: Digest) -> bytes:
        """Return the signature of the link's key."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a zone acts, in seconds before an interval begins; a zone above acts earlier than its children close."""

    offer_lead_s: int
    """Its residual goes out."""
    close_lead_s: int
    """It clears, with or without an award; for homes this is the gate."""

    def __post_init__(self) -> None:
        if not 0 <= self.close_lead_s < self.offer_lead_s:
            raise ValueError("a zone offers before it closes, and closes before delivery")


@dataclass(frozen=True, slots=True)
class Send:
    """A message for another community."""

    to: Digest
    data: bytes


@dataclass(frozen=True, slots=True)
class Attest:
    """A message for another community that a quorum of the own attestors has to sign: once it is journaled."""

    to: Digest
    record: LinkRun | Export

    def signed(self, signatures: Sequence[bytes]) -> bytes:
        """Return the message.

        Args:
            signatures: Over the record's digest, by ascending signer.
        """
        return encode(message("run" if isinstance(self.record, LinkRun) else "export", self.record, signatures))


@dataclass(frozen=True, slots=True)
class Coupled:
    """An interval is closed: what the zone's own homes take from beyond, and at which price."""

    interval: int
    price_ueur_per_kwh: int | None
    own_net_export_wh: int
    uplink: Awarded | None
    """The award that it rests on; None when the zone cleared alone."""
    lapsed_wh: int = 0
    """What had been offered to the zone above, either way, when it cleared alone."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A run of a link is settled on this side."""

    run: LinkRun
    as_parent: bool
    other: Digest
    signatures: tuple[bytes, ...]
    """Of the other side's attestors, by ascending signer."""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """A certificate fell to the rule of conflicts."""

    conflict: Conflict
    compensation_neur: int
    """What its origin's bond owes for it."""


Effect = Send | Attest | Coupled | Settled | GaveUp | Decided | Export | Equivocated


@dataclass(slots=True)
class Station:
    """State of one zone; every method is a command: journal it, then carry out its effects."""

    community: Digest
    zone: Zone
    timing: Timing
    signers: LinkSigners
    exports: Exports
    imports: Imports
    uplink: ChildSide | None = None
    claims: Claims = field(default_factory=Claims)
    own: dict[int, Curve] = field(default_factory=dict)
    """Residual of the zone's own homes, by interval, until it is cleared."""
    awarded: dict[int, Awarded] = field(default_factory=dict)
    run_sent: dict[Digest, int] = field(default_factory=dict)
    """Number of the last run that was signed, by the community at the other end."""
    evidence: Evidence = field(default_factory=Evidence)
    """Whoever is proven to have signed two runs under one number is dealt with no more."""

    # -- TIME

    def grant(self, child: Digest, first: int, last: int, export_max_wh: int, import_max_wh: int) -> list[Effect]:
        """Give a child a new capacity of its link."""
        lease = self.zone.children[child].grant(first, last, export_max_wh, import_max_wh)
        return [self._send(child, "lease", lease)]

    def offer(self, interval: int, own: Curve, mode: Mode) -> list[Effect]:
        """Take the residual of the zone's own homes and, when a zone above is heard, offer all of it there."""
        if interval <= self.zone.cleared_through:
            return []
        own = self.own.setdefault(interval, own)
        if self.uplink is None or not mode.offers or self.is_closed(self.uplink.terms.parent):
            return []
        if self.uplink.refuse_interval(interval) is not None:
            return []
        made = self.uplink.offer(interval, self.zone.seal(interval, own), interval - self.timing.close_lead_s)
        if isinstance(made, Rejected):
            return []
        (offered,) = made.events
        digest = record_digest(offered.offer)
        sent = message("offer", offered.offer, [self.signers.sign(digest)], offered.curve)
        return [Send(self.uplink.terms.parent, encode(sent))]

    def close(self, interval: int, now: int) -> list[Effect]:
        """Clear an interval with the award that is here, or alone; its children get their awards.

        Intervals before it that are open still, after a stop or a leap of the clock, are cleared first.
        """
        pending = {*self.own, *self.awarded, *(each for side in self.zone.children.values() for each in side.offers)}
        due = sorted({each for each in pending if each < interval} | {interval})
        return [effect for each in due for effect in self._close(each, now)]

    def _close(self, interval: int, now: int) -> list[Effect]:
        award = self.awarded.pop(interval, None)
        cleared = self.zone.clear(interval, now, award, self.own.pop(interval, NO_CURVE))
        if isinstance(cleared, Rejected):
            return []
        return [effect for each in cleared.events for effect in self._cleared(each, award)]

    # -- MESSAGES

    def receive(self, sender: Digest, received: Message, now: int, mode: Mode) -> Accepted[Effect] | Rejected:
        """Take a message of another community.

        Args:
            sender: Whose stream it came in; links are checked against it, exports name their origin themselves.
            received: As `wire.decode` gives it.
            now: By this zone's clock.
            mode: How the zone lives just now.
        """
        record, signatures = received.records[0], received.signatures[0]
        if isinstance(record, Export):
            return self._take_export(sender, received, SignedExport(record, signatures))
        if self.is_closed(sender):
            return _closed(sender)
        if isinstance(record, LinkRun):
            return self._take_run(sender, record, signatures)
        if len(signatures) != 1:
            return Rejected(LinkReject.BAD_SIGNATURE, {"signer": "none", "expected": hex_text(sender)})
        if isinstance(record, Lease | Award) and self.uplink is not None and sender == self.uplink.terms.parent:
            return self._from_parent(self.uplink, record, signatures[0], now, mode)
        if isinstance(record, Offer | Decision) and sender in self.zone.children:
            return self._from_child(sender, record, signatures[0], now, received.curve or NO_CURVE)
        return Rejected(LinkReject.WRONG_LINK, {"named": hex_text(sender), "expected": "a neighbour"})

    def witness(self, sender: Digest, received: Message, now: int, mode: Mode) -> Accepted[Effect] | Rejected:
        """Take a message that was refused, and keep it if it is a run that the sender's attestors have signed.

        Takes the same as `receive`. Two such runs under one number close the link: whoever pays by what both sides'
        attestors sign has no word left.
        """
        result, run = self.receive(sender, received, now, mode), received.records[0]
        if not isinstance(result, Rejected) or result.code not in EVIDENCE or not isinstance(run, LinkRun):
            return result
        signed = SignedRun(sender, run, received.signatures[0])
        return result if self.evidence.knows(signed) else Accepted(tuple(self._keep(signed)))

    def is_closed(self, other: Digest) -> bool:
        """Say whether a neighbour's attestors are proven to have signed two runs under one number."""
        return other in self.evidence.proofs

    def _keep(self, signed: SignedRun) -> list[Effect]:
        """Keep a run as evidence; with the proof, what the liar has offered is not awarded any more."""
        proof = self.evidence.take(signed)
        if proof is None:
            return []
        if signed.other in self.zone.children:
            self.zone.children[signed.other].offers.clear()
        return [proof]

    def _from_parent(
        self, uplink: ChildSide, record: Lease | Award, signature: bytes, now: int, mode: Mode
    ) -> Accepted[Effect] | Rejected:
        if isinstance(record, Lease):
            taken = uplink.take_lease(record, signature)
            return taken if isinstance(taken, Rejected) else Accepted()
        gone = record.interval <= self.zone.cleared_through or not mode.has_supplier
        decided = uplink.take_award(record, signature, now, gone=gone)
        if isinstance(decided, Rejected):
            return decided
        effects: list[Effect] = []
        for each in decided.events:
            effects.append(each)
            if each.decision is not None:
                effects.append(self._send(uplink.terms.parent, "decision", each.decision))
            if each.taken is not None:
                self.awarded[record.interval] = each.taken
        return Accepted((*effects, *self._due_run(uplink.terms.parent, uplink.ledger)))

    def _from_child(
        self, child: Digest, record: Offer | Decision, signature: bytes, now: int, curve: Curve
    ) -> Accepted[Effect] | Rejected:
        if isinstance(record, Offer):
            taken = self.zone.take_offer(child, record, curve, signature, now)
            return taken if isinstance(taken, Rejected) else Accepted()
        side = self.zone.children[child]
        heard = side.take_decision(record, signature)
        return heard if isinstance(heard, Rejected) else Accepted(tuple(self._due_run(child, side.ledger)))

    def _cleared(self, cleared: Cleared, award: Awarded | None) -> list[Effect]:
        own = cleared.clearing.net_export_wh.get(self.community, 0)
        offered = self.uplink.offers.get(cleared.interval) if self.uplink is not None and award is None else None
        lapsed_wh = offered.curve.export_wh + offered.curve.import_wh if offered is not None else 0
        price = cleared.clearing.price_ueur_per_kwh
        effects: list[Effect] = [Coupled(cleared.interval, price, own, award, lapsed_wh)]
        for child, each in cleared.awards.items():
            effects.append(self._send(child, "award", each))
            effects += self._due_run(child, self.zone.children[child].ledger)
        return effects

    # -- RUNS

    def _due_run(self, other: Digest, ledger: LinkLedger) -> list[Effect]:
        """Have the next run signed and sent as soon as this side knows all of it, once."""
        run = ledger.due_run()
        if run is None or run.number <= self.run_sent.get(other, 0):
            return []
        self.run_sent[other] = run.number
        return [Attest(other, run)]

    def _take_run(self, sender: Digest, run: LinkRun, signatures: tuple[bytes, ...]) -> Accepted[Effect] | Rejected:
        as_parent = sender in self.zone.children
        if as_parent:
            ledger = self.zone.children[sender].ledger
        elif self.uplink is not None and sender == self.uplink.terms.parent:
            ledger = self.uplink.ledger
        else:
            return Rejected(LinkReject.WRONG_LINK, {"named": hex_text(sender), "expected": "a neighbour"})
        settled = ledger.settle(run, signatures, by_parent=not as_parent)
        if isinstance(settled, Rejected):
            return settled
        effects = [Settled(run, as_parent, sender, signatures), *self._keep(SignedRun(sender, run, signatures))]
        return Accepted((*effects, *([] if self.is_closed(sender) else self._due_run(sender, ledger))))

    # -- CERTIFICATES

    def send_certificate(self, export: Export) -> Accepted[Effect] | Rejected:
        """Have a certificate signed and sent that the community's `Gateway` has let go."""
        made = self.exports.take(export)
        return made if isinstance(made, Rejected) else Accepted((Attest(export.destination, export),))

    def _take_export(self, sender: Digest, received: Message, signed: SignedExport) -> Accepted[Effect] | Rejected:
        match received.kind:
            case "clash":
                second = received.records[1]
                assert isinstance(second, Export), "wire gives exports only"
                conflict = Conflict(signed, SignedExport(second, received.signatures[1]))
                return Accepted(tuple(self._reconcile(conflict)))
            case "claim":
                return Accepted(tuple(self._claim(signed, sender)))
        if self.is_closed(signed.export.origin):
            return _closed(signed.export.origin)
        taken = self.imports.take(signed)
        if isinstance(taken, Rejected):
            return taken
        given_up = [self._give_up(event) for event in taken.events if isinstance(event, Conflict)]
        return Accepted((signed.export, *given_up, *self._claim(signed, self.community)))

    def _give_up(self, conflict: Conflict) -> GaveUp:
        return GaveUp(conflict, self.imports.due_neur(conflict.falls.export))

    def _claim(self, signed: SignedExport, told_by: Digest) -> list[Effect]:
        """Pass a claim up, so that the top sees all of them; tell both holders of a clash."""
        effects: list[Effect] = []
        if self.uplink is not None:
            claim = message("claim", signed.export, signed.signatures)
            effects.append(Send(self.uplink.terms.parent, encode(claim)))
        if self.zone.children:
            for conflict in self.claims.take(signed, told_by):
                effects += self._reconcile(conflict)
        return effects

    def _reconcile(self, conflict: Conflict) -> list[Effect]:
        """Give up what falls here, and tell the zones below from which either claim had come."""
        both = (conflict.stands, conflict.falls)
        told = Message("clash", tuple(e.export for e in both), tuple(e.signatures for e in both))
        ways = dict.fromkeys(self.claims.ways.get(record_digest(each.export)) for each in both)
        effects: list[Effect] = [Send(way, encode(told)) for way in ways if way in self.zone.children]
        return [self._give_up(conflict), *effects] if self.imports.reconcile(conflict) else effects

    def _send(self, to: Digest, kind: str, record: LinkRecord) -> Send:
        return Send(to, encode(message(kind, record, [self.signers.sign(record_digest(record))])))


def _closed(other: Digest) -> Rejected:
    return Rejected(LinkReject.LINK_CLOSED, {"other": hex_text(other)})
