from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.bidding import OrderProposal, Reason, ReasonKind
from dispatch.site_plan import SitePlanner
from energy.identity import Address, Digest, digest_from_hex
from market.config import MarketConfig
from market.metered import Source
from market.orders import Order, Side
from node.coop.community import check_members
from node.demo.residents import LINKY_HOMES, Resident, seeded, settle_in
from node.demo.runner import DEFAULT_DAY
from node.demo.street import Street, load_street
from node.orders.typed_data import cancel_digest, order_digest, order_json
from node.rpc import parameters
from oracles.signatures import recover
from oracles.typed_data import Domain

DOMAIN = Domain("RESILIA-GRID", "1", 1_904_113_327, Address(b"\xc4" * 20))
INTERVAL = 1_493_708_400


@cache
def _street() -> Street:
    return load_street(DEFAULT_DAY, 7)


@cache
def _residents(seed: int = 1) -> list[Resident]:
    return settle_in(_street(), seed, MarketConfig(), SitePlanner(900))


def _fresh() -> Resident:
    return replace(_residents()[0], nonce=0, resting={})


def _wanted(quantity_wh: int, price: int, side: Side = Side.SELL) -> OrderProposal:
    return OrderProposal(INTERVAL, side, quantity_wh, price, Reason(ReasonKind.SURPLUS, price, price, 0, 0))


def _placed(call: dict[str, Any]) -> tuple[Order, Digest]:
    """Read a call to `energy_placeOrder` as the node does; its signature is checked too."""
    assert call["method"] == "energy_placeOrder"
    order = parameters.order(call["params"][0])
    digest = order_digest(DOMAIN, order)
    assert recover(digest, parameters.signature("signature", call["params"][1])) == order.account
    return order, digest


def _cancelled(call: dict[str, Any]) -> Digest:
    assert call["method"] == "energy_cancelOrder"
    wish = parameters.cancel(call["params"][0])
    to_sign = cancel_digest(DOMAIN, wish.account, wish.order_digest)
    assert recover(to_sign, parameters.signature("signature", call["params"][1])) == wish.account
    return wish.order_digest


class Book:
    """What rests of one resident in the node's book, by order, when its calls have come in."""

    def __init__(self) -> None:
        self.open_wh: dict[Digest, tuple[Side, int, int]] = {}
        self.nonces: set[int] = set()

    def take(self, calls: Sequence[dict[str, Any]]) -> None:
        for call in calls:
            if call["method"] == "energy_cancelOrder":
                del self.open_wh[_cancelled(call)]
            else:
                order, digest = _placed(call)
                assert order.nonce not in self.nonces
                self.nonces.add(order.nonce)
                self.open_wh[digest] = (order.side, order.quantity_wh, order.limit_price_ueur_per_kwh)

    def fill(self, digest: Digest, quantity_wh: int) -> None:
        side, open_wh, price = self.open_wh.pop(digest)
        if open_wh > quantity_wh:
            self.open_wh[digest] = (side, open_wh - quantity_wh, price)


_proposals = st.lists(
    st.builds(_wanted, st.integers(1, 4), st.sampled_from([90_000, 91_000]), st.sampled_from(Side)), max_size=4
)


@given(st.lists(st.tuples(_proposals, st.lists(st.integers(0, 9), max_size=3)), min_size=1, max_size=4))
def test_the_book_shows_what_is_wanted_and_nothing_else(
    rounds: list[tuple[list[OrderProposal], list[int]]],
) -> None:
    resident, book, filled = _fresh(), Book(), dict[Digest, int]()
    for wanted, fills in rounds:
        book.take(resident.replace_quotes(wanted, filled, DOMAIN))
        assert sorted(book.open_wh.values()) == sorted(
            (each.side, each.quantity_wh, each.limit_price_ueur_per_kwh) for each in wanted
        )
        assert set(resident.resting) == set(book.open_wh)
        for which in fills:
            if book.open_wh:
                digest = sorted(book.open_wh)[which % len(book.open_wh)]
                book.fill(digest, 1)
                filled[digest] = filled.get(digest, 0) + 1


def test_what_still_fits_is_left_in_its_place_in_the_queue() -> None:
    resident = _fresh()
    (call,) = resident.replace_quotes([_wanted(10, 90_000)], {}, DOMAIN)
    _, digest = _placed(call)
    assert resident.replace_quotes([_wanted(10, 90_000)], {}, DOMAIN) == []
    assert resident.replace_quotes([_wanted(4, 90_000)], {digest: 6}, DOMAIN) == [], "its rest is just what is wanted"


def test_an_order_that_was_filled_is_not_cancelled() -> None:
    resident = _fresh()
    (call,) = resident.replace_quotes([_wanted(10, 90_000)], {}, DOMAIN)
    _, digest = _placed(call)
    assert resident.replace_quotes([], {digest: 10}, DOMAIN) == []
    assert resident.resting == {}


def test_an_order_is_written_as_the_node_reads_it() -> None:
    order, _ = _placed(_fresh().replace_quotes([_wanted(10, -90_000, Side.BUY)], {}, DOMAIN)[0])
    assert parameters.order(order_json(order)) == order


def test_a_resident_comes_back_as_it_was() -> None:
    resident = replace(_residents()[0], resting={})
    resident.replace_quotes([_wanted(10, 90_000), _wanted(3, 91_000, Side.BUY)], {}, DOMAIN)
    state = resident.to_json()
    restored = replace(_residents()[0], nonce=0, resting={}, import_index_wh=0, export_index_wh=0)
    restored.restore(state, SitePlanner(900))
    assert restored.to_json() == state
    assert (restored.nonce, restored.resting) == (resident.nonce, resident.resting)
    assert [digest_from_hex(each) for each in state["resting"]] == list(resident.resting)


def test_the_street_is_homes_on_serial_lines_homes_in_the_file_and_a_battery() -> None:
    *homes, battery = _residents()
    assert [home.label for home in homes] == [home.label for home in _street().homes]
    assert [bool(home.line) for home in homes] == [True] * LINKY_HOMES + [False] * (len(homes) - LINKY_HOMES)
    assert (battery.source, battery.member().kind) == (Source.STORAGE, "storage")
    members = [resident.member() for resident in _residents()]
    check_members(members)
    assert all(member.efficiency_permille == 0 for member in members[:-1])
    assert 0 < members[-1].efficiency_permille < 1_000


def test_the_seed_decides_keys_and_registers() -> None:
    again, other = settle_in(_street(), 1, MarketConfig(), SitePlanner(900)), _residents(2)
    for resident, same, different in zip(_residents(), again, other, strict=True):
        assert resident.key == same.key != different.key
        assert (resident.import_index_wh, resident.serial) == (same.import_index_wh, same.serial)
        assert resident.import_index_wh != different.import_index_wh


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a"), ("a/b",), (1, 2)])
def test_seeded_bytes_depend_on_every_name(names: tuple[object, ...]) -> None:
    assert len(seeded(1, *names)) == 32
    assert seeded(1, *names) == seeded(1, *names)
    assert seeded(1, *names) != seeded(2, *names) != seeded(1, *names, "more")
