"""With sharing a community settles with its supplier as one connection, at nobody's cost; any trades and readings."""

from hypothesis import given
from hypothesis import strategies as st

from market.entries import EntryKind
from market.events import Trade
from market.mechanism import Sharing
from market.metered import Metered
from market.settlement import IntervalSettlement, Tariff, settle_interval
from market.standing import FAILURES
from market.terms import Terms
from tests.property.test_market_settlement import SUPPLIER, neighbourhoods, prices
from tests.support.market import INTERVAL

DRAWN, FED = (EntryKind.SUPPLY, EntryKind.SHORTFALL), (EntryKind.SURPLUS, EntryKind.UNUSED)
keys = st.sampled_from([Sharing.IN_PROPORTION, Sharing.IN_EQUAL_PARTS])
Neighbourhood = tuple[list[Trade], list[Metered]]


@st.composite
def usual_tariffs(draw: st.DrawFn) -> Tariff:
    """Of a supplier that takes at least what it pays."""
    export_price, import_price = sorted((draw(prices), draw(prices)))
    worse = st.integers(0, 500_000)
    return Tariff(INTERVAL, import_price, export_price, import_price + draw(worse), export_price - draw(worse))


def settled(neighbourhood: Neighbourhood, tariff: Tariff, sharing: Sharing) -> IntervalSettlement:
    trades, metered = neighbourhood
    result = settle_interval(trades, metered, tariff, SUPPLIER, Terms(sharing=sharing))
    assert isinstance(result, IntervalSettlement)
    return result


@given(neighbourhoods(), usual_tariffs(), keys)
def test_the_street_settles_as_one_connection(neighbourhood: Neighbourhood, tariff: Tariff, key: Sharing) -> None:
    result = settled(neighbourhood, tariff, key)
    with_supplier = [line for line in result.entries if line.account == SUPPLIER]
    drawn_wh = sum(line.quantity_wh for line in with_supplier if line.kind in DRAWN)
    fed_wh = sum(line.quantity_wh for line in with_supplier if line.kind in FED)
    balance_wh = result.imported_wh - result.exported_wh
    assert (drawn_wh, fed_wh) == (max(0, balance_wh), max(0, -balance_wh))
    assert sum(result.nets.values()) == 0, "S1"


@given(neighbourhoods(), usual_tariffs(), keys)
def test_nobody_pays_more_for_sharing(neighbourhood: Neighbourhood, tariff: Tariff, key: Sharing) -> None:
    alone, shared = settled(neighbourhood, tariff, Sharing.NONE), settled(neighbourhood, tariff, key)
    members = {meter.account for meter in neighbourhood[1]}
    for account in members:
        assert shared.nets.get(account, 0) >= alone.nets.get(account, 0)


@given(neighbourhoods(), usual_tariffs(), keys)
def test_sharing_hides_nothing_that_speaks_against_a_member(
    neighbourhood: Neighbourhood, tariff: Tariff, key: Sharing
) -> None:
    def failed_wh(result: IntervalSettlement) -> dict[bytes, int]:
        failed = [line for line in result.entries if line.kind in FAILURES and line.account != SUPPLIER]
        return {
            line.account: sum(each.quantity_wh for each in failed if each.account == line.account) for line in failed
        }

    assert failed_wh(settled(neighbourhood, tariff, key)) == failed_wh(settled(neighbourhood, tariff, Sharing.NONE))


@given(neighbourhoods(), usual_tariffs(), keys)
def test_certificates_go_with_the_surplus_that_covers_need(
    neighbourhood: Neighbourhood, tariff: Tariff, key: Sharing
) -> None:
    alone, shared = settled(neighbourhood, tariff, Sharing.NONE), settled(neighbourhood, tariff, key)
    need, surplus = (
        {line.account: line.quantity_wh for line in alone.entries if line.kind is kind and line.account != SUPPLIER}
        for kind in (EntryKind.SUPPLY, EntryKind.SURPLUS)
    )
    assert sum(each.quantity_wh for each in shared.shared) == min(sum(need.values()), sum(surplus.values()))
    for account in need.keys() | surplus.keys():
        assert sum(each.quantity_wh for each in shared.shared if each.buyer == account) <= need.get(account, 0)
        assert sum(each.quantity_wh for each in shared.shared if each.seller == account) <= surplus.get(account, 0)
