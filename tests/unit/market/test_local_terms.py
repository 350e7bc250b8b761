"""Charges, wedges and sharing: who pays what to whom, by hand, and what holds for every interval."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Address, MeterId
from market.certificates import allocate
from market.mechanism import Sharing
from market.metered import Metered, Source
from market.settlement import EntryKind, IntervalSettlement, Tariff, settle_interval
from market.terms import Charge, ChargeOn, Terms
from tests.support.market import INTERVAL, address, digest, trade

GRID, LEVY, KEEPER, SUPPLIER = address(90), address(91), address(92), address(99)
TARIFF = Tariff(INTERVAL, 250_000, 60_001, 275_000, 30_000)
CHARGES = (
    Charge("network", ChargeOn.SUPPLY, 50_000, GRID),
    Charge("network", ChargeOn.NEIGHBOURS, 20_000, GRID),
    Charge("excise", ChargeOn.SUPPLY, 30_000, LEVY),
    Charge("local discount", ChargeOn.NEIGHBOURS, -5_000, LEVY),
    Charge("feeding", ChargeOn.FEED, 1_000, GRID),
)


def meter(account: int, import_wh: int, export_wh: int) -> Metered:
    return Metered(address(account), MeterId(digest(account)), Source.SOLAR, import_wh, export_wh, True)


def settled(trades: list, metered: list[Metered], terms: Terms) -> IntervalSettlement:  # type: ignore[type-arg]
    result = settle_interval(trades, metered, TARIFF, SUPPLIER, terms)
    assert isinstance(result, IntervalSettlement)
    assert sum(result.nets.values()) == 0
    for entry in result.entries:
        assert entry.quantity_wh > 0
        assert abs(entry.amount_neur) == abs(entry.quantity_wh * entry.price_ueur_per_kwh)
    # On chain, two lines of one account, kind and interval that refer to the same prove a wrong run.
    places = [(entry.account, entry.kind, entry.reference) for entry in result.entries]
    assert len(set(places)) == len(places)
    return result


def test_each_energy_pays_its_own_charges_to_their_owners() -> None:
    # 1 bought 100 from 2 and drew 300: 100 from neighbours, 200 from the supplier. 2 fed in 150.
    result = settled([trade(0, 1, 2, 100, 150_000)], [meter(1, 300, 0), meter(2, 0, 150)], Terms(charges=CHARGES))
    paid = {(e.account, e.price_ueur_per_kwh): e.amount_neur for e in result.entries if e.kind is EntryKind.CHARGE}
    assert paid == {
        (address(1), 50_000): -200 * 50_000,
        (address(1), 20_000): -100 * 20_000,
        (address(1), 30_000): -200 * 30_000,
        (address(1), -5_000): 100 * 5_000,
        (address(2), 1_000): -150 * 1_000,
    }
    assert result.nets[GRID] == 200 * 50_000 + 100 * 20_000 + 150 * 1_000
    assert result.nets[LEVY] == 200 * 30_000 - 100 * 5_000


def test_a_wedge_goes_from_the_seller_to_its_owner() -> None:
    with_wedge = replace(trade(0, 1, 2, 100, 150_000), wedge_ueur_per_kwh=10_000)
    metered = [meter(1, 100, 0), meter(2, 0, 100)]
    result = settled([with_wedge], metered, Terms(wedge_owner=KEEPER))
    assert result.nets == {
        address(1): -100 * 150_000,
        address(2): 100 * 140_000,
        KEEPER: 100 * 10_000,
    }
    assert settled([with_wedge], metered, Terms()).nets[SUPPLIER] == 100 * 10_000


def test_surplus_that_nobody_traded_covers_need_at_the_middle_price() -> None:
    metered = [meter(1, 300, 0), meter(2, 0, 100), meter(3, 100, 0)]
    result = settled([], metered, Terms(sharing=Sharing.IN_PROPORTION))
    price = (250_000 + 60_001) // 2
    assert [(t.seller, t.buyer, t.quantity_wh) for t in result.shared] == [
        (address(2), address(1), 75),
        (address(2), address(3), 25),
    ]
    assert result.nets[address(2)] == 100 * price
    assert result.nets[address(1)] == -75 * price - 225 * 250_000
    equal = settled([], metered, Terms(sharing=Sharing.IN_EQUAL_PARTS))
    assert [t.quantity_wh for t in equal.shared] == [50, 50]
    certificates = allocate(INTERVAL, result.shared, metered, {}).certificates
    assert [(c.owner, c.from_wh, c.to_wh) for c in certificates] == [(address(1), 0, 75), (address(3), 75, 100)]


def test_what_was_not_delivered_and_what_was_not_drawn_cover_each_other() -> None:
    # 2 sold 100 and fed in 70; 1 bought 100 and drew 60: 30 are evened out, 10 stay with the supplier.
    result = settled(
        [trade(0, 1, 2, 100, 150_000)], [meter(1, 60, 0), meter(2, 0, 70)], Terms(sharing=Sharing.IN_PROPORTION)
    )
    price = (250_000 + 60_001) // 2
    assert result.nets == {
        address(1): -100 * 150_000 + 30 * price + 10 * 30_000,
        address(2): 100 * 150_000 - 30 * price,
        SUPPLIER: -10 * 30_000,
    }
    assert result.shared == ()
    # Money alone: who bought the 70 that were fed in owns them.
    (certificate,) = allocate(
        INTERVAL, [trade(0, 1, 2, 100, 150_000)], [meter(1, 60, 0), meter(2, 0, 70)], {}
    ).certificates
    assert (certificate.owner, certificate.quantity_wh) == (address(1), 70)


def test_need_and_surplus_meet_first_and_then_shortfall_goes_before_need() -> None:
    # 1 sold 100 to 2 and drew 20 instead of feeding in; 2 drew 40 of them; 3 fed in 15 and 4 drew 10.
    metered = [meter(1, 20, 0), meter(2, 40, 0), meter(3, 0, 15), meter(4, 10, 0)]
    result = settled([trade(0, 2, 1, 100, 150_000)], metered, Terms(sharing=Sharing.IN_PROPORTION))
    assert [(t.seller, t.buyer, t.quantity_wh) for t in result.shared] == [
        (address(3), address(1), 10),
        (address(3), address(4), 5),
    ]
    # The 60 that 2 did not draw go to the rest of what 1 and 4 need and to what 1 did not deliver: 110 and 5.
    assert {key: wh for key, wh in lines_wh(result).items() if key[1] > EntryKind.SALE} == {
        (address(1), EntryKind.SHARED_TAKEN): 10,
        (address(1), EntryKind.SUPPLY): 10,
        (address(1), EntryKind.SHORTFALL_COVERED): 57,
        (address(1), EntryKind.SHORTFALL): 43,
        (address(2), EntryKind.UNUSED_GIVEN): 60,
        (address(3), EntryKind.SHARED_GIVEN): 15,
        (address(4), EntryKind.SHARED_TAKEN): 8,
        (address(4), EntryKind.SUPPLY): 2,
    }
    equal = settled([trade(0, 2, 1, 100, 150_000)], metered, Terms(sharing=Sharing.IN_EQUAL_PARTS))
    assert lines_wh(equal)[address(4), EntryKind.SHARED_TAKEN] == 10
    assert lines_wh(equal)[address(1), EntryKind.SHORTFALL_COVERED] == 57


def test_unused_energy_is_given_before_surplus() -> None:
    # 1 bought 50, drew 20 and fed in 10; 2 delivered 15 of them.
    result = settled(
        [trade(0, 1, 2, 50, 150_000)], [meter(1, 20, 10), meter(2, 0, 15)], Terms(sharing=Sharing.IN_PROPORTION)
    )
    assert {key: wh for key, wh in lines_wh(result).items() if key[1] > EntryKind.SALE} == {
        (address(1), EntryKind.UNUSED_GIVEN): 30,
        (address(1), EntryKind.SHARED_GIVEN): 5,
        (address(1), EntryKind.SURPLUS): 5,
        (address(2), EntryKind.SHORTFALL_COVERED): 35,
    }


def test_nothing_is_shared_while_the_supplier_pays_more_than_it_takes() -> None:
    metered, terms = [meter(1, 30, 0), meter(2, 0, 30)], Terms(sharing=Sharing.IN_PROPORTION)
    result = settle_interval([], metered, Tariff(INTERVAL, 50_000, 50_001, 60_000, 50_000), SUPPLIER, terms)
    assert isinstance(result, IntervalSettlement)
    assert result.nets == {address(1): -30 * 50_000, address(2): 30 * 50_001, SUPPLIER: -30}
    level = settle_interval([], metered, Tariff(INTERVAL, 50_000, 50_000, 60_000, 50_000), SUPPLIER, terms)
    assert isinstance(level, IntervalSettlement)
    assert SUPPLIER not in level.nets


def test_charges_of_one_name_on_the_same_energy_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        Terms(charges=(CHARGES[0], replace(CHARGES[0], price_ueur_per_kwh=1)))


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 200)), max_size=4),
    st.sampled_from(Sharing),
)
def test_nothing_is_lost_whatever_the_terms(
    energies: list[tuple[int, int]], sales: list[tuple[int, int, int]], sharing: Sharing
) -> None:
    trades = [trade(n, b, s, wh, 100_000) for n, (b, s, wh) in enumerate(sales) if b != s]
    metered = [meter(n, *wh) for n, wh in enumerate(energies, start=1)]
    plain = settled(trades, metered, Terms())
    result = settled(trades, metered, Terms(CHARGES, KEEPER, sharing))
    before, after = lines_wh(plain), lines_wh(result)
    for alone, among_neighbours in EVENED_OUT.items():
        of_kind = {key for key in before | after if key[1] in (alone, among_neighbours)}
        for account, _ in of_kind:
            assert before[account, alone] == after[account, alone] + after[account, among_neighbours]
    total = Counter[EntryKind]()
    for (_, kind), wh in after.items():
        total[kind] += wh
    taken = total[EntryKind.SHARED_TAKEN] + total[EntryKind.SHORTFALL_COVERED]
    assert taken == total[EntryKind.SHARED_GIVEN] + total[EntryKind.UNUSED_GIVEN]
    assert sum(t.quantity_wh for t in result.shared) <= total[EntryKind.SHARED_TAKEN]
    if sharing is Sharing.NONE:
        assert taken == 0


EVENED_OUT = {
    EntryKind.SUPPLY: EntryKind.SHARED_TAKEN,
    EntryKind.SURPLUS: EntryKind.SHARED_GIVEN,
    EntryKind.SHORTFALL: EntryKind.SHORTFALL_COVERED,
    EntryKind.UNUSED: EntryKind.UNUSED_GIVEN,
}


def lines_wh(settlement: IntervalSettlement) -> Counter[tuple[Address, EntryKind]]:
    """Return the energy of the members' lines."""
    wh = Counter[tuple[Address, EntryKind]]()
    for entry in settlement.entries:
        if entry.account != SUPPLIER:
            wh[entry.account, entry.kind] += entry.quantity_wh
    return wh
