"""An auditor of a simulated region, with books of its own: from the messages that it saw and what homes wanted.

It shares no state with the stations and repeats none of their arithmetic: it holds orders, offers, awards and decisions
against each other, and counts what does not fit.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from energy.identity import Digest
from energy.results import Accepted
from interconnect.records import Award, Decision, Export, LinkRun, Offer, Outcome
from market.clearing.sealed_book import SealedBook, SealedOrder
from market.clearing.uniform import uniform_price
from market.orders import Side
from tests.support.zone_network import read
from tests.support.zones import TICK, Place, Region


@dataclass(slots=True)
class Books:
    """What the auditor has found."""

    double_sold_wh: int = 0
    coupled_wh: int = 0
    void_wh: int = 0
    certified_twice_wh: int = 0
    moved_certificates_wh: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """What was said on one link."""

    offers: dict[int, tuple[Offer, int, int]] = field(default_factory=dict)
    awards: dict[int, Award] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    runs: dict[tuple[int, bool], LinkRun] = field(default_factory=dict)


def audit(region: Region) -> Books:
    """Audit a region whose ways are whole and quiet."""
    books = Books()
    links = _links(region, books)
    for place in region.places.values():
        if place.parent is not None:
            _audit_link(region, place, links[place.community], books)
        if not place.children:
            _audit_homes(place, books)
    _audit_zones(region, links, books)
    _audit_certificates(region, books)
    return books


def _links(region: Region, books: Books) -> dict[Digest, Seen]:
    seen: dict[Digest, Seen] = defaultdict(Seen)
    for sender, receiver, data in region.sniffed:
        message = read(data)
        record = message.records[0]
        child = sender if region.places[sender].parent == receiver else receiver
        link = seen[child]
        match record:
            case Offer() if message.curve is not None:
                link.offers[record.interval] = (record, message.curve.export_wh, message.curve.import_wh)
            case Award():
                _once(link.awards, record.number, record, books)
            case Decision():
                _once(link.outcomes, record.number, record.outcome, books)
            case LinkRun():
                _once(link.runs, (record.number, sender == child), record, books)
            case _:
                pass
    return seen


def _once(known: dict[Any, Any], key: object, value: object, books: Books) -> None:
    if known.setdefault(key, value) != value:
        books.wrong.append(f"{key} was said twice: {known[key]} and {value}")


def _audit_link(region: Region, child: Place, seen: Seen, books: Books) -> None:
    assert child.parent is not None
    above, below = region.places[child.parent].station.zone.children[child.community].ledger, child.station.uplink
    assert below is not None
    ledger = below.ledger
    closed = is_closed(region, child)
    for name in ("awards", "outcomes", "last_award", "runs", "balance_neur", "bond_neur"):
        if not closed and getattr(above, name) != getattr(ledger, name):
            books.wrong.append(f"{child.name}: {name} differs after healing")
    if sorted(seen.awards) != list(range(1, len(seen.awards) + 1)):
        books.wrong.append(f"{child.name}: awards have gaps")
    fee = region.terms(child.community).fee_ueur_per_kwh
    intervals = Counter(award.interval for award in seen.awards.values())
    if any(count > 1 for count in intervals.values()):
        books.wrong.append(f"{child.name}: an interval was awarded twice")
    owed = 0
    for number, award in sorted(seen.awards.items()):
        moved = abs(award.net_export_wh)
        _, export_wh, import_wh = seen.offers[award.interval]
        if not -import_wh <= award.net_export_wh <= export_wh:
            books.wrong.append(f"{child.name}: award {number} goes beyond the offer")
        coupled = child.coupled.get(award.interval)
        used = coupled.uplink.net_export_wh if coupled and coupled.uplink else 0
        unheard = Outcome.VOID if closed else Outcome.ACCEPTED
        outcome = seen.outcomes.get(number, unheard) if moved else Outcome.ACCEPTED
        if moved and number not in seen.outcomes and not closed:
            books.wrong.append(f"{child.name}: award {number} has no outcome")
        if outcome is Outcome.ACCEPTED:
            books.coupled_wh += moved
            books.double_sold_wh += abs(used - award.net_export_wh)
            if number <= ledger.settled_award:
                owed += award.net_export_wh * award.price_ueur_per_kwh - moved * fee
        else:
            books.void_wh += moved
            books.double_sold_wh += abs(used)
    if owed != ledger.balance_neur:
        books.wrong.append(f"{child.name}: the runs owe {ledger.balance_neur}, the awards {owed}")
    for (number, by_child), run in seen.runs.items():
        if seen.runs.get((number, not by_child), run) != run:
            books.wrong.append(f"{child.name}: run {number} differs between its two sides")


def is_closed(region: Region, child: Place) -> bool:
    """Say whether either end of a link has closed it, for what it can show to anybody."""
    assert child.parent is not None
    terms, above = region.terms(child.community), region.places[child.parent].station
    ends = ((above, child.community, False), (child.station, child.parent, True))
    proofs = [(station.evidence.proofs.get(other), by_parent) for station, other, by_parent in ends]
    for proof, by_parent in proofs:
        for each in (proof.first, proof.second) if proof else ():
            assert isinstance(terms.check_run(each.run, each.signatures, by_parent=by_parent), Accepted)
        if proof:
            assert proof.first.run.number == proof.second.run.number
            assert proof.first.run != proof.second.run
    return any(proof for proof, _ in proofs)


def _audit_homes(place: Place, books: Books) -> None:
    """Let the homes' own orders meet with what crossed the border: everybody at or better than the limit, once."""
    for interval, coupled in place.coupled.items():
        wishes = place.orders.get(interval, [])
        orders = [(Side.SELL if wish.sells else Side.BUY, wish.step) for wish in wishes]
        sealed = [
            SealedOrder(side, step.price_ueur_per_kwh // TICK, step.quantity_wh, n)
            for n, (side, step) in enumerate(orders, 1)
        ]
        net = coupled.uplink.net_export_wh if coupled.uplink else 0
        if coupled.uplink and net:
            side = Side.BUY if net > 0 else Side.SELL
            sealed.insert(0, SealedOrder(side, coupled.uplink.price_ueur_per_kwh // TICK, abs(net), 0))
        result = uniform_price(SealedBook(2_000, sealed))
        if net and result.filled_wh[0] != abs(net):
            books.double_sold_wh += abs(net) - result.filled_wh[0]
        if coupled.own_net_export_wh != net:
            books.wrong.append(f"{place.name}: homes give {coupled.own_net_export_wh} Wh, the border carries {net}")


def _audit_zones(region: Region, links: dict[Digest, Seen], books: Books) -> None:
    """In every zone that clears, what comes from below goes to a neighbour or up, to the Wh (M1)."""
    for place in region.places.values():
        if not place.children:
            continue
        sums: Counter[int] = Counter()
        for child in place.children:
            for award in links[child].awards.values():
                sums[award.interval] += award.net_export_wh
        for interval, coupled in place.coupled.items():
            up = coupled.uplink.net_export_wh if coupled.uplink else 0
            if sums[interval] != up:
                books.wrong.append(f"{place.name}: {sums[interval]} Wh from below, {up} Wh up in {interval}")


def _audit_certificates(region: Region, books: Books) -> None:
    held: dict[tuple[bytes, bytes, int], set[int]] = defaultdict(set)
    for place in region.places.values():
        for signed in place.station.imports.held.values():
            export: Export = signed.export
            energy = held[export.origin, export.device, export.interval]
            covered = set(range(export.from_wh, export.to_wh))
            books.certified_twice_wh += len(energy & covered)
            books.moved_certificates_wh += len(covered)
            energy |= covered
