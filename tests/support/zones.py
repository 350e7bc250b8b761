"""A simulated region: zones with homes, their stations and disks, in one thread and by one seed.

What decides is the room `interconnect` itself; here are homes, clocks that are wrong, disks that outlive a crash, and
faults. The same seed gives the same history, to the byte.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from energy.identity import ZERO_DIGEST, Address, Digest, MeterId
from energy.results import Rejected
from interconnect.child import ChildSide
from interconnect.curves import Curve, Step, residual
from interconnect.evidence import EVIDENCE
from interconnect.ledger import LinkLedger
from interconnect.modes import HearingRules, Mode, Watch
from interconnect.origin import Exports, Imports
from interconnect.parent import ParentSide, Zone
from interconnect.records import Export, community_id, record_digest
from interconnect.rejections import RETRIED, LinkReject
from interconnect.station import Attest, Coupled, Effect, Send, Station, Timing
from interconnect.terms import Attestors, LinkTerms
from oracles.signatures import address_of, sign
from tests.support.zone_network import Faults, Network, read

INTERVAL_S = 900
START = 1_800_000_000 - 1_800_000_000 % INTERVAL_S
TICK = 1_000
BOND_NEUR = 10**15


class Keys:
    """Keys of one zone, from its name."""

    def __init__(self, name: str) -> None:
        self.link = sha256(f"link {name}".encode()).digest()
        attestors = [sha256(f"attestor {n} {name}".encode()).digest() for n in range(3)]
        self._attestors = sorted(attestors, key=address_of)[:2]
        self.attestors = Attestors(tuple(sorted(address_of(key) for key in attestors)), 2)

    def sign(self, digest: Digest) -> bytes:
        return sign(self.link, digest)

    def attest(self, digest: Digest) -> tuple[bytes, ...]:
        return tuple(sign(key, digest) for key in self._attestors)


@dataclass(frozen=True, slots=True)
class HomeOrder:
    """One home's wish in an interval."""

    sells: bool
    step: Step


@dataclass(slots=True)
class Place:
    """One zone with its machine."""

    name: str
    community: Digest
    keys: Keys
    parent: Digest | None
    children: list[Digest]
    homes: int
    timing: Timing
    station: Station
    watch: Watch
    disk: list[tuple[str, Callable[[Station], object]]] = field(default_factory=list)
    """Accepted commands, in sequence: what a crash leaves."""
    let_go: list[Export] = field(default_factory=list)
    """What the community's `Gateway` has let go."""
    clock_offset_s: int = 0
    grid_there: bool = True
    coupled: dict[int, Coupled] = field(default_factory=dict)
    orders: dict[int, list[HomeOrder]] = field(default_factory=dict)
    refused: Counter[LinkReject] = field(default_factory=Counter)
    opened: int = 0
    """Restarts so far."""
    watchers: list[Callable[[Effect], None]] = field(default_factory=list)
    """Are shown every effect, once."""

    @property
    def mode(self) -> Mode:
        return self.watch.mode


@dataclass(frozen=True, slots=True)
class Goods:
    """A certificate that is to leave: a range on a device's export ruler."""

    device: MeterId
    interval: int
    from_wh: int
    to_wh: int
    source: int = 1
    carbon_g_per_kwh: int = 30


def let_go(made: list[Export], origin: Digest, goods: Goods, destination: Digest, recipient: Address) -> Export:
    """Number an export as the contract `Gateway` does, which keeps them."""
    export = Export(
        *(origin, len(made) + 1, destination, recipient, goods.device, goods.interval),
        *(goods.from_wh, goods.to_wh, goods.source, goods.carbon_g_per_kwh),
        record_digest(made[-1]) if made else ZERO_DIGEST,
    )
    made.append(export)
    return export


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a region is."""

    cities: int
    neighbourhoods: int
    """Of each city."""
    homes: int
    """Of each neighbourhood."""
    fees: tuple[int, int] = (8_000, 12_000)
    """Of the way from a neighbourhood to its city, and from a city to the region, µ€/kWh."""
    run_awards: int = 8
    couples: bool = True
    """Whether zones offer to each other at all."""


class Region:
    """All of it; make it, let time pass with `live`, then look."""

    def __init__(self, shape: Shape, seed: int, faults: Faults | None = None) -> None:
        self.shape = shape
        self.chance = Random(seed)
        self.network = Network(Random(seed + 1), faults or Faults(), self._deliver, START - 3 * INTERVAL_S)
        self.network.path = self._path
        self.places: dict[Digest, Place] = {}
        self.trace = sha256()
        self.sniffed: list[tuple[Digest, Digest, bytes]] = []
        """Every message that was published."""
        region = self._place("region", None, 0, Timing(480, 420))
        for c in range(shape.cities):
            city = self._place(f"city {c}", region, 0, Timing(540, 360))
            for n in range(shape.neighbourhoods):
                self._place(f"neighbourhood {c}.{n}", city, shape.homes, Timing(600, 300))
        for place in self.places.values():
            place.station = self.fresh(place)
        for place in self.places.values():
            for child in place.children:
                self.grant(place.community, child, 200_000 * max(1, shape.homes))

    @property
    def leaves(self) -> list[Place]:
        return [place for place in self.places.values() if not place.children]

    # -- BUILDING

    def _place(self, name: str, parent: Digest | None, homes: int, timing: Timing) -> Digest:
        keys = Keys(name)
        community = community_id(len(self.places) + 1, address_of(keys.link))
        empty = Station(
            community, Zone(community, TICK, {}), timing, keys, Exports(community), Imports(community, {}, {})
        )
        self.places[community] = Place(
            name, community, keys, parent, [], homes, timing, empty, Watch(HearingRules(1_900, 0))
        )
        if parent is not None:
            self.places[parent].children.append(community)
        return community

    def terms(self, child: Digest) -> LinkTerms:
        below = self.places[child]
        assert below.parent is not None
        above = self.places[below.parent]
        return LinkTerms(
            above.community,
            child,
            address_of(above.keys.link),
            address_of(below.keys.link),
            above.keys.attestors,
            below.keys.attestors,
            self.shape.fees[0 if not below.children else 1],
            200_000,
            TICK,
            self.shape.run_awards,
        )

    def fresh(self, place: Place) -> Station:
        """Return a zone's station as it is before its first command."""
        sides = {
            child: ParentSide(t, LinkLedger(t, BOND_NEUR)) for child in place.children for t in [self.terms(child)]
        }
        uplink = None
        if place.parent is not None:
            terms = self.terms(place.community)
            uplink = ChildSide(terms, LinkLedger(terms, BOND_NEUR))
        origins = {each.community: each.keys.attestors for each in self.places.values()}
        return Station(
            place.community,
            Zone(place.community, TICK, sides),
            place.timing,
            place.keys,
            Exports(place.community),
            Imports(place.community, origins, dict.fromkeys(origins, 100_000)),
            uplink,
        )

    def _path(self, sender: Digest, receiver: Digest) -> list[Digest]:
        """Return the communities whose way up a message takes."""
        up, down = self._line(sender), self._line(receiver)
        common = [each for each in up if each in down]
        return [each for each in (*up, *down) if each not in common]

    def _line(self, community: Digest) -> list[Digest]:
        line = [community]
        while (parent := self.places[line[-1]].parent) is not None:
            line.append(parent)
        return line

    # -- WHAT HAPPENS

    def grant(self, parent: Digest, child: Digest, capacity_wh: int) -> None:
        """Let a parent give its child a new capacity, either way."""
        first, last = START, START + 10_000 * INTERVAL_S
        self._do(self.places[parent], "grant", lambda s: s.grant(child, first, last, capacity_wh, capacity_wh))

    def live(self, first: int, count: int) -> None:
        """Let intervals pass, by number from the start."""
        for number in range(first, first + count):
            interval = START + number * INTERVAL_S
            for place in self.places.values():
                self._schedule(place, interval)
            self.network.run(interval)

    def settle_down(self, limit_s: int = 100_000) -> int:
        """Let time pass until no message is under way; return the seconds that took."""
        began = self.network.now
        while not self.network.idle and self.network.now < began + limit_s:
            self.network.run(self.network.now + 1)
        return self.network.now - began

    def crash(self, community: Digest, for_s: int) -> None:
        """Kill a zone's machine; it comes back from its disk."""
        self.network.down.add(community)
        self.network.at(self.network.now + for_s, lambda: self.restart(community))

    def restart(self, community: Digest) -> None:
        """Start a machine anew: apply what is on its disk, publish it all once more."""
        place = self.places[community]
        if community not in self.network.down:
            return
        self.network.down.discard(community)
        place.station, place.opened = self.fresh(place), place.opened + 1
        for _, command in place.disk:
            for effect in _effects(command(place.station)):
                self._publish(place, effect)

    def send_certificate(self, origin: Digest, destination: Digest, goods: Goods) -> None:
        """Let a certificate change community."""
        recipient = address_of(self.places[destination].keys.link)
        place = self.places[origin]
        export = let_go(place.let_go, origin, goods, destination, recipient)
        self._do(place, "certificate", lambda s: s.send_certificate(export))

    def goods(self, number: int, interval: int) -> Goods:
        """Return a certificate of some device, by number."""
        device = MeterId(sha256(f"device {number}".encode()).digest())
        from_wh = self.chance.randrange(0, 500)
        return Goods(device, interval, from_wh, from_wh + self.chance.randrange(1, 500))

    def _schedule(self, place: Place, interval: int) -> None:
        # A wrong clock acts early or late.
        offer_at = interval - place.timing.offer_lead_s - place.clock_offset_s
        close_at = interval - place.timing.close_lead_s - place.clock_offset_s
        self.network.at(offer_at, lambda: self._offer(place, interval))
        self.network.at(close_at, lambda: self._close(place, interval))

    def _offer(self, place: Place, interval: int) -> None:
        if place.community in self.network.down:
            return
        mode = self._listen(place) if self.shape.couples else Mode.ALONE
        orders = place.orders.setdefault(interval, self._wishes(place))
        own = curve_of(orders)
        self._do(place, "offer", lambda s: s.offer(interval, own, mode))

    def _close(self, place: Place, interval: int) -> None:
        now = self._clock(place)
        if place.community not in self.network.down:
            self._do(place, "close", lambda s: s.close(interval, now))

    def _listen(self, place: Place) -> Mode:
        """Hear the beat of the zone above when the way is whole, and return the mode."""
        above = place.parent
        if above is not None and place.community not in self.network.cut and above not in self.network.down:
            place.watch.hear(self._clock(place))
        return place.watch.step(self._clock(place), grid_there=place.grid_there)

    def _clock(self, place: Place) -> int:
        return self.network.now + place.clock_offset_s

    def _wishes(self, place: Place) -> list[HomeOrder]:
        tilt = self.chance.randint(200, 800)
        return [
            HomeOrder(
                self.chance.randrange(1000) < tilt,
                Step(self.chance.randrange(40, 260) * TICK, self.chance.randrange(10, 800)),
            )
            for _ in range(place.homes)
        ]

    def _deliver(self, sender: Digest, receiver: Digest, data: bytes) -> bool:
        place = self.places[receiver]
        message, now, mode = read(data), self._clock(place), place.mode
        result = self._do(place, "receive", lambda s: s.receive(sender, message, now, mode))
        if self.witnesses and isinstance(result, Rejected) and result.code in EVIDENCE:
            self._do(place, "witness", lambda s: s.witness(sender, message, now, mode))
        self.trace.update(receiver + now.to_bytes(8, "big") + data)
        return not (isinstance(result, Rejected) and result.code in RETRIED)

    def _do(self, place: Place, name: str, command: Callable[[Station], object]) -> object:
        result = command(place.station)
        if isinstance(result, Rejected):
            assert isinstance(result.code, LinkReject) or result.code >= 3000
            if isinstance(result.code, LinkReject):
                place.refused[result.code] += 1
            return result
        place.disk.append((name, command))
        if self.chance.randrange(1000) < 3 and place.community in self.fragile:
            # Killed after writing and before sending.
            self.crash(place.community, self.chance.randrange(1, 2_000))
            return result
        for effect in _effects(result):
            for watcher in place.watchers:
                watcher(effect)
            self._publish(place, effect)
        return result

    witnesses: bool = False
    """Whether zones keep what their neighbours' attestors have signed, and close links on proof."""
    fragile: frozenset[Digest] = frozenset()
    """Zones whose machine may be killed at any command."""

    def _publish(self, place: Place, effect: Effect) -> None:
        if isinstance(effect, Attest):
            effect = Send(effect.to, effect.signed(place.keys.attest(record_digest(effect.record))))
        match effect:
            case Send(to, data):
                kind = read(data).kind
                # Nobody has a way to others; certificates travel by file as well.
                assert kind == "export" or to in (place.parent, *place.children)
                self.network.publish(place.community, to, kind, data)
                self.sniffed.append((place.community, to, data))
            case Coupled(interval=interval):
                place.coupled[interval] = effect
            case _:
                pass


def curve_of(orders: list[HomeOrder]) -> Curve:
    """Return the residual of homes whose orders have not met yet."""
    return residual((o.step for o in orders if o.sells), (o.step for o in orders if not o.sells))


def _effects(result: object) -> list[Effect]:
    if isinstance(result, list):
        return result
    events: tuple[Effect, ...] = getattr(result, "events", ())
    return list(events)
