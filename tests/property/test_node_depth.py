"""Depth follows the engine, and a client that joins a snapshot with the changes told after it has the same book."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy.results import Accepted
from market.commands import AdmitAccount, Command, OpenInterval, PlaceOrder
from market.engine import MarketState, apply
from market.events import IntervalOpened
from market.orders import Side
from node.orders.depth import Depth
from tests.support.market import SMALL, Move, accepted, address, busy_day, market_days, order, place, resolve

INTERVALS = (1_800, 2_700)


class Client:
    """Keeps one book from a snapshot and changes, by the rule in `Depth.changes`, and knows when it missed some."""

    def __init__(self, interval: int, snapshot: dict[str, Any]) -> None:
        self.interval = interval
        self.sequence: int = snapshot["sequence"]
        self.levels = {("buy", each["price"]): (each["quantityWh"], each["orders"]) for each in snapshot["bids"]}
        self.levels |= {("sell", each["price"]): (each["quantityWh"], each["orders"]) for each in snapshot["asks"]}
        self.missed = False

    def hear(self, document: dict[str, Any]) -> None:
        if document["interval"] != self.interval or document["sequence"] <= self.sequence:
            return
        self.missed |= document["previousSequence"] > self.sequence
        for each in document["levels"]:
            self.levels[each["side"], each["price"]] = (each["quantityWh"], each["orders"])
        self.levels = {key: level for key, level in self.levels.items() if level != (0, 0)}
        self.sequence = document["sequence"]


def levels_of(snapshot: dict[str, Any] | None) -> dict[tuple[str, int], tuple[int, int]]:
    assert snapshot is not None
    return Client(0, snapshot).levels


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(market_days, st.lists(st.booleans(), max_size=80), st.lists(st.booleans(), max_size=80))
def test_snapshot_and_changes_make_the_engines_book(day: list[Move], told: list[bool], joining: list[bool]) -> None:
    makes_the_engines_book(day, told, joining)


@pytest.mark.parametrize("seed", range(6))
def test_snapshot_and_changes_make_the_engines_book_on_a_busy_day(seed: int) -> None:
    every_third = [number % 3 == 0 for number in range(400)]
    assert makes_the_engines_book(busy_day(seed), every_third, [number % 7 == 0 for number in range(400)]) > 50


def makes_the_engines_book(day: list[Move], told: list[bool], joining: list[bool]) -> int:
    """Run a day; tell changes and let clients join now and then; return how many changes they heard."""
    state, depth = MarketState(SMALL), Depth()
    placed: list[PlaceOrder] = []
    clients: list[Client] = []
    waiting: list[dict[str, Any]] = []
    now = sequence = heard = 0
    for number, (seconds, move) in enumerate(day):
        now += seconds
        command = resolve(move, placed)
        if command is None:
            continue
        if isinstance(command, PlaceOrder):
            placed.append(command)
        result = apply(state, command, now)
        if not isinstance(result, Accepted):
            continue
        sequence += 1
        depth.follow(sequence, result.events)
        for interval in INTERVALS:
            _is_as_in_the_engine(state, depth, interval)
        if number < len(joining) and joining[number]:
            snapshots = [(interval, depth.snapshot(interval, 100)) for interval in INTERVALS]
            clients += [Client(interval, snapshot) for interval, snapshot in snapshots if snapshot]
        if number >= len(told) or told[number]:
            # What was told before a client joined may reach it afterwards: the stream and the answer are two ways.
            waiting = [*waiting, *depth.changes()][-8:]
            heard += len(waiting)
            for client in clients:
                for document in waiting:
                    client.hear(document)
                if client.interval in state.open_intervals():
                    assert client.levels == levels_of(depth.snapshot(client.interval, 100))
                assert not client.missed
    return heard


def _is_as_in_the_engine(state: MarketState, depth: Depth, interval: int) -> None:
    snapshot = depth.snapshot(interval, 2)
    if interval not in state.open_intervals():
        assert snapshot is None
        return
    assert snapshot is not None
    bids, asks = state.book_depth(interval, 2)
    for side, levels in (("bids", bids), ("asks", asks)):
        assert snapshot[side] == [{"price": price, "quantityWh": wh, "orders": orders} for price, wh, orders in levels]


def test_a_client_that_missed_a_change_can_tell() -> None:
    state, depth = MarketState(SMALL), Depth()
    commands: list[Command] = [AdmitAccount(address(1), 10**6), OpenInterval(INTERVALS[0])]
    commands += [place(order(1, Side.BUY, 1, 1_000, nonce, interval=INTERVALS[0])) for nonce in range(3)]
    changes = []
    for sequence, command in enumerate(commands, start=1):
        depth.follow(sequence, accepted(apply(state, command, 0)))
        changes += depth.changes()
    assert [(each["previousSequence"], each["sequence"]) for each in changes] == [(0, 3), (3, 4), (4, 5)]

    for heard, missed in ((changes, False), ([changes[0], changes[2]], True), (changes[1:], True)):
        client = Client(INTERVALS[0], {"sequence": 2, "bids": [], "asks": []})
        for document in heard:
            client.hear(document)
        assert client.missed == missed


def test_there_is_no_book_but_of_open_intervals() -> None:
    depth = Depth()
    assert (depth.snapshot(None, 5), depth.snapshot(INTERVALS[0], 5)) == (None, None)
    depth.follow(1, (IntervalOpened(INTERVALS[1]),))
    depth.follow(2, (IntervalOpened(INTERVALS[0]),))
    nearest = depth.snapshot(None, 5)
    assert nearest == {"interval": INTERVALS[0], "sequence": 2, "bids": [], "asks": []}
