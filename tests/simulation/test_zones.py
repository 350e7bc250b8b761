"""A region of zones under troubles and liars, by seed; an auditor with books of its own looks at it afterwards."""

from dataclasses import replace

import pytest

from energy.identity import ZERO_DIGEST, MeterId, hex_text
from interconnect.child import ChildSide
from interconnect.modes import Mode
from interconnect.origin import Claims
from interconnect.records import Export, record_digest
from interconnect.restoration import Restoration
from interconnect.wire import encode, message
from oracles.signatures import address_of
from tests.support.zone_auditor import audit, is_closed
from tests.support.zone_network import Faults
from tests.support.zone_troubles import bad_day, refusals
from tests.support.zones import INTERVAL_S, START, Region, Shape

SMALL = Shape(cities=2, neighbourhoods=4, homes=10)
GOODS = (MeterId(b"m" * 32), START, 0, 400, 1, 30)
"""Device, interval, range, source and carbon of a certificate."""


def test_quiet_region_trades_across_its_borders_and_settles() -> None:
    region = Region(SMALL, 1)
    region.live(0, 17)
    assert region.settle_down() <= 10
    books = audit(region)
    assert (books.wrong, books.double_sold_wh, books.void_wh) == ([], 0, 0)
    assert books.coupled_wh > 50_000
    assert all(len(leaf.station.uplink.ledger.runs) == 2 for leaf in region.leaves if leaf.station.uplink)
    # A run may overtake the last of its decisions, and comes again.
    assert set(refusals(list(region.places.values()))) <= {"RUN_EARLY"}


@pytest.mark.parametrize("seed", range(3))
def test_bad_day_sells_and_certifies_nothing_twice(seed: int) -> None:
    day = bad_day(seed, SMALL, intervals=32)
    assert day.books.wrong == []
    assert (day.books.double_sold_wh, day.books.certified_twice_wh) == (0, 0)
    assert day.books.void_wh > 0
    assert day.books.moved_certificates_wh > 0
    assert refusals(list(day.region.places.values()))["EQUIVOCATION"] > 0
    closed = [place for place in day.region.places.values() if place.parent and is_closed(day.region, place)]
    assert bool(closed) == day.region.witnesses


def test_slow_clock_clears_its_last_award_before_the_auditor_comes() -> None:
    """Seed 84 of the long run: a city 400 s behind had accepted an award, and its gate was still to come."""
    day = bad_day(84, SMALL, intervals=48)
    assert (day.books.wrong, day.books.double_sold_wh) == ([], 0)


def test_same_seed_is_the_same_history_to_the_byte() -> None:
    shape = replace(SMALL, neighbourhoods=2)
    first, second = (bad_day(7, shape, intervals=8).region.trace.hexdigest() for _ in range(2))
    assert first == second
    assert bad_day(8, shape, intervals=8).region.trace.hexdigest() != first


def test_cut_is_told_to_the_wh() -> None:
    """A neighbourhood is cut off for four hours, between its offer and its award; the auditor's books say the same."""
    region = Region(SMALL, 5)
    region.live(0, 4)
    leaf = region.leaves[0]
    report = Restoration(Mode.ALONE, region.network.now)
    leaf.watchers.append(report.follow)
    region.network.at(START + 4 * INTERVAL_S - 590, lambda: region.network.cut.add(leaf.community))
    region.live(4, 16)
    region.network.cut.clear()
    region.live(20, 4)
    converge_s = region.settle_down()
    assert report.step(leaf.mode, region.network.now, is_open=False)
    books = audit(region)
    assert books.wrong == []
    assert report.void_wh == books.void_wh > 0
    assert report.intervals == 16
    assert report.lapsed_wh >= report.void_wh
    assert report.compensation_neur == report.void_wh * 200_000
    assert converge_s <= 60
    assert leaf.mode is Mode.TOGETHER


def test_certificate_sold_in_two_cities_falls_by_way_of_the_region_and_is_owed_to_its_holder() -> None:
    """Both buyers are cut off when they hear of it: the report of the one who gives up says so, to the Wh."""
    region = Region(SMALL, 9)
    region.live(0, 2)
    liar, near, far = region.leaves[0], region.leaves[1], region.leaves[-1]
    assert near.parent != far.parent
    reports = {each.community: Restoration(Mode.ALONE, region.network.now) for each in (near, far)}
    for each in (near, far):
        each.watchers.append(reports[each.community].follow)
    honest, second = (
        Export(liar.community, number, buyer.community, address_of(buyer.keys.link), *GOODS, ZERO_DIGEST)
        for number, buyer in ((7, far), (8, near))
    )
    for export in (second, honest):
        data = encode(message("export", export, liar.keys.attest(record_digest(export))))
        region.network.publish(liar.community, export.destination, "export", data)
    region.settle_down()
    assert [each.export for each in far.station.imports.held.values()] == [honest]
    assert [each.export for each in near.station.imports.given_up.values()] == [second]
    told = {name: (each.given_up_wh, each.given_up_neur) for name, each in reports.items()}
    assert told == {near.community: (400, 400 * 100_000), far.community: (0, 0)}


def test_link_is_closed_on_proof_alone_and_the_rest_of_the_region_trades_on() -> None:
    region = Region(SMALL, 11)
    region.witnesses = True
    region.live(0, 9)
    region.settle_down()
    liar = region.leaves[0]
    ledger = liar.station.uplink.ledger if liar.station.uplink else None
    assert ledger is not None
    assert liar.parent is not None
    report = Restoration(Mode.ALONE, region.network.now)
    region.places[liar.parent].watchers.append(report.follow)
    run = replace(ledger.runs[0], net_neur=ledger.runs[0].net_neur + 1)
    lie = encode(message("run", run, liar.keys.attest(record_digest(run))))
    region.network.inject(liar.community, liar.parent, lie)
    region.live(9, 8)
    region.settle_down()
    assert report.closed == (hex_text(liar.community),)
    assert [is_closed(region, each) for each in region.leaves] == [each is liar for each in region.leaves]
    books = audit(region)
    assert (books.wrong, books.double_sold_wh) == ([], 0)
    numbers = [each.station.uplink.ledger.last_award for each in region.leaves if each.station.uplink]
    assert numbers == [9, *[17] * (len(numbers) - 1)]


# -- THE AUDITOR HAS TEETH


def test_auditor_finds_awards_that_are_taken_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ChildSide.take_award

    def careless(self, award, signature, now, *, gone=False):  # type: ignore[no-untyped-def]
        return honest(self, award, signature, 0, gone=False)

    monkeypatch.setattr(ChildSide, "take_award", careless)
    assert audit(_troubled()).double_sold_wh > 0


def test_auditor_finds_certificates_that_nobody_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claims, "take", lambda self, signed, told_by: [])
    assert sum(bad_day(seed, SMALL, 24).books.certified_twice_wh for seed in range(3)) > 0


def _troubled() -> Region:
    region = Region(SMALL, 3, Faults(delay_s_max=900))
    region.live(0, 16)
    region.network.faults = Faults()
    region.live(16, 2)
    region.settle_down()
    return region


# -- LARGE


@pytest.mark.long
@pytest.mark.parametrize("block", range(10))
def test_thousand_bad_days(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        day = bad_day(seed, SMALL, intervals=48)
        assert (seed, day.books.wrong, day.books.double_sold_wh, day.books.certified_twice_wh) == (seed, [], 0, 0)


@pytest.mark.long
def test_thousand_neighbourhoods_with_a_hundred_thousand_homes() -> None:
    day = bad_day(1, Shape(cities=20, neighbourhoods=50, homes=100, run_awards=8), intervals=24)
    assert (day.books.wrong, day.books.double_sold_wh, day.books.certified_twice_wh) == ([], 0, 0)
    assert day.books.coupled_wh > 0
