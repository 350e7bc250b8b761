import pytest

from energy.identity import MeterId
from market.certificates import Allocation, CertificateState, Store, allocate
from market.metered import Metered, Source
from tests.support.market import INTERVAL, address, digest, trade

ACTIVE, STORED = CertificateState.ACTIVE, CertificateState.STORED
SOLAR, STORAGE, UNKNOWN = Source.SOLAR, Source.STORAGE, Source.UNKNOWN

Row = tuple[int, int, int, int, Source, CertificateState]
"""Device, from, to, owner, source, state; devices and accounts by number."""


def device(number: int) -> MeterId:
    return MeterId(digest(number))


def home(account: int, import_wh: int, export_wh: int, *, meter: int | None = None, source: Source = SOLAR) -> Metered:
    return Metered(address(account), device(meter or account), source, import_wh, export_wh, True)


def battery(certified_permille_wh: int = 0, *, account: int = 5, meter: int = 5) -> dict[MeterId, Store]:
    return {device(meter): Store(address(account), device(meter), 900, certified_permille_wh)}


def rows(allocation: Allocation) -> list[Row]:
    assert all(c.interval == INTERVAL and c.carbon_g_per_kwh == 0 for c in allocation.certificates)
    return [
        (int.from_bytes(c.device, "big"), c.from_wh, c.to_wh, int.from_bytes(c.owner, "big"), c.source, c.state)
        for c in allocation.certificates
    ]


def test_buyers_come_first_in_trade_sequence_and_the_rest_stays_with_the_producer() -> None:
    trades = [trade(0, 3, 1, 30, 100_000), trade(1, 2, 1, 20, 90_000)]
    allocation = allocate(INTERVAL, trades, [home(1, 0, 100), home(2, 20, 0), home(3, 30, 0)], {})
    assert rows(allocation) == [
        (1, 0, 30, 3, SOLAR, ACTIVE),
        (1, 30, 50, 2, SOLAR, ACTIVE),
        (1, 50, 100, 1, SOLAR, ACTIVE),
    ]


def test_last_buyers_go_without_what_was_not_delivered() -> None:
    trades = [trade(0, 2, 1, 30, 1), trade(1, 3, 1, 30, 1), trade(2, 4, 1, 30, 1)]
    allocation = allocate(INTERVAL, trades, [home(1, 0, 40), *(home(n, 30, 0) for n in (2, 3, 4))], {})
    assert rows(allocation) == [(1, 0, 30, 2, SOLAR, ACTIVE), (1, 30, 40, 3, SOLAR, ACTIVE)]


def test_adjacent_ranges_of_one_owner_are_one_certificate() -> None:
    trades = [trade(0, 2, 1, 10, 1), trade(1, 2, 1, 10, 2), trade(2, 3, 1, 10, 1), trade(3, 2, 1, 10, 1)]
    allocation = allocate(INTERVAL, trades, [home(1, 0, 40), home(2, 30, 0), home(3, 10, 0)], {})
    assert rows(allocation) == [
        (1, 0, 20, 2, SOLAR, ACTIVE),
        (1, 20, 30, 3, SOLAR, ACTIVE),
        (1, 30, 40, 2, SOLAR, ACTIVE),
    ]


def test_devices_of_a_seller_deliver_in_the_sequence_of_their_ids() -> None:
    metered = [home(1, 0, 10, meter=8, source=Source.WIND), home(1, 0, 10, meter=7), home(2, 15, 0)]
    allocation = allocate(INTERVAL, [trade(0, 2, 1, 15, 1)], metered, {})
    assert rows(allocation) == [
        (7, 0, 10, 2, SOLAR, ACTIVE),
        (8, 0, 5, 2, Source.WIND, ACTIVE),
        (8, 5, 10, 1, Source.WIND, ACTIVE),
    ]


def test_energy_bought_by_storage_is_stored_and_raises_its_budget_by_the_efficiency() -> None:
    trades = [trade(0, 5, 1, 11, 1), trade(1, 2, 1, 5, 1)]
    allocation = allocate(INTERVAL, trades, [home(1, 0, 16), home(2, 5, 0), home(5, 11, 0)], battery(50))
    assert rows(allocation) == [(1, 0, 11, 5, SOLAR, STORED), (1, 11, 16, 2, SOLAR, ACTIVE)]
    store = allocation.stores[device(5)]
    assert (store.certified_permille_wh, store.certified_wh) == (50 + 11 * 900, 9)


def test_storage_counts_only_what_it_drew() -> None:
    allocation = allocate(INTERVAL, [trade(0, 5, 1, 10, 1)], [home(1, 0, 10), home(5, 4, 0)], battery())
    assert rows(allocation) == [(1, 0, 4, 5, SOLAR, STORED), (1, 4, 10, 5, SOLAR, ACTIVE)]
    assert allocation.stores[device(5)].certified_permille_wh == 4 * 900


def test_what_storage_drew_without_buying_is_not_certified() -> None:
    allocation = allocate(INTERVAL, [], [home(1, 0, 10), home(5, 10, 0)], battery())
    assert rows(allocation) == [(1, 0, 10, 1, SOLAR, ACTIVE)]
    assert allocation.stores == battery()


def test_energy_of_unknown_origin_is_not_laundered_by_storage() -> None:
    metered = [home(1, 0, 10, source=UNKNOWN), home(5, 10, 0)]
    allocation = allocate(INTERVAL, [trade(0, 5, 1, 10, 1)], metered, battery())
    assert rows(allocation) == [(1, 0, 10, 5, UNKNOWN, ACTIVE)]
    assert allocation.stores == battery()


def test_storage_exports_are_certified_while_the_budget_lasts() -> None:
    metered = [home(5, 0, 10, source=STORAGE), home(2, 7, 0)]
    allocation = allocate(INTERVAL, [trade(0, 2, 5, 7, 1)], metered, battery(4_999))
    assert rows(allocation) == [
        (5, 0, 4, 2, STORAGE, ACTIVE),
        (5, 4, 7, 2, UNKNOWN, ACTIVE),
        (5, 7, 10, 5, UNKNOWN, ACTIVE),
    ]
    assert allocation.stores[device(5)].certified_permille_wh == 999


def test_energy_does_not_leave_a_store_before_it_came() -> None:
    metered = [home(1, 0, 10), home(5, 10, 5, source=STORAGE)]
    allocation = allocate(INTERVAL, [trade(0, 5, 1, 10, 1)], metered, battery())
    assert rows(allocation) == [(1, 0, 10, 5, SOLAR, STORED), (5, 0, 5, 5, UNKNOWN, ACTIVE)]
    assert allocation.stores[device(5)].certified_permille_wh == 9_000


def test_one_store_charges_another_with_what_is_certified() -> None:
    stores = battery(3_000) | battery(account=6, meter=6)
    metered = [home(5, 0, 10, source=STORAGE), home(6, 10, 0, source=STORAGE)]
    allocation = allocate(INTERVAL, [trade(0, 6, 5, 10, 1)], metered, stores)
    assert rows(allocation) == [(5, 0, 3, 6, STORAGE, STORED), (5, 3, 10, 6, UNKNOWN, ACTIVE)]
    assert [store.certified_permille_wh for store in allocation.stores.values()] == [0, 2_700]


def test_two_stores_of_one_account_fill_in_the_sequence_of_their_ids() -> None:
    stores = battery(meter=9) | battery(meter=8)
    metered = [home(1, 0, 10), home(5, 7, 0, meter=9), home(5, 7, 0, meter=8)]
    allocation = allocate(INTERVAL, [trade(0, 5, 1, 10, 1)], metered, stores)
    assert rows(allocation) == [(1, 0, 10, 5, SOLAR, STORED)]
    assert [(m, s.certified_permille_wh) for m, s in allocation.stores.items()] == [
        (device(8), 6_300),
        (device(9), 2_700),
    ]


def test_storage_without_a_budget_has_no_certificates() -> None:
    allocation = allocate(INTERVAL, [], [home(5, 0, 10, source=STORAGE)], {})
    assert rows(allocation) == [(5, 0, 10, 5, UNKNOWN, ACTIVE)]


def test_store_without_a_reading_keeps_its_budget() -> None:
    allocation = allocate(INTERVAL, [trade(0, 5, 1, 10, 1)], [home(1, 0, 10)], battery(7))
    assert (rows(allocation), allocation.stores) == ([(1, 0, 10, 5, SOLAR, ACTIVE)], battery(7))


def test_no_certificate_from_an_estimate_or_from_a_meter_given_twice() -> None:
    estimate = Metered(address(1), device(1), SOLAR, 0, 5, False)
    for metered in ([estimate], [home(1, 0, 5), home(1, 0, 5)]):
        with pytest.raises(ValueError):
            allocate(INTERVAL, [], metered, {})


@pytest.mark.parametrize(("efficiency", "budget"), [(-1, 0), (1_001, 0), (900, -1)])
def test_impossible_store_is_a_value_error(efficiency: int, budget: int) -> None:
    with pytest.raises(ValueError):
        Store(address(5), device(5), efficiency, budget)


def test_codes_are_those_of_the_certificate_on_chain() -> None:
    assert {state.name: state.value for state in CertificateState} == {"ACTIVE": 1, "STORED": 2}
    assert [source.name for source in sorted(Source)] == [
        "UNKNOWN",
        "SOLAR",
        "STORAGE",
        "WIND",
        "BIOGAS",
        "WASTE_HEAT",
        "HYDROGEN",
    ]


def test_o3_an_estimate_certifies_nothing_and_charges_no_store() -> None:
    guessed = Metered(address(1), device(1), Source.SOLAR, 0, 30, final=False, provisional=True)
    metered = [guessed, home(2, 20, 0), home(3, 0, 10)]
    allocation = allocate(INTERVAL, [trade(0, 2, 1, 20, 1), trade(1, 2, 3, 5, 1)], metered, {})
    assert {(each.device, each.owner, each.quantity_wh) for each in allocation.certificates} == {
        (device(3), address(2), 5),
        (device(3), address(3), 5),
    }
    unread = Metered(address(5), device(5), STORAGE, 10, 0, final=False, provisional=True)
    stores = allocate(INTERVAL, [trade(0, 5, 3, 10, 1)], [unread, home(3, 0, 10)], battery()).stores
    assert stores == battery(), "what a store has really drawn is not known"
