"""A bad day for a simulated region, by seed: cuts, kills, wrong clocks, lost grids, smaller capacities, and liars.

Liars know what is public, and the keys of their own zone: they repeat what was said, sign runs with a stranger's keys,
say two things under one number, offer under an old lease, and sell a certificate to two buyers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random
from typing import TypeVar

from energy.identity import Digest
from interconnect.records import Decision, Export, LinkRun, Offer, Outcome, record_digest
from interconnect.wire import encode, message
from oracles.signatures import address_of, sign
from tests.support.zone_auditor import Books, audit
from tests.support.zone_network import Faults, read
from tests.support.zones import INTERVAL_S, START, Place, Region, Shape

ROUGH = Faults(lost=200, doubled=100, delay_s_max=60, again_after_s=30)
"""A fifth is lost, a tenth comes twice, and messages overtake each other by a minute."""

Record = TypeVar("Record")

STRANGERS = sorted((sha256(f"stranger {n}".encode()).digest() for n in range(2)), key=address_of)


@dataclass(frozen=True, slots=True)
class Day:
    """What came of it."""

    region: Region
    books: Books
    converge_s: int
    lies: int
    """Told in all."""


def bad_day(seed: int, shape: Shape, intervals: int = 96, faults: Faults = ROUGH) -> Day:
    """Let a region live through troubles, heal it, and audit it."""
    chance = Random(seed ^ 0x5EED)
    region = Region(shape, seed, faults)
    places = list(region.places.values())
    for place in places:
        place.clock_offset_s = chance.choice([0, 0, 0, 1, -1, 45, -200, 900, -3_600])
    region.fragile = frozenset(each.community for each in places)
    # A link that is closed sees no more troubles, so on every other day nobody keeps evidence.
    region.witnesses = seed % 2 == 1
    lies = 0
    for number in range(intervals):
        for trouble in chance.sample(TROUBLES, 2):
            trouble(region, chance)
        lies += tell_lies(region, chance)
        for _ in range(chance.randrange(3)):
            origin, destination = chance.sample(region.leaves, 2)
            interval = START + chance.randrange(number + 1) * INTERVAL_S
            goods = region.goods(chance.randrange(1 << 30), interval)
            if origin.community not in region.network.down:
                region.send_certificate(origin.community, destination.community, goods)
        region.live(number, 1)
    heal(region)
    region.live(intervals, 2)
    converge_s = region.settle_down()
    return Day(region, audit(region), converge_s, lies)


def heal(region: Region) -> None:
    """End every trouble but the lies that were told."""
    region.fragile = frozenset()
    region.network.cut.clear()
    region.network.faults = Faults()
    for place in region.places.values():
        place.grid_there = True
        place.clock_offset_s = 0  # or the last awards are still to be cleared when the auditor comes
        region.restart(place.community)


# -- TROUBLES


def cut(region: Region, chance: Random) -> None:
    region.network.cut.add(chance.choice(list(region.places)))


def mend(region: Region, chance: Random) -> None:
    if region.network.cut:
        region.network.cut.discard(chance.choice(sorted(region.network.cut)))


def kill(region: Region, chance: Random) -> None:
    region.crash(chance.choice(list(region.places)), chance.randrange(1, 3 * INTERVAL_S))


def shift_clock(region: Region, chance: Random) -> None:
    place = chance.choice(list(region.places.values()))
    place.clock_offset_s = chance.choice([0, 30, -30, 400, -400, 3_600])


def lose_grid(region: Region, chance: Random) -> None:
    place = chance.choice(region.leaves)
    place.grid_there = not place.grid_there


def shrink(region: Region, chance: Random) -> None:
    child = chance.choice([place for place in region.places.values() if place.parent is not None])
    assert child.parent is not None
    if child.parent not in region.network.down:
        region.grant(child.parent, child.community, chance.choice([0, 500, 2_000, 1_000_000]))


TROUBLES: list[Callable[[Region, Random], None]] = [cut, mend, mend, kill, shift_clock, lose_grid, shrink]


# -- LIES


def tell_lies(region: Region, chance: Random) -> int:
    """Tell one lie of a random kind; return how many messages it took."""
    lie = chance.choice([repeat, forge_run, equivocate_run, unsay, offer_under_old_lease, sell_twice])
    return lie(region, chance)


def repeat(region: Region, chance: Random) -> int:
    """Say again, word for word, what somebody has said before, to whom it was said or to somebody else."""
    if not region.sniffed:
        return 0
    sender, receiver, data = chance.choice(region.sniffed)
    region.network.inject(sender, chance.choice([receiver, chance.choice(list(region.places))]), data)
    return 1


def forge_run(region: Region, chance: Random) -> int:
    """Sign a run that pays the liar with keys that nobody has registered."""
    found = _latest(region, chance, LinkRun)
    if found is None:
        return 0
    sender, receiver, run = found
    forged = replace(run, number=run.number + chance.randrange(2), net_neur=run.net_neur + 10**9)
    signatures = [sign(key, record_digest(forged)) for key in STRANGERS]
    region.network.inject(sender, receiver, encode(message("run", forged, signatures)))
    return 1


def equivocate_run(region: Region, chance: Random) -> int:
    """Let all attestors of a zone sign another content under a run's number."""
    found = _latest(region, chance, LinkRun)
    if found is None:
        return 0
    sender, receiver, run = found
    other = replace(run, net_neur=run.net_neur + 1)
    signatures = region.places[sender].keys.attest(record_digest(other))
    region.network.inject(sender, receiver, encode(message("run", other, signatures)))
    return 1


def unsay(region: Region, chance: Random) -> int:
    """Take back a decision that was given."""
    found = _latest(region, chance, Decision)
    if found is None:
        return 0
    sender, receiver, decision = found
    other = replace(decision, outcome=Outcome.VOID if decision.outcome is Outcome.ACCEPTED else Outcome.ACCEPTED)
    # Before the honest word is there, the liar's own first word would be its word.
    ledger = region.places[receiver].station.zone.children[sender].ledger
    if decision.number not in ledger.outcomes and decision.number > ledger.settled_award:
        return 0
    key = region.places[sender].keys.link
    region.network.inject(sender, receiver, encode(message("decision", other, [sign(key, record_digest(other))])))
    return 1


def offer_under_old_lease(region: Region, chance: Random) -> int:
    """Offer more than the lease of today carries, under one that is over."""
    found = _latest(region, chance, Offer)
    if found is None:
        return 0
    sender, receiver, offer = found
    stale = replace(offer, lease=offer.lease + 7, interval=offer.interval + INTERVAL_S, expiry=offer.expiry + 9 * 900)
    key = region.places[sender].keys.link
    sent = next(read(data) for s, r, data in region.sniffed if (s, r) == (sender, receiver) and read(data).curve)
    lie = message("offer", stale, [sign(key, record_digest(stale))], sent.curve)
    region.network.inject(sender, receiver, encode(lie))
    return 1


def sell_twice(region: Region, chance: Random) -> int:
    """Sell energy of a certificate that has left already to another community, with the attestors' signatures."""
    found = _latest(region, chance, Export)
    if found is None:
        return 0
    origin, _, export = found
    liar, buyer = region.places[export.origin], chance.choice(region.leaves)
    if buyer.community in (origin, export.destination):
        return 0
    number = chance.choice([export.number, 1_000_000 + chance.randrange(1 << 30)])
    other = replace(export, number=number, destination=buyer.community, recipient=address_of(buyer.keys.link))
    signatures = liar.keys.attest(record_digest(other))
    data = encode(message("export", other, signatures))
    # A liar's stream is as patient as an honest one.
    region.network.publish(liar.community, buyer.community, "export", data)
    return 1


def _latest(region: Region, chance: Random, kind: type[Record]) -> tuple[Digest, Digest, Record] | None:
    """Return one of the latest records of a kind, with who said it to whom."""
    found = [
        (sender, receiver, record)
        for sender, receiver, data in region.sniffed[-400:]
        for record in read(data).records[:1]
        if isinstance(record, kind) and read(data).kind != "claim"
    ]
    return chance.choice(found) if found else None


def refusals(places: list[Place]) -> dict[str, int]:
    """Return how often each code was said, by name."""
    total: dict[str, int] = {}
    for place in places:
        for code, count in place.refused.items():
            total[code.name] = total.get(code.name, 0) + count
    return total
