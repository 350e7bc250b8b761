"""Charges, wedges and sharing: who pays what to whom, by hand, and what holds for every interval."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import MeterId
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
    taken = sum(e.quantity_wh for e in result.entries if e.kind is EntryKind.SHARED_TAKEN)
    given_wh = sum(e.quantity_wh for e in result.entries if e.kind is EntryKind.SHARED_GIVEN)
    assert taken == given_wh == sum(t.quantity_wh for t in result.shared)
    for kind in (EntryKind.SUPPLY, EntryKind.SURPLUS):
        before, after = (
            sum(e.quantity_wh for e in each.entries if e.kind is kind and e.account != SUPPLIER)
            for each in (plain, result)
        )
        assert before - after == taken
    if sharing is not Sharing.NONE:
        left = {e.kind for e in result.entries if e.account != SUPPLIER} & {EntryKind.SUPPLY, EntryKind.SURPLUS}
        assert len(left) < 2, "surplus was left while there was need"
