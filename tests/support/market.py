"""Short ways to make orders, commands and a small market, and a generator of market days."""

import hashlib
import random
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from energy.identity import Address, Digest
from energy.results import Accepted, Rejected
from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    HaltAccount,
    OpenInterval,
    PlaceOrder,
    RateAccount,
    ReleaseInterval,
    SetLimits,
    WakeOrders,
)
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import Event, Trade
from market.grid import Feeder
from market.journal import encode_order
from market.mechanism import Mechanism
from market.orders import Order, SelfTrade, Side, TimeInForce
from market.state import BookFactory

SIGNATURE = bytes(65)
INTERVAL = 9_000
GATE = INTERVAL - 300
SMALL = MarketConfig(
    tick_ueur_per_kwh=1_000,
    price_floor_ueur_per_kwh=-2_000,
    price_ceiling_ueur_per_kwh=4_000,
    quantity_max_wh=20,
    shortfall_price_max_ueur_per_kwh=3_000,
    open_orders_max=6,
    accounts_max=4,
)


def address(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


def digest(number: int) -> Digest:
    return Digest(number.to_bytes(32, "big"))


def order(
    account: int,
    side: Side,
    quantity_wh: int,
    price: int,
    nonce: int,
    *,
    interval: int = INTERVAL,
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_GATE,
    expiry: int = 0,
) -> Order:
    return Order(address(account), interval, side, quantity_wh, price, time_in_force, nonce, expiry)


def place(placed: Order) -> PlaceOrder:
    """The digest stands for the EIP-712 digest: equal for equal orders only."""
    return PlaceOrder(placed, Digest(hashlib.sha256(encode_order(placed)).digest()), SIGNATURE)


def cancel(command: PlaceOrder, account: Address | None = None) -> CancelOrder:
    return CancelOrder(account or command.order.account, command.digest, SIGNATURE)


def market(
    *commands: Command, config: MarketConfig | None = None, book: BookFactory | None = None, accounts: int = 3
) -> MarketState:
    """Return a market with funded accounts 1..accounts and one open interval, after some accepted commands."""
    state = MarketState(config or MarketConfig(), book) if book else MarketState(config or MarketConfig())
    for number in range(1, accounts + 1):
        accepted(apply(state, AdmitAccount(address(number), 10**12), 0))
    accepted(apply(state, OpenInterval(INTERVAL), 0))
    for command in commands:
        accepted(apply(state, command, 0))
    return state


def accepted(result: Accepted[Event] | Rejected) -> tuple[Event, ...]:
    assert isinstance(result, Accepted), str(result)
    return result.events


def rejected(result: Accepted[Event] | Rejected) -> Rejected:
    assert isinstance(result, Rejected), str(result)
    return result


def trade(number: int, buyer: int, seller: int, quantity_wh: int, price: int, *, interval: int = INTERVAL) -> Trade:
    """A trade between accounts by number; the digests of its orders are 1000 + account."""
    return Trade(
        interval,
        number,
        price,
        quantity_wh,
        digest(1000 + buyer),
        digest(1000 + seller),
        address(buyer),
        address(seller),
        0,
        0,
    )


@dataclass(frozen=True)
class CancelEarlier:
    """Cancel the n-th order (modulo their number) that was placed before, as an account that may not own it."""

    which: int
    account: int | None


@dataclass(frozen=True)
class DisconnectEarlier:
    """End the connection of the n-th order (modulo their number) that was placed before, whether it asked or not."""

    which: int


@dataclass(frozen=True)
class ReplaceEarlier:
    """Replace the n-th order (modulo their number) that was placed before by one of its account, interval and side."""

    which: int
    order: Order


Earlier = CancelEarlier | ReplaceEarlier | DisconnectEarlier
Move = tuple[int, Command | Earlier]
"""Seconds since the move before, and what happens."""

_intervals = st.sampled_from([1_800, 2_700])
_accounts = st.integers(1, 3)
_orders = st.builds(
    order,
    _accounts,
    st.sampled_from(Side),
    st.integers(1, 12),
    st.integers(-2, 4).map(lambda level: level * 1_000),
    st.integers(0, 2**20),
    interval=_intervals,
    time_in_force=st.sampled_from([TimeInForce.GOOD_TILL_GATE] * 4 + list(TimeInForce)),
    expiry=st.one_of(st.just(0), st.integers(1, 2_500)),
)
CONDITIONS: list[dict[str, Any]] = [
    {"post_only": True},
    {"display_wh": 3},
    {"display_wh": 1},
    {"self_trade": SelfTrade.CANCEL_RESTING},
    {"self_trade": SelfTrade.CANCEL_BOTH},
    {"partner_group": digest(1)},
    {"partner_group": digest(2), "self_trade": SelfTrade.CANCEL_RESTING},
    {"partner_group": digest(1), "display_wh": 2},
    {"all_or_none": True},
    {"all_or_none": True, "self_trade": SelfTrade.CANCEL_RESTING},
    {"min_lot_wh": 4},
    {"min_lot_wh": 3, "self_trade": SelfTrade.CANCEL_BOTH},
    {"max_carbon_g_per_kwh": 50},
    {"max_carbon_g_per_kwh": 40},
    {"max_carbon_g_per_kwh": 40, "green_premium_ueur_per_kwh": 1_000},
    {"valid_from": 300},
    {"valid_from": 700, "min_lot_wh": 2},
    {"last_interval": 2_700},
    {"last_interval": 2_700, "all_or_none": True},
    {"last_interval": 2_700, "self_trade": SelfTrade.CANCEL_RESTING, "partner_group": digest(1)},
    {"bundle": 1, "bundle_legs": 2},
    {"bundle": 1, "bundle_legs": 2},
    {"bundle": 2, "bundle_legs": 2, "max_carbon_g_per_kwh": 50},
    {"bundle": 3, "bundle_legs": 3},
    {"cancel_on_disconnect": True},
]
"""What some orders of a day ask for beyond the usual."""
_conditional = st.builds(lambda plain, asked: replace(plain, **asked), _orders, st.sampled_from(CONDITIONS))
_moves = st.one_of(
    _conditional.map(place),
    _conditional.map(place),
    st.builds(ReplaceEarlier, st.integers(0, 50), st.one_of(_orders, _conditional)),
    _orders.map(place),
    _orders.map(place),
    _orders.map(place),
    _orders.map(place),
    st.builds(CancelEarlier, st.integers(0, 50), st.one_of(st.none(), _accounts)),
    st.builds(DisconnectEarlier, st.integers(0, 50)),
    st.builds(
        RateAccount,
        st.integers(1, 5).map(address),
        st.integers(1, 9),
        st.integers(0, 300_000),
        st.sampled_from([0, 0, 1_000, 500_000]),
    ),
    st.builds(AdmitAccount, st.integers(1, 5).map(address), st.integers(-1, 120_000)),
    st.builds(OpenInterval, st.sampled_from([1_800, 1_900, 2_700])),
    st.builds(CloseGate, _intervals),
    st.builds(WakeOrders, _intervals),
    st.builds(
        SetLimits,
        st.sampled_from([0, 0, 3]),
        st.sampled_from([0, 0, 300]),
        st.sampled_from([0, 0, 30_000]),
        st.sampled_from([0, 0, 4]),
        st.sampled_from([0, 0, 20_000, -1]),
    ),
    st.builds(ReleaseInterval, _intervals),
    st.builds(
        HaltAccount,
        st.integers(1, 5).map(address),
        st.booleans(),
        st.booleans(),
        st.integers(0, 5),
        st.just(SIGNATURE),
    ),
)
market_days: st.SearchStrategy[list[Move]] = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 0, 1, 20, 400, -5]), _moves), min_size=10, max_size=80
).map(
    lambda moves: [
        *((0, AdmitAccount(address(number), 100_000)) for number in (1, 2, 3)),
        *((0, OpenInterval(interval)) for interval in (1_800, 2_700)),
        *moves,
    ]
)
"""Moves on the small market, from its opening on: short, odd, and easy to shrink."""


def busy_day(seed: int, moves: int = 250, accounts: int = 3) -> list[Move]:
    """Moves of a crowded day: most orders are good and meet others; the gates close and the intervals are released."""
    chance = random.Random(seed)
    start, first, last = 0, 1_800, 2_700
    opening: list[Command] = [AdmitAccount(address(number), 500_000) for number in range(1, accounts + 1)]
    day: list[Move] = [(start, command) for command in (*opening, OpenInterval(first), OpenInterval(last))]
    for nonce in range(moves):
        seconds = chance.choice([0, 0, 1, 10, 20])
        kind = chance.random()
        if kind < 0.75:
            placed = order(
                chance.randint(1, accounts),
                chance.choice(list(Side)),
                chance.randint(1, 12),
                chance.randint(-1, 3) * 1_000,
                nonce,
                interval=chance.choice([first, last]),
                time_in_force=chance.choice([TimeInForce.GOOD_TILL_GATE] * 4 + list(TimeInForce)),
                expiry=chance.choice([0, 0, nonce * 6 + chance.randint(0, 120)]),
            )
            if chance.random() < 0.3:
                asked = chance.choice(CONDITIONS)
                placed = replace(placed, **asked)
                if "bundle" in asked or "last_interval" in asked:
                    placed = replace(placed, time_in_force=TimeInForce.GOOD_TILL_GATE, expiry=0)
                if "last_interval" in asked:
                    placed = replace(placed, interval=first)
                if placed.valid_from:
                    placed = replace(placed, valid_from=nonce * 6 + chance.randint(0, 120), expiry=0)
            replaces = nonce > 10 and chance.random() < 0.1
            day.append((seconds, ReplaceEarlier(nonce - chance.randint(1, 10), placed) if replaces else place(placed)))
        elif kind < 0.80:
            day.append((seconds, DisconnectEarlier(chance.randint(0, nonce))))
        elif kind < 0.92:
            day.append((seconds, CancelEarlier(chance.randint(0, nonce), chance.choice([None, None, 1]))))
        else:
            collateral = chance.choice([0, 100_000, 500_000])
            day.append((seconds, AdmitAccount(address(chance.randint(1, accounts + 2)), collateral)))
        if nonce % 5 == 4:
            day += [(0, WakeOrders(first)), (0, WakeOrders(last))]
        if nonce % 50 == 49:
            for interval in (first, last):
                day += [(0, CloseGate(interval)), (0, ReleaseInterval(interval))]
    return [*day, (2_400, CloseGate(first)), (0, CloseGate(last)), (0, ReleaseInterval(last))]


def resolve(move: Command | Earlier, placed: list[PlaceOrder]) -> Command | None:
    """Turn a move into a command, given the orders placed so far; None for a cancel or a replacement of nothing."""
    if not isinstance(move, Earlier):
        return move
    if not placed:
        return None
    chosen = placed[move.which % len(placed)]
    if isinstance(move, DisconnectEarlier):
        return DropDisconnected(chosen.digest)
    if isinstance(move, ReplaceEarlier):
        like = chosen.order
        fits = {"account": like.account, "interval": like.interval, "side": like.side, "replaces": chosen.digest}
        if move.which % 3:  # else another price: it goes to the end
            fits["limit_price_ueur_per_kwh"] = like.limit_price_ueur_per_kwh
        return place(replace(move.order, **fits))  # type: ignore[arg-type]
    return cancel(chosen, None if move.account is None else address(move.account))


def on_feeders() -> MarketConfig:
    """The small market of four accounts on three feeders: an east that branches, a west, and one on the busbar."""
    w_per_wh = 4  # in a quarter of an hour
    feeders = (
        Feeder("east", 9 * w_per_wh, (address(1),), free_w=5 * w_per_wh, price_ueur_per_kwh=1_000),
        Feeder("east-end", 6 * w_per_wh, (address(2),), parent="east"),
        Feeder("west", 8 * w_per_wh, (address(3),), free_w=4 * w_per_wh, price_ueur_per_kwh=1_000),
    )
    return replace(SMALL, feeders=feeders, accounts_max=9, open_orders_max=9)


def market_of(mechanism: Mechanism) -> MarketConfig:
    """The small market under a mechanism."""
    return replace(SMALL, mechanism=mechanism, lot_wh=6, open_orders_max=9, accounts_max=9)


def fitted(day: list[Move], mechanism: Mechanism) -> list[Move]:
    """Return a day whose orders are mostly of the size that a mechanism takes."""
    if mechanism is not Mechanism.MCAFEE:
        return day
    return [
        (seconds, place(replace(move.order, quantity_wh=6 if number % 5 else move.order.quantity_wh)))
        if isinstance(move, PlaceOrder)
        else (seconds, move)
        for number, (seconds, move) in enumerate(day)
    ]
