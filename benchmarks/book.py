"""What a command costs: `OrderBook` beside `ReferenceBook` in one run, and the whole engine on the former.

`python -m benchmarks.book [--json]`. Thread CPU time, best of several interleaved rounds, so that a busy machine
does not matter much; the ratio matters more than the nanoseconds. The stream is seeded: a tenth are orders that mostly
trade, the others orders that mostly rest and cancels, so mixed that about a thousand orders stay in the book.
"""

import argparse
import gc
import json
import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from energy.identity import Address, Digest
from energy.results import Accepted
from market.book import Book, OrderBook, ReferenceBook
from market.commands import AdmitAccount, CancelOrder, Command, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.orders import Order, Side, TimeInForce

SEED: Final = 42
ROUNDS: Final = 5
RESTING: Final = 1_000
BOOK_COMMANDS: Final = 200_000
TWIN_COMMANDS: Final = 300
ENGINE_COMMANDS: Final = 20_000
ACCOUNTS: Final = 1_000
LEVELS: Final = 1_501
CAPACITY: Final = 1 << 16
INTERVAL: Final = 900 * 1_000

Target = TypeVar("Target")
Work = TypeVar("Work")
BookCommand = tuple[int, ...]
"""`Book.place`'s arguments, or a handle to cancel."""


class Live:
    """Handles that rest, with a random choice and a removal in O(1)."""

    def __init__(self) -> None:
        self.handles: list[int] = []
        self.place: dict[int, int] = {}

    def add(self, handle: int) -> None:
        """Take in a handle that is not here."""
        self.place[handle] = len(self.handles)
        self.handles.append(handle)

    def remove(self, handle: int) -> None:
        """Let go of a handle that is here."""
        place, last = self.place.pop(handle), self.handles.pop()
        if last != handle:
            self.handles[place] = last
            self.place[last] = place


def book_stream(commands: int) -> tuple[list[BookCommand], list[BookCommand]]:
    """Return commands that fill a book, and the measured ones; every cancel hits an order that rests."""
    chance = random.Random(SEED)
    book = OrderBook(LEVELS, CAPACITY)
    live = Live()
    stream: list[BookCommand] = []
    for number in range(RESTING + commands):
        trades = number >= RESTING and chance.random() < 0.1
        if not trades and number >= RESTING and len(live.handles) > chance.randint(0, 2 * RESTING):
            handle = chance.choice(live.handles)
            live.remove(handle)
            book.cancel(handle)
            stream.append((handle,))
            continue
        side = chance.choice((Side.BUY, Side.SELL))
        away = 1 + int(chance.expovariate(1 / 60))
        quantity = chance.randint(100, 2_000)
        if trades:
            away, quantity = -away, 3 * quantity
        tick = min(max(LEVELS // 2 + (away if side == Side.SELL else -away), 0), LEVELS - 1)
        place = (int(side), tick, quantity, chance.randrange(ACCOUNTS), int(TimeInForce.GOOD_TILL_GATE))
        _, _, handle = book.place(*place)
        for maker, _, _, _, remaining in book.fills():
            if remaining == 0:
                live.remove(maker)
        if handle >= 0:
            live.add(handle)
        stream.append(place)
    return stream[:RESTING], stream[RESTING:]


def run_book(book: Book, commands: list[BookCommand]) -> None:
    place, cancel, fills = book.place, book.cancel, book.fills
    for command in commands:
        if len(command) == 1:
            cancel(*command)
        else:
            place(*command)
            fills()


def engine_stream(commands: int) -> tuple[list[Command], list[Command]]:
    """Return the commands that open a market and fill it, and the measured ones."""
    config = MarketConfig()
    opening: list[Command] = [AdmitAccount(_address(n), 10**18) for n in range(ACCOUNTS)]
    opening.append(OpenInterval(INTERVAL))
    filling, measured = book_stream(commands)
    state = MarketState(config)
    for command in opening:
        apply(state, command, 0)
    stream: list[Command] = []
    for number, book_command in enumerate([*filling, *measured]):
        command = _engine_command(state, config, number, book_command)
        assert isinstance(apply(state, command, 0), Accepted)
        stream.append(command)
    return [*opening, *stream[:RESTING]], stream[RESTING:]


def run_engine(state: MarketState, commands: list[Command]) -> None:
    for command in commands:
        apply(state, command, 0)


def measure() -> dict[str, float | int]:
    """Run everything and return the figures."""
    filling, measured = book_stream(BOOK_COMMANDS)
    opening, engine_measured = engine_stream(ENGINE_COMMANDS)
    book_ns: list[float] = []
    twin_ns: list[float] = []
    engine_ns: list[float] = []
    for _ in range(ROUNDS):
        book, twin, state = OrderBook(LEVELS, CAPACITY), ReferenceBook(LEVELS, CAPACITY), MarketState(MarketConfig())
        run_book(book, filling)
        run_book(twin, filling)
        run_engine(state, opening)
        book_ns.append(_ns_each(run_book, book, measured))
        twin_ns.append(_ns_each(run_book, twin, measured[:TWIN_COMMANDS]))
        engine_ns.append(_ns_each(run_engine, state, engine_measured))
    return {
        "seed": SEED,
        "rounds": ROUNDS,
        "resting_at_start": RESTING,
        "resting_at_end": len(book),
        "book_ns_per_command": round(min(book_ns), 1),
        "reference_ns_per_command": round(min(twin_ns), 1),
        "reference_to_book_ratio": round(min(twin_ns) / min(book_ns), 1),
        "engine_ns_per_command": round(min(engine_ns), 1),
        "engine_commands_per_s": round(1e9 / min(engine_ns)),
    }


def _engine_command(state: MarketState, config: MarketConfig, number: int, command: BookCommand) -> Command:
    if len(command) == 1:
        resting = state.sessions[INTERVAL].resting[command[0]]
        return CancelOrder(resting.order.account, resting.digest, bytes(65))
    side, tick, quantity_wh, account, time_in_force = command
    price = config.price_of(tick)
    order = Order(_address(account), INTERVAL, Side(side), quantity_wh, price, TimeInForce(time_in_force), number, 0)
    return PlaceOrder(order, Digest(number.to_bytes(32, "big")), bytes(65))


def _address(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


def _ns_each(run: Callable[[Target, list[Work]], None], target: Target, commands: list[Work]) -> float:
    gc.collect()
    gc.disable()
    start = time.thread_time_ns()
    run(target, commands)
    elapsed = time.thread_time_ns() - start
    gc.enable()
    return elapsed / len(commands)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:28} {value:>12,}")


if __name__ == "__main__":
    main()
