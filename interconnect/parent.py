"""The upper end: a zone's children with their offers, and the clearing that awards them.

Each child has a link of its own. An interval is cleared once; an offer that comes later is refused, and the child falls
back on its supplier. What a child then declares void is the zone's imbalance, which the child's bond pays for.
Units: Wh, µ€/kWh, UTC epoch seconds. Refuses with `LinkReject`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from energy.identity import Digest, hex_text
from energy.results import Accepted, Rejected
from interconnect.child import Offered
from interconnect.clearing import Awarded, ZoneClearing, clear_zone
from interconnect.curves import Curve, pooled
from interconnect.ledger import LinkLedger
from interconnect.records import Award, Decision, Lease, Offer, curve_hash, record_digest, signed_by
from interconnect.rejections import Facts, LinkReject
from interconnect.terms import LinkTerms


@dataclass(slots=True)
class ParentSide:
    """State of the upper end of one link."""

    terms: LinkTerms
    ledger: LinkLedger
    lease: Lease | None = None
    offers: dict[int, Offered] = field(default_factory=dict)
    """By interval, until it is cleared."""

    def grant(self, first_interval: int, last_interval: int, export_max_wh: int, import_max_wh: int) -> Lease:
        """Return the lease that replaces the one before, from now on."""
        number = self.lease.number + 1 if self.lease else 1
        self.lease = Lease(self.terms.link, number, first_interval, last_interval, export_max_wh, import_max_wh)
        return self.lease

    def take_decision(self, decision: Decision, signature: bytes) -> Accepted[Decision] | Rejected:
        """Take the child's word on an award."""
        refusal = _refuse(self.terms, decision, signature)
        return self.ledger.decide(decision) if refusal is None else refusal

    def refuse_offer(self, offer: Offer, curve: Curve, signature: bytes) -> Rejected | None:
        """Return why an offer is not taken, or None."""
        refusal = _refuse(self.terms, offer, signature)
        if refusal is not None:
            return refusal
        lease = self.lease
        if lease is None or offer.lease != lease.number:
            facts: Facts = {"lease": offer.lease, "latest": lease.number if lease else 0}
            return Rejected(LinkReject.STALE_LEASE, facts)
        in_time = lease.first_interval <= offer.interval <= lease.last_interval
        for name, quantity_wh, limit_wh in (
            ("interval", curve.export_wh, lease.export_max_wh if in_time else -1),
            ("export_max_wh", curve.export_wh, lease.export_max_wh),
            ("import_max_wh", curve.import_wh, lease.import_max_wh),
        ):
            if quantity_wh > limit_wh:
                asked: Facts = {"field": name, "quantity_wh": quantity_wh, "limit_wh": limit_wh}
                return Rejected(LinkReject.BEYOND_LEASE, {**asked, "interval": offer.interval})
        on_tick = all(
            step.price_ueur_per_kwh % self.terms.tick_ueur_per_kwh == 0 for step in (*curve.asks, *curve.bids)
        )
        if offer.curve_hash != curve_hash(curve) or not on_tick:
            return Rejected(
                LinkReject.CURVE_MISMATCH, {"interval": offer.interval, "field": "curve_hash" if on_tick else "price"}
            )
        return None

    def award(self, interval: int, net_export_wh: int, price_ueur_per_kwh: int, now: int) -> Award:
        """Book and return the award of one offer."""
        offered = self.offers.pop(interval)
        award = Award(
            self.terms.link,
            self.ledger.last_award + 1,
            interval,
            record_digest(offered.offer),
            net_export_wh,
            price_ueur_per_kwh,
            now,
        )
        self.ledger.add_award(award)
        return award


@dataclass(frozen=True, slots=True)
class Cleared:
    """An interval of the zone, with the award of every child that had offered."""

    interval: int
    clearing: ZoneClearing
    awards: Mapping[Digest, Award]
    """By child."""


@dataclass(slots=True)
class Zone:
    """All children of one zone."""

    community: Digest
    tick_ueur_per_kwh: int
    children: dict[Digest, ParentSide]
    """By community."""
    cleared_through: int = -1
    """Start of the last interval that is cleared; earlier ones take no offer any more."""
    sealed_through: int = -1
    """Start of the last interval that was offered to the zone above: what comes later was not in that offer, and would
    push out what it has brought."""

    def take_offer(
        self, child: Digest, offer: Offer, curve: Curve, signature: bytes, now: int
    ) -> Accepted[Offer] | Rejected:
        """Take a child's offer; one that is here already is taken again without effect."""
        side = self.children[child]
        refusal = side.refuse_offer(offer, curve, signature)
        if refusal is not None:
            return refusal
        known = side.offers.get(offer.interval)
        gone = known is None and offer.interval <= max(self.cleared_through, self.sealed_through)
        if gone or now >= offer.expiry:
            facts: Facts = {"interval": offer.interval, "expiry": offer.expiry, "now": now}
            return Rejected(LinkReject.TOO_LATE, facts)
        if known is not None and known.offer != offer:
            digests = {"first": hex_text(record_digest(known.offer)), "second": hex_text(record_digest(offer))}
            return Rejected(LinkReject.EQUIVOCATION, {"kind": "offer", "number": offer.interval, **digests})
        side.offers[offer.interval] = Offered(offer, curve)
        return Accepted(() if known else (offer,))

    def has_all(self, interval: int, expected: Iterable[Digest]) -> bool:
        """Say whether every child that is expected to has offered."""
        return all(interval in self.children[child].offers for child in expected)

    def seal(self, interval: int, own: Curve | None = None) -> Curve:
        """Return the zone's net export, at its own prices, to be offered to the zone above; take no more offers."""
        self.sealed_through = max(self.sealed_through, interval)
        return pooled(self._curves(interval, own).values())

    def clear(
        self, interval: int, now: int, uplink: Awarded | None = None, own: Curve | None = None
    ) -> Accepted[Cleared] | Rejected:
        """Clear an interval, once, and award every child that has offered.

        Args:
            interval: Its start; later than all that were cleared before.
            now: By this side's clock, for the awards.
            uplink: What the zone above has awarded.
            own: The residual of the zone's own homes, if it has any.
        """
        if interval <= self.cleared_through:
            return Rejected(LinkReject.TOO_LATE, {"interval": interval, "expiry": self.cleared_through, "now": now})
        clearing = clear_zone(interval, self._curves(interval, own), self.tick_ueur_per_kwh, uplink)
        self.cleared_through = interval
        price = clearing.price_ueur_per_kwh or 0
        awards = {
            child: side.award(interval, clearing.net_export_wh[child], price, now)
            for child, side in sorted(self.children.items())
            if interval in side.offers
        }
        for side in self.children.values():
            side.offers = {later: offered for later, offered in side.offers.items() if later > interval}
        return Accepted((Cleared(interval, clearing, awards),))

    def _curves(self, interval: int, own: Curve | None) -> dict[Digest, Curve]:
        curves = {
            child: side.offers[interval].curve for child, side in self.children.items() if interval in side.offers
        }
        return curves if own is None else {**curves, self.community: own}


def _refuse(terms: LinkTerms, record: Offer | Decision, signature: bytes) -> Rejected | None:
    if record.link != terms.link:
        return Rejected(LinkReject.WRONG_LINK, {"named": hex_text(record.link), "expected": hex_text(terms.link)})
    signer = signed_by(record_digest(record), signature)
    if signer != terms.child_key:
        facts: Facts = {"signer": hex_text(signer) if signer else "none", "expected": hex_text(terms.child_key)}
        return Rejected(LinkReject.BAD_SIGNATURE, facts)
    return None
