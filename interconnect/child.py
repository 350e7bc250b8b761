"""The lower end of a link: offers its residual, takes the parent's award or declares it void, once.

An interval is open until the zone clears it: then whatever was not awarded has been sold otherwise, and an award that
still comes is void. The state decides, not the clock: a clock that is wrong or goes back sells nothing twice.
Units: Wh, µ€/kWh, UTC epoch seconds. Refuses with `LinkReject`.
"""

from dataclasses import dataclass, field

from energy.identity import hex_text
from energy.quantities import amount_neur
from energy.results import Accepted, Rejected
from interconnect.clearing import Awarded
from interconnect.curves import Curve, beyond_fee, coarse, within_capacity
from interconnect.ledger import LinkLedger
from interconnect.records import Award, Decision, Lease, Offer, Outcome, curve_hash, record_digest, signed_by
from interconnect.rejections import Facts, LinkReject
from interconnect.terms import LinkTerms


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer with its curve, to be signed and sent."""

    offer: Offer
    curve: Curve
    """At the parent's prices."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision to be signed and sent; None in its place when nothing was awarded, for that needs no word."""

    award: Award
    decision: Decision | None
    taken: Awarded | None
    """What the zone now has to clear with, at its own border; None for an award that came too late."""
    compensation_neur: int = 0
    """What the own bond owes for it, by a later run."""


@dataclass(slots=True)
class ChildSide:
    """State of the lower end."""

    terms: LinkTerms
    ledger: LinkLedger
    lease: Lease | None = None
    offers: dict[int, Offered] = field(default_factory=dict)
    """By interval, until an award of it or of a later one is here."""
    offered_through: int = -1
    """Start of the last interval that was offered; an earlier one is not offered again."""

    def take_lease(self, lease: Lease, signature: bytes) -> Accepted[Lease] | Rejected:
        """Take a new capacity of the link."""
        refusal = _refuse(self.terms, lease, signature)
        if refusal is not None:
            return refusal
        latest = self.lease.number if self.lease else 0
        if lease == self.lease:
            return Accepted()
        if lease.number <= latest:
            return Rejected(LinkReject.STALE_LEASE, {"lease": lease.number, "latest": latest})
        self.lease = lease
        return Accepted((lease,))

    def offer(self, interval: int, curve: Curve, expiry: int) -> Accepted[Offered] | Rejected:
        """Offer a zone's residual to the parent, as much of it as the link carries, behind the fee.

        Args:
            interval: Its start.
            curve: At the zone's own prices.
            expiry: First second at which an award comes too late.
        """
        refusal = self.refuse_interval(interval)
        if refusal is not None:
            return refusal
        if interval in self.offers:
            return Accepted((self.offers[interval],))
        lease = self.lease
        assert lease is not None, "there is a lease for the interval"
        tick = self.terms.tick_ueur_per_kwh
        sent = beyond_fee(
            within_capacity(coarse(curve, tick), lease.export_max_wh, lease.import_max_wh),
            self.terms.fee_ueur_per_kwh,
        )
        offered = Offered(Offer(self.terms.link, interval, lease.number, curve_hash(sent), expiry), sent)
        self.offers[interval] = offered
        self.offered_through = interval
        return Accepted((offered,))

    def refuse_interval(self, interval: int) -> Rejected | None:
        """Return why an interval can not be offered, or None."""
        lease = self.lease
        if lease is None or not lease.first_interval <= interval <= lease.last_interval:
            facts: Facts = {"field": "interval", "quantity_wh": 0, "limit_wh": 0, "interval": interval}
            return Rejected(LinkReject.BEYOND_LEASE, facts)
        if interval <= self.offered_through and interval not in self.offers:
            passed: Facts = {"interval": interval, "expiry": self.offered_through, "now": interval}
            return Rejected(LinkReject.TOO_LATE, passed)
        return None

    def take_award(
        self, award: Award, signature: bytes, now: int, *, gone: bool = False
    ) -> Accepted[Decided] | Rejected:
        """Take an award and give the last word on it.

        Args:
            award: As the parent sent it.
            signature: The parent's.
            now: By this side's clock.
            gone: Whether the zone has cleared the interval without it, or is an island and can not deliver.
        """
        refusal = _refuse(self.terms, award, signature) or self._refuse_award(award)
        if refusal is not None:
            return refusal
        added = self.ledger.add_award(award)
        if isinstance(added, Rejected) or not added.events:
            return added if isinstance(added, Rejected) else Accepted()
        offered = self.offers.pop(award.interval)
        late = gone or now >= offered.offer.expiry
        self._forget_before(award.interval)
        taken = None if late else self._at_border(award)
        if award.net_export_wh == 0:
            return Accepted((Decided(award, None, taken),))
        outcome = Outcome.VOID if late else Outcome.ACCEPTED
        decision = Decision(self.terms.link, award.number, record_digest(award), outcome)
        self.ledger.decide(decision)
        due_neur = amount_neur(abs(award.net_export_wh), self.terms.void_ueur_per_kwh) if late else 0
        return Accepted((Decided(award, decision, taken, due_neur),))

    def _refuse_award(self, award: Award) -> Rejected | None:
        """Refuse an award that is new and goes beyond what was offered; one that is known is the ledger's business."""
        if award.number <= self.ledger.last_award:
            return None
        if award.number != self.ledger.last_award + 1:
            return Rejected(LinkReject.GAP, {"number": award.number, "expected": self.ledger.last_award + 1})
        offered = self.offers.get(award.interval)
        limit = 0
        if offered is not None and record_digest(offered.offer) == award.offer:
            net, price = award.net_export_wh, award.price_ueur_per_kwh
            limit = offered.curve.export_at(price) if net > 0 else -offered.curve.import_at(price)
            if abs(net) <= abs(limit):
                return None
        facts: Facts = {"interval": award.interval, "net_export_wh": award.net_export_wh, "limit_wh": limit}
        return Rejected(LinkReject.AWARD_BEYOND_OFFER, facts)

    def _at_border(self, award: Award) -> Awarded:
        fee = self.terms.fee_ueur_per_kwh
        price = award.price_ueur_per_kwh + (-fee if award.net_export_wh > 0 else fee)
        return Awarded(award.net_export_wh, price)

    def _forget_before(self, interval: int) -> None:
        """Drop older offers: awards come in the sequence of intervals, so theirs will not come any more."""
        for older in [each for each in self.offers if each < interval]:
            del self.offers[older]


def _refuse(terms: LinkTerms, record: Lease | Award, signature: bytes) -> Rejected | None:
    if record.link != terms.link:
        return Rejected(LinkReject.WRONG_LINK, {"named": hex_text(record.link), "expected": hex_text(terms.link)})
    signer = signed_by(record_digest(record), signature)
    if signer != terms.parent_key:
        facts: Facts = {"signer": hex_text(signer) if signer else "none", "expected": hex_text(terms.parent_key)}
        return Rejected(LinkReject.BAD_SIGNATURE, facts)
    return None
