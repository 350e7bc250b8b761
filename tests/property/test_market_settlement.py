"""S1, S3 and who pays what, for any trades and readings."""

from hypothesis import given
from hypothesis import strategies as st

from energy.identity import MeterId
from energy.quantities import ENERGY_WH_MAX
from market.events import Trade
from market.settlement import EntryKind, IntervalSettlement, Metered, Source, Tariff, pack_nets, settle_interval
from tests.support.market import INTERVAL, address, digest, trade

SUPPLIER = address(99)
prices = st.integers(-1_000_000, 1_000_000)
energy = st.one_of(st.integers(0, 50), st.integers(0, ENERGY_WH_MAX))


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    import_price, export_price = draw(prices), draw(prices)
    short, long = import_price + draw(st.integers(0, 500_000)), export_price - draw(st.integers(0, 500_000))
    return Tariff(INTERVAL, import_price, export_price, short, long)


@st.composite
def neighbourhoods(draw: st.DrawFn) -> tuple[list[Trade], list[Metered]]:
    accounts = draw(st.integers(1, 5))
    owners = [*range(1, accounts + 1), *draw(st.lists(st.integers(1, accounts), max_size=3))]
    metered = [
        Metered(address(owner), MeterId(digest(number)), Source.SOLAR, draw(energy), draw(energy), True)
        for number, owner in enumerate(owners)
    ]
    pairs = draw(st.lists(st.tuples(st.integers(1, accounts), st.integers(1, accounts)), max_size=12))
    trades = [
        trade(number, buyer, seller, draw(st.integers(1, 60)), draw(prices))
        for number, (buyer, seller) in enumerate(pair for pair in pairs if pair[0] != pair[1])
    ]
    return trades, draw(st.permutations(metered))


@given(neighbourhoods(), tariffs())
def test_money_and_energy_are_conserved(neighbourhood: tuple[list[Trade], list[Metered]], tariff: Tariff) -> None:
    trades, metered = neighbourhood
    result = settle_interval(trades, metered, tariff, SUPPLIER)
    assert isinstance(result, IntervalSettlement)
    assert sum(result.nets.values()) == 0, "S1"
    assert sum(entry.amount_neur for entry in result.entries) == 0, "S1"
    assert list(result.nets) == sorted(result.nets)
    assert len(pack_nets(result.nets)) == 32 * sum(net != 0 for net in result.nets.values())
    for account in {meter.account for meter in metered}:
        wh = dict.fromkeys(EntryKind, 0)
        for entry in result.entries:
            if entry.account == account:
                wh[entry.kind] += entry.quantity_wh
        position = wh[EntryKind.PURCHASE] - wh[EntryKind.SALE]
        imported = sum(meter.import_wh for meter in metered if meter.account == account)
        exported = sum(meter.export_wh for meter in metered if meter.account == account)
        assert imported == max(position, 0) + wh[EntryKind.SUPPLY] - wh[EntryKind.UNUSED], "S3"
        assert exported == max(-position, 0) + wh[EntryKind.SURPLUS] - wh[EntryKind.SHORTFALL], "S3"
        assert wh[EntryKind.SUPPLY] == 0 or wh[EntryKind.UNUSED] == 0
        assert wh[EntryKind.SURPLUS] == 0 or wh[EntryKind.SHORTFALL] == 0


@given(neighbourhoods(), tariffs())
def test_sequence_of_readings_does_not_matter(neighbourhood: tuple[list[Trade], list[Metered]], tariff: Tariff) -> None:
    trades, metered = neighbourhood
    by_meter = sorted(metered, key=lambda meter: meter.meter)
    assert settle_interval(trades, metered, tariff, SUPPLIER) == settle_interval(trades, by_meter, tariff, SUPPLIER)


@given(neighbourhoods(), tariffs())
def test_imbalance_never_pays(neighbourhood: tuple[list[Trade], list[Metered]], tariff: Tariff) -> None:
    """What an account pays for leaving its position is at least what the tariff alone would charge or pay for it."""
    trades, metered = neighbourhood
    result = settle_interval(trades, metered, tariff, SUPPLIER)
    assert isinstance(result, IntervalSettlement)
    for entry in result.entries:
        if entry.kind == EntryKind.SHORTFALL and entry.account != SUPPLIER:
            assert entry.amount_neur <= -entry.quantity_wh * tariff.import_ueur_per_kwh
        if entry.kind == EntryKind.UNUSED and entry.account != SUPPLIER:
            assert entry.amount_neur <= entry.quantity_wh * tariff.export_ueur_per_kwh
