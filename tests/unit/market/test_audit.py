"""A dishonest matcher, in every way that we could think of: each lie is found and called by its name."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from energy.identity import Digest
from market.audit import JournalAudit
from market.audit_findings import Breach
from market.audit_receipts import compare_journals
from market.audit_trades import check_trades
from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    OpenInterval,
    PlaceOrder,
    ReleaseInterval,
    WakeOrders,
)
from market.config import MarketConfig
from market.events import Outcome
from market.orders import Order, Side, TimeInForce
from tests.support.audited_market import SEED, HonestMarket, ShownMarket
from tests.support.market import GATE, INTERVAL, SIGNATURE, address, cancel, order, place

CONFIG = MarketConfig(accounts_max=5, open_orders_max=4)
RICH = 10**12

DEAR = place(order(1, Side.SELL, 500, 100_000, 1))
CHEAP = place(order(2, Side.SELL, 500, 90_000, 1))
LATER = place(order(3, Side.SELL, 500, 90_000, 1, expiry=1_000))
BUY = place(order(4, Side.BUY, 700, 95_000, 1))
OWN = place(order(4, Side.SELL, 100, 120_000, 2))
OPENING: tuple[Command, ...] = (*(AdmitAccount(address(n), RICH) for n in range(1, 5)), OpenInterval(INTERVAL))
PLACE_OF_DEAR, PLACE_OF_CHEAP, PLACE_OF_LATER, PLACE_OF_BUY, PLACE_OF_OWN, PLACE_OF_CANCEL, PLACE_OF_CLOSE = range(
    6, 13
)

Forgery = Callable[[ShownMarket], None]


def honest() -> ShownMarket:
    """Two trades: 500 Wh from the cheap order, then 200 Wh from the later one at the same price."""
    market = HonestMarket(CONFIG)
    commands: list[tuple[int, Command]] = [(0, command) for command in OPENING]
    commands += [(10, DEAR), (20, CHEAP), (30, LATER), (40, BUY), (50, OWN), (60, cancel(DEAR))]
    for now, command in [*commands, (GATE, CloseGate(INTERVAL))]:
        assert market.run(command, now) is not None
    return copy.deepcopy(market.shown)


def test_the_honest_market_holds() -> None:
    shown = honest()
    assert shown.findings() == []
    assert [(trade.sell_order, trade.quantity_wh) for trade in shown.trades] == [
        (CHEAP.digest, 500),
        (LATER.digest, 200),
    ]
    assert len(shown.receipts) == 6


# -- THE JOURNAL IS CHANGED, AND THE MEMBERS HOLD RECEIPTS


def drop_an_order(shown: ShownMarket) -> None:
    commands = [shown.command(place) for place in range(1, len(shown.records) + 1)]
    shown.rewrite([each for each in commands if each[1] != LATER])


def drop_the_last_records(shown: ShownMarket) -> None:
    del shown.records[PLACE_OF_OWN - 1 :]


def drop_a_record_and_keep_the_numbers(shown: ShownMarket) -> None:
    del shown.records[PLACE_OF_LATER - 1]


def swap_two_orders(shown: ShownMarket) -> None:
    commands = [shown.command(place) for place in range(1, len(shown.records) + 1)]
    commands[6], commands[7] = (20, commands[7][1]), (30, commands[6][1])
    shown.rewrite(commands)


def move_records_and_keep_the_numbers(shown: ShownMarket) -> None:
    shown.records[6], shown.records[7] = shown.records[7], shown.records[6]


def change_a_timestamp(shown: ShownMarket) -> None:
    shown.change(PLACE_OF_CHEAP, lambda command: command, now=25)


def change_a_price(shown: ShownMarket) -> None:
    shown.change(PLACE_OF_CHEAP, lambda _: replace(CHEAP, order=replace(CHEAP.order, limit_price_ueur_per_kwh=80_000)))


def change_a_quantity(shown: ShownMarket) -> None:
    shown.change(PLACE_OF_CHEAP, lambda _: replace(CHEAP, order=replace(CHEAP.order, quantity_wh=900)))


def slip_an_order_in_front(shown: ShownMarket) -> None:
    shown.insert(15, place(order(1, Side.SELL, 500, 85_000, 9)), at=PLACE_OF_CHEAP)


def write_rubbish(shown: ShownMarket) -> None:
    shown.records[PLACE_OF_CHEAP - 1] = b"\x07" + shown.records[PLACE_OF_CHEAP - 1][1:]


def tell_a_member_of_another_outcome(shown: ShownMarket) -> None:
    shown.receipts[3] = replace(shown.receipts[3], outcome=int(Outcome.RESTING))


def tell_a_member_of_another_time(shown: ShownMarket) -> None:
    shown.receipts[3] = replace(shown.receipts[3], accepted_at=shown.receipts[3].accepted_at - 1)


def acknowledge_an_order_that_is_not_written(shown: ShownMarket) -> None:
    ghost = place(order(1, Side.SELL, 1, 90_000, 77))
    shown.receipts[1] = replace(shown.receipts[1], order_digest=ghost.digest)


def acknowledge_two_orders_at_one_place(shown: ShownMarket) -> None:
    shown.receipts.append(replace(shown.receipts[1], journal_hash=bytes(range(32))))


# -- COMMANDS THAT HAD TO BE REFUSED


def accepting(now: int, command: Command) -> Forgery:
    def forge(shown: ShownMarket) -> None:
        del shown.records[PLACE_OF_CLOSE - 1 :]
        shown.insert(now, command)

    forge.__name__ = f"accept_{type(command).__name__}_at_{now}"
    return forge


def selling(account: int = 1, price: int = 150_000, **changes: object) -> PlaceOrder:
    sold = order(account, Side.SELL, 10, price, 50)
    return place(replace(sold, **changes))  # type: ignore[arg-type]


def a_full_book(shown: ShownMarket) -> None:
    del shown.records[PLACE_OF_CLOSE - 1 :]
    for nonce in range(100, 103):
        shown.insert(70, place(order(1, Side.SELL, 1, 150_000, nonce)))


def an_order_into_a_closed_interval(shown: ShownMarket) -> None:
    shown.insert(GATE + 1, selling())


# -- TRADES THAT THE JOURNAL DOES NOT GIVE


def publishing(number: int, name: str = "", **changes: object) -> Forgery:
    def forge(shown: ShownMarket) -> None:
        changed = replace(shown.trades[number], **changes)  # type: ignore[arg-type]
        if "amount_neur" not in changes:
            changed = replace(changed, amount_neur=changed.quantity_wh * changed.price_ueur_per_kwh)
        shown.trades[number] = changed

    forge.__name__ = name or f"publish_other_{'_'.join(changes)}"
    return forge


def skip_the_better_order(shown: ShownMarket) -> None:
    publishing(0, sell_order=DEAR.digest, seller=address(1), price_ueur_per_kwh=100_000)(shown)


def skip_the_earlier_order(shown: ShownMarket) -> None:
    publishing(0, sell_order=LATER.digest, seller=address(3))(shown)


def keep_a_trade_back(shown: ShownMarket) -> None:
    del shown.trades[1]


def invent_a_trade(shown: ShownMarket) -> None:
    shown.trades.append(replace(shown.trades[1], number=2))


def publish_a_trade_twice(shown: ShownMarket) -> None:
    shown.trades.append(shown.trades[1])


def match_an_expired_order(shown: ShownMarket) -> None:
    # The buyer comes after the later order's last second; the node matches it all the same.
    shown.change(PLACE_OF_BUY, lambda command: command, now=1_001)
    shown.trades = [replace(trade, matched_at=1_001) for trade in shown.trades]


def match_after_the_gate(shown: ShownMarket) -> None:
    shown.change(PLACE_OF_BUY, lambda command: command, now=GATE)


FORGERIES: list[tuple[Forgery, Breach]] = [
    (drop_an_order, Breach.RECEIPT_OFF_CHAIN),
    (drop_an_order, Breach.ORDER_DROPPED),
    (drop_the_last_records, Breach.RECEIPT_BEYOND_JOURNAL),
    (drop_a_record_and_keep_the_numbers, Breach.OUT_OF_SEQUENCE),
    (swap_two_orders, Breach.RECEIPT_OFF_CHAIN),
    (swap_two_orders, Breach.ORDER_DROPPED),
    (swap_two_orders, Breach.PRIORITY_BROKEN),
    (move_records_and_keep_the_numbers, Breach.OUT_OF_SEQUENCE),
    (change_a_timestamp, Breach.RECEIPT_OFF_CHAIN),
    (change_a_price, Breach.RECEIPT_OFF_CHAIN),
    (change_a_price, Breach.NOT_AT_RESTING_PRICE),
    (change_a_quantity, Breach.RECEIPT_OFF_CHAIN),
    (change_a_quantity, Breach.DIFFERENT_TRADE),
    (slip_an_order_in_front, Breach.RECEIPT_OFF_CHAIN),
    (slip_an_order_in_front, Breach.PRIORITY_BROKEN),
    (write_rubbish, Breach.UNREADABLE_RECORD),
    (write_rubbish, Breach.ORDER_DROPPED),
    (tell_a_member_of_another_outcome, Breach.WRONG_OUTCOME),
    (tell_a_member_of_another_time, Breach.WRONG_TIME),
    (acknowledge_an_order_that_is_not_written, Breach.ORDER_DROPPED),
    (acknowledge_two_orders_at_one_place, Breach.TWO_JOURNALS),
    (accepting(70, selling(account=9)), Breach.STRANGER),
    (accepting(70, CancelOrder(address(9), OWN.digest, SIGNATURE)), Breach.STRANGER),
    (accepting(70, selling(interval=INTERVAL + 900)), Breach.INTERVAL_NOT_OPEN),
    (accepting(70, CloseGate(INTERVAL + 900)), Breach.INTERVAL_NOT_OPEN),
    (an_order_into_a_closed_interval, Breach.INTERVAL_NOT_OPEN),
    (accepting(GATE, selling()), Breach.AFTER_GATE),
    (accepting(GATE, cancel(OWN)), Breach.AFTER_GATE),
    (accepting(70, selling(expiry=69)), Breach.EXPIRED),
    (accepting(70, selling(quantity_wh=0)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(quantity_wh=1_000_001)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(price=150_500)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(price=1_001_000)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(bundle=1)), Breach.OUT_OF_BOUNDS),
    (accepting(70, DropDisconnected(OWN.digest)), Breach.CANCELLED_UNASKED),
    (accepting(70, DropDisconnected(CHEAP.digest)), Breach.NOTHING_TO_CANCEL),
    (accepting(70, selling(bundle=1, bundle_legs=2, expiry=80)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(last_interval=INTERVAL)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(last_interval=INTERVAL + 900)), Breach.INTERVAL_NOT_OPEN),
    (accepting(70, selling(green_premium_ueur_per_kwh=1)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(valid_from=GATE)), Breach.OUT_OF_BOUNDS),
    (accepting(70, WakeOrders(INTERVAL)), Breach.WOKEN_FOR_NOTHING),
    (accepting(70, selling(post_only=True, time_in_force=TimeInForce.FILL_OR_KILL)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(display_wh=1, quantity_wh=101)), Breach.OUT_OF_BOUNDS),
    (accepting(70, selling(replaces=Digest(b"\x01" * 32))), Breach.WRONG_REPLACEMENT),
    (accepting(70, selling(nonce=1)), Breach.REPEATED_NONCE),
    (accepting(70, DEAR), Breach.REPEATED_ORDER),
    (accepting(70, selling(time_in_force=TimeInForce.FILL_OR_KILL)), Breach.NOT_FILLABLE),
    (a_full_book, Breach.BOOK_FULL),
    (accepting(70, cancel(CHEAP)), Breach.NOTHING_TO_CANCEL),
    (accepting(1_001, cancel(LATER)), Breach.NOTHING_TO_CANCEL),
    (accepting(70, cancel(selling())), Breach.NOTHING_TO_CANCEL),
    (accepting(70, cancel(OWN, address(1))), Breach.CANCELLED_BY_STRANGER),
    (accepting(70, OpenInterval(INTERVAL)), Breach.WRONG_OPENING),
    (accepting(70, OpenInterval(INTERVAL + 901)), Breach.WRONG_OPENING),
    (accepting(GATE + 900, OpenInterval(INTERVAL + 900)), Breach.WRONG_OPENING),
    (accepting(GATE - 1, CloseGate(INTERVAL)), Breach.GATE_CLOSED_EARLY),
    (accepting(70, ReleaseInterval(INTERVAL)), Breach.WRONG_RELEASE),
    (publishing(0, sell_order=Digest(b"\x05" * 32)), Breach.UNKNOWN_ORDER),
    (publishing(0, "publish_a_buyer_as_seller", sell_order=BUY.digest, seller=address(4)), Breach.MISMATCHED_ORDERS),
    (publishing(0, "publish_a_buyer_as_seller", sell_order=BUY.digest, seller=address(4)), Breach.SELF_TRADE),
    (publishing(0, seller=address(1)), Breach.WRONG_PARTY),
    (publishing(0, "publish_own_order", sell_order=OWN.digest, seller=address(4)), Breach.SELF_TRADE),
    (publishing(0, "hide_own_order", sell_order=OWN.digest, seller=address(1)), Breach.SELF_TRADE),
    (publishing(0, price_ueur_per_kwh=96_000), Breach.WORSE_THAN_LIMIT),
    (publishing(0, price_ueur_per_kwh=89_000), Breach.WORSE_THAN_LIMIT),
    (publishing(0, price_ueur_per_kwh=92_000), Breach.NOT_AT_RESTING_PRICE),
    (publishing(0, quantity_wh=501), Breach.BEYOND_QUANTITY),
    (publishing(0, quantity_wh=0), Breach.BEYOND_QUANTITY),
    (publishing(0, quantity_wh=499), Breach.DIFFERENT_TRADE),
    (publishing(0, matched_at=39), Breach.DIFFERENT_TRADE),
    (publishing(0, amount_neur=1), Breach.WRONG_AMOUNT),
    (skip_the_better_order, Breach.PRIORITY_BROKEN),
    (skip_the_better_order, Breach.WORSE_THAN_LIMIT),
    (skip_the_earlier_order, Breach.PRIORITY_BROKEN),
    (keep_a_trade_back, Breach.MISSING_TRADE),
    (invent_a_trade, Breach.INVENTED_TRADE),
    (publish_a_trade_twice, Breach.REPEATED_TRADE),
    (match_an_expired_order, Breach.MATCHED_AFTER_EXPIRY),
    (match_after_the_gate, Breach.MATCHED_AFTER_GATE),
]


@pytest.mark.parametrize(
    ("forge", "breach"), FORGERIES, ids=[f"{forge.__name__}-{breach}" for forge, breach in FORGERIES]
)
def test_a_lie_is_called_by_its_name(forge: Forgery, breach: Breach) -> None:
    shown = honest()
    forge(shown)
    assert breach in shown.breaches()


def test_a_member_without_collateral_is_found_and_so_is_one_account_too_many() -> None:
    market = HonestMarket(CONFIG)
    for number in range(1, 6):
        market.run(AdmitAccount(address(number), 1_000_000), 0)
    market.run(OpenInterval(INTERVAL), 0)
    afforded = place(order(1, Side.BUY, 10, 100_000, 1))
    market.run(afforded, 1)
    assert market.shown.findings() == []
    for command, breach in (
        (place(order(1, Side.BUY, 1, 1_000, 2)), Breach.WITHOUT_COLLATERAL),
        (place(order(2, Side.SELL, 2, 100_000, 1)), Breach.WITHOUT_COLLATERAL),
        (AdmitAccount(address(6), 0), Breach.WRONG_ADMISSION),
    ):
        forged = copy.deepcopy(market.shown)
        forged.insert(2, command)
        assert breach in forged.breaches(), command
    # What is released is free again.
    market.run(cancel(afforded), 2)
    market.run(place(order(1, Side.BUY, 10, 100_000, 3)), 3)
    assert (len(market.shown.records), market.shown.findings()) == (9, [])


def test_a_finding_names_the_record_the_interval_and_the_facts() -> None:
    shown = honest()
    shown.insert(GATE + 5, place(order(1, Side.SELL, 10, 90_000, 50)), at=PLACE_OF_CLOSE)
    (finding,) = [each for each in shown.findings() if each.breach is Breach.AFTER_GATE]
    assert (finding.sequence, finding.interval) == (PLACE_OF_CLOSE, INTERVAL)
    assert finding.facts == {"gate_closure": GATE, "now": GATE + 5}


def test_one_lie_does_not_hide_or_breed_others() -> None:
    shown = honest()
    drop_an_order(shown)
    shown.receipts = []
    # Everything behind it is right by itself; only the trades can not be explained any more.
    assert shown.breaches() == {Breach.UNKNOWN_ORDER, Breach.INVENTED_TRADE}


def test_a_clock_that_was_set_back_stands_still() -> None:
    shown = honest()
    shown.change(PLACE_OF_CHEAP, lambda command: command, now=5)
    assert shown.audit().findings == []
    shown.change(PLACE_OF_DEAR, lambda command: command, now=GATE)
    assert Breach.AFTER_GATE in {finding.breach for finding in shown.audit().findings}


def test_trades_that_were_not_published_yet_are_not_missing() -> None:
    shown = honest()
    audit = shown.audit()
    assert check_trades(audit, [], [INTERVAL], through=PLACE_OF_BUY - 1) == []
    assert [found.breach for found in check_trades(audit, [], [INTERVAL], through=PLACE_OF_BUY)] == [
        Breach.MISSING_TRADE
    ]
    assert check_trades(audit, [], []) == []


def test_two_journals_for_two_members_are_told_apart_where_they_part() -> None:
    one, other = honest(), honest()
    swap_two_orders(other)
    findings = compare_journals(one.audit(), other.audit().hashes[1:])
    assert [(found.breach, found.sequence) for found in findings] == [(Breach.TWO_JOURNALS, PLACE_OF_CHEAP)]
    drop_the_last_records(other := honest())
    assert compare_journals(one.audit(), other.audit().hashes[1:]) == []
    assert compare_journals(other.audit(), one.audit().hashes[1:]) == []


def test_a_receipt_of_the_other_journal_does_not_hold() -> None:
    one, other = honest(), honest()
    slip_an_order_in_front(other)
    one.receipts = other.receipts = honest().receipts[:1]
    assert one.breaches() == other.breaches() - {Breach.PRIORITY_BROKEN} == set()
    late = honest().receipts[-1:]
    one.receipts = other.receipts = late
    assert one.breaches() == set()
    assert Breach.RECEIPT_OFF_CHAIN in other.breaches()


def test_an_audit_starts_from_the_agreement() -> None:
    shown = honest()
    audit = JournalAudit(CONFIG, b"\x01" * 32)
    audit.follow_all(shown.records)
    assert audit.findings == []
    assert audit.hashes[-1] != shown.audit().hashes[-1]
    assert shown.audit().hashes[0] == SEED


def test_an_order_is_seen_with_what_became_of_it() -> None:
    seen = honest().audit().orders
    assert [(each.filled_wh, each.outcome) for each in seen.values()] == [
        (0, Outcome.RESTING),
        (500, Outcome.RESTING),
        (200, Outcome.RESTING),
        (700, Outcome.FILLED),
        (0, Outcome.RESTING),
    ]
    assert isinstance(next(iter(seen.values())).order, Order)
