"""Compensating lines: what was settled stays, and the difference is a line of its own."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Address, MeterId
from market.entries import Entry, EntryKind, compensating, nets_of
from market.metered import Metered, Source
from market.settlement import IntervalSettlement, Tariff, settle_interval
from market.terms import Charge, ChargeOn, Terms
from tests.support.market import address, digest, trade

INTERVAL = 1_751_371_200
TARIFF = Tariff(INTERVAL, 250_000, 60_000, 275_000, -30_000)
SUPPLIER = address(9)
TERMS = Terms((Charge("network", ChargeOn.SUPPLY, 10_000, address(8)), Charge("bonus", ChargeOn.FEED, -5, address(8))))


def settled(*energies: tuple[int, int]) -> tuple[Entry, ...]:
    metered = [
        Metered(address(n), MeterId(digest(n)), Source.SOLAR, *wh, final=False, provisional=True)
        for n, wh in enumerate(energies, start=1)
    ]
    metered.append(Metered(address(8), MeterId(digest(8)), Source.UNKNOWN, 0, 0, True))
    result = settle_interval([trade(0, 1, 2, 50, 100_000, interval=INTERVAL)], metered, TARIFF, SUPPLIER, TERMS)
    assert isinstance(result, IntervalSettlement)
    return result.entries


def test_what_was_estimated_too_low_is_owed_and_what_the_supplier_gets_is_credited() -> None:
    lines = compensating(settled((100, 0), (0, 50)), settled((130, 0), (0, 50)), digest(7))
    assert [(each.account, each.kind, each.quantity_wh, each.amount_neur) for each in lines] == [
        (address(1), EntryKind.CORRECTION_DUE, 30, -30 * 250_000),
        (address(1), EntryKind.CORRECTION_DUE, 30, -30 * 10_000),
        (address(8), EntryKind.CORRECTION_CREDIT, 30, 30 * 10_000),
        (address(9), EntryKind.CORRECTION_CREDIT, 30, 30 * 250_000),
    ]
    assert {each.reference for each in lines} == {digest(7)}
    assert {each.interval for each in lines} == {INTERVAL}


def test_nothing_is_put_right_where_nothing_differs() -> None:
    assert compensating(settled((100, 0), (0, 50)), settled((100, 0), (0, 50)), digest(7)) == []
    assert compensating([], [], digest(7)) == []


energies = st.tuples(st.integers(0, 200), st.integers(0, 200))


@given(st.tuples(energies, energies), st.tuples(energies, energies), st.tuples(energies, energies))
def test_corrections_add_up_to_what_was_right_from_the_start(first, second, third) -> None:  # type: ignore[no-untyped-def]
    before, between, after = settled(*first), settled(*second), settled(*third)
    paid = Counter[Address](nets_of(before))
    for lines in (compensating(before, between, digest(1)), compensating(between, after, digest(2))):
        assert sum(nets_of(lines).values()) == 0, "S1"
        for line in lines:
            sign = 1 if line.kind is EntryKind.CORRECTION_CREDIT else -1
            assert line.amount_neur == sign * line.quantity_wh * line.price_ueur_per_kwh
            assert line.quantity_wh > 0
        for account, net in nets_of(lines).items():
            paid[account] += net
    assert {each: net for each, net in paid.items() if net} == {e: n for e, n in nets_of(after).items() if n}
