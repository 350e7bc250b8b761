"""Two ends of one link with their keys, for tests that play both sides, or lie for one of them."""

from dataclasses import dataclass, field

from energy.identity import Digest
from energy.results import Accepted, Rejected
from interconnect.child import ChildSide
from interconnect.curves import Curve, Step
from interconnect.ledger import LinkLedger
from interconnect.parent import ParentSide, Zone
from interconnect.records import Award, Decision, LinkRecord, Offer, record_digest, sign_record
from interconnect.terms import LinkTerms
from oracles.signatures import address_of
from tests.support.zones import INTERVAL_S, START, Keys

ABOVE, BELOW, BESIDE = Digest(b"a" * 32), Digest(b"b" * 32), Digest(b"c" * 32)
BOND_NEUR = 10**12


def terms_of(child: Digest = BELOW, **changed: int) -> LinkTerms:
    """Return terms between `ABOVE` and a child."""
    above, below = Keys("above"), Keys(child.hex())
    given = {"fee_ueur_per_kwh": 10_000, "void_ueur_per_kwh": 50_000, "run_awards": 2, **changed}
    return LinkTerms(
        ABOVE,
        child,
        address_of(above.link),
        address_of(below.link),
        above.attestors,
        below.attestors,
        given["fee_ueur_per_kwh"],
        given["void_ueur_per_kwh"],
        run_awards=given["run_awards"],
    )


@dataclass(slots=True)
class Ends:
    """A zone above with two children: `below` is played at both ends, `beside` only makes a market."""

    terms: LinkTerms = field(default_factory=terms_of)
    above_keys: Keys = field(default_factory=lambda: Keys("above"))
    below_keys: Keys = field(default_factory=lambda: Keys(BELOW.hex()))
    beside_keys: Keys = field(default_factory=lambda: Keys(BESIDE.hex()))
    child: ChildSide = field(init=False)
    beside: ChildSide = field(init=False)
    zone: Zone = field(init=False)

    def __post_init__(self) -> None:
        other = terms_of(BESIDE)
        self.child = ChildSide(self.terms, LinkLedger(self.terms, BOND_NEUR))
        self.beside = ChildSide(other, LinkLedger(other, BOND_NEUR))
        self.zone = Zone(
            ABOVE,
            1_000,
            {
                BELOW: ParentSide(self.terms, LinkLedger(self.terms, BOND_NEUR)),
                BESIDE: ParentSide(other, LinkLedger(other, BOND_NEUR)),
            },
        )
        self.grant(5_000)

    @property
    def parent(self) -> ParentSide:
        return self.zone.children[BELOW]

    def grant(self, capacity_wh: int) -> None:
        """Give both children a lease."""
        for community, side in ((BELOW, self.child), (BESIDE, self.beside)):
            lease = self.zone.children[community].grant(START, START + 99 * INTERVAL_S, capacity_wh, capacity_wh)
            assert isinstance(side.take_lease(lease, self.by_parent(lease)), Accepted)

    def by_parent(self, record: LinkRecord) -> bytes:
        return sign_record(self.above_keys.link, record)

    def by_child(self, record: LinkRecord) -> bytes:
        return sign_record(self.below_keys.link, record)

    def offer(self, interval: int, curve: Curve) -> tuple[Offer, Curve]:
        """Let the child offer, and the zone take it."""
        made = self.child.offer(interval, curve, interval - 300)
        assert isinstance(made, Accepted)
        (offered,) = made.events
        taken = self.take(offered.offer, offered.curve)
        assert isinstance(taken, Accepted), taken
        return offered.offer, offered.curve

    def take(self, offer: Offer, curve: Curve, now: int = START - 900) -> Accepted[Offer] | Rejected:
        return self.zone.take_offer(BELOW, offer, curve, self.by_child(offer), now)

    def market(self, interval: int, price: int = 100_000, wanted_wh: int = 1_000) -> None:
        """Let the other child want energy at a price."""
        made = self.beside.offer(interval, Curve(bids=(Step(price, wanted_wh),)), interval - 300)
        assert isinstance(made, Accepted)
        (offered,) = made.events
        signature = sign_record(self.beside_keys.link, offered.offer)
        assert isinstance(self.zone.take_offer(BESIDE, offered.offer, offered.curve, signature, START - 900), Accepted)

    def award(self, interval: int) -> Award:
        """Clear the zone and return the child's award."""
        cleared = self.zone.clear(interval, interval - 420)
        assert isinstance(cleared, Accepted)
        return cleared.events[0].awards[BELOW]

    def traded(self, interval: int, quantity_wh: int = 400) -> Award:
        """Let one interval go well as far as the award."""
        self.market(interval)
        self.offer(interval, Curve(asks=(Step(50_000, quantity_wh),)))
        return self.award(interval)

    def decide(self, award: Award, now: int) -> Decision:
        """Let the child decide, and the parent hear of it."""
        decided = self.child.take_award(award, self.by_parent(award), now)
        assert isinstance(decided, Accepted)
        decision = decided.events[0].decision
        assert decision is not None
        assert isinstance(self.parent.take_decision(decision, self.by_child(decision)), Accepted)
        return decision

    def run_signatures(self, record: LinkRecord, *, by_parent: bool) -> tuple[bytes, ...]:
        return (self.above_keys if by_parent else self.below_keys).attest(record_digest(record))
