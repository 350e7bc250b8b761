"""Order books from PyPI beside ours, one Python call for each command: runs in an environment that has them.

`benchmarks.book` makes the environment and runs this with a file of good-till-gate events; it prints one JSON object
of nanoseconds per command. A book counts only if it matches, and reports what was filled: its adapter returns the Wh
that each order filled at once, and the sum must be ours. What an adapter must remember to cancel by name is part of
its cost. Ours is called as it is, since what the benchmark calls is what it offers; an adapter that only passed a call
on would take some 50 ns.
"""

import gc
import json
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from market.book import BookSet
from market.book.batch import CANCEL, EVENT, FILL, RESULT

ROUNDS: Final = 7
CAPACITY: Final = 1 << 16
NAMES: Final = 1 << 20

Command = tuple[int, int, int, int, int, int, int] | tuple[int, int]
"""What `Adapter.place` takes, or `Adapter.cancel`."""
Placed = tuple[int, int]


class Adapter(Protocol):
    """A peer behind the calls that the benchmark makes."""

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int, /) -> tuple[int, int]:
        """Place an order and return a status, which nobody looks at, and how many Wh it filled at once."""

    def cancel(self, book: int, name: int, /) -> object:
        """Take an order out, if it rests."""


class _PurePython:
    """The fastest book that plain Python makes: sorted prices, a queue for each, cancelled orders left empty."""

    def __init__(self, levels: int) -> None:
        sorted_dict = import_module("sortedcontainers").SortedDict
        self.sides = sorted_dict(), sorted_dict()
        self.resting: dict[int, list[int]] = {}

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        # Prices are negated on the bid side, so that the best maker always has the least key.
        makers, limit = self.sides[1 - side], -tick if side else tick
        left = wh
        while left and makers:
            best, queue = makers.peekitem(0)
            if best > limit:
                break
            while left and queue:
                maker = queue[0]
                filled = min(maker[1], left)
                left -= filled
                maker[1] -= filled
                if maker[1] == 0:
                    queue.popleft()
                    self.resting.pop(maker[0], None)
            if not queue:
                del makers[best]
        if left:
            order = self.resting[name] = [name, left]
            own, key = self.sides[side], tick if side else -tick
            queue = own.get(key)
            if queue is None:
                queue = own[key] = deque()
            queue.append(order)
        return 0, wh - left

    def cancel(self, book: int, name: int) -> None:
        order = self.resting.pop(name, None)
        if order is not None:
            order[1] = 0


class _Liquibook:
    """C++ behind SWIG; fills come to a listener."""

    def __init__(self, levels: int) -> None:
        self.module: Any = import_module("liquibook")
        self.book = self.module.DepthOrderBook("energy")
        self.orders: dict[int, Any] = {}
        silent = ("accept", "reject", "cancel", "cancel_reject", "replace", "replace_reject")
        methods: dict[str, Any] = {f"on_{event}": lambda _, *arguments: None for event in silent}
        filled = self.filled = [0]

        def on_fill(_: object, order: object, maker: object, wh: int, *rest: object) -> None:
            filled[0] += wh

        listener = type("Listener", (self.module.OrderListener,), {**methods, "on_fill": on_fill})
        self.listener = listener()
        self.book.set_order_listener(self.listener)

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        order = self.orders[name] = self.module.SimpleOrder(side == 0, tick, wh)
        self.filled[0] = 0
        self.book.add(order)
        return 0, self.filled[0]

    def cancel(self, book: int, name: int) -> None:
        order = self.orders.pop(name, None)
        if order is not None:
            self.book.cancel(order)


class _Litebook:
    """Rust, prices and quantities in floating point."""

    def __init__(self, levels: int) -> None:
        module: Any = import_module("litebook")
        self.book = module.OrderBook(tick_size=1.0)
        self.types = module.OrderType.Buy, module.OrderType.Sell
        self.ids: dict[int, Any] = {}

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        order = self.book.create_order(self.types[side], price=float(tick), quantity=float(wh))
        self.ids[name] = order.id
        return 0, int(sum(fill.quantity for fill in self.book.add(order)))

    def cancel(self, book: int, name: int) -> None:
        order_id = self.ids.pop(name, None)
        if order_id is not None:
            self.book.cancel(order_id)


class _OrderlyChaos:
    """C++ behind ctypes."""

    def __init__(self, levels: int) -> None:
        module: Any = import_module("orderly_chaos")
        self.book = module.LimitOrderBook()
        self.sides = module.Side.BUY, module.Side.SELL
        self.unknown: type[Exception] = module.UnknownOrderIdError

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        return 0, self.book.limit(self.sides[side], name, wh, tick)

    def cancel(self, book: int, name: int) -> None:
        try:
            self.book.cancel(name)
        except self.unknown:
            return


class _Pylobo:
    """Rust."""

    def __init__(self, levels: int) -> None:
        module: Any = import_module("lobo")
        orders: Any = import_module("lobo.orders")
        self.book = module.Book()
        self.limit_order = orders.LimitOrder
        self.sides = orders.Side.Buy, orders.Side.Sell
        self.reports = module.Reports(include_summary=True)
        self.owner = import_module("uuid").UUID(int=1)
        self.ids: dict[int, Any] = {}

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        fill = self.book.fill(self.limit_order(tick, wh, self.owner, self.sides[side]), self.reports)
        self.ids[name] = fill.remaining_order_id
        summary = fill.report.summary if fill.report else None
        return 0, int(summary.filled_quantity) if summary else 0

    def cancel(self, book: int, name: int) -> None:
        order_id = self.ids.pop(name, None)
        if order_id is not None:
            try:
                self.book.cancel(order_id)
            except Exception:  # its own class of errors is not exported: the order is gone
                return


class _CythonOrderbook:
    """Python's own types, compiled."""

    def __init__(self, levels: int) -> None:
        module: Any = import_module("cython_orderbook")
        self.book = module.OrderBook()
        self.order = module.Order
        self.sides = module.OrderSide.BID, module.OrderSide.ASK
        self.ids: dict[int, Any] = {}

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        order = self.order(side=self.sides[side], price=tick, original_quantity=wh)
        self.ids[name] = order.order_id
        self.book.add_limit_order(order)
        return 0, int(wh - order.remaining_quantity)

    def cancel(self, book: int, name: int) -> None:
        order_id = self.ids.pop(name, None)
        if order_id is not None:
            self.book.cancel_order(order_id)


class _LightMatchingEngine:
    """Pure Python."""

    def __init__(self, levels: int) -> None:
        self.engine: Any = import_module("lightmatchingengine.lightmatchingengine").LightMatchingEngine()
        self.ids: dict[int, int] = {}

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        order, trades = self.engine.add_order("energy", tick, wh, 1 + side)
        self.ids[name] = order.order_id
        return 0, int(sum(trade.trade_qty for trade in trades if trade.order_id != order.order_id))

    def cancel(self, book: int, name: int) -> None:
        order_id = self.ids.pop(name, None)
        if order_id is not None:
            try:
                self.engine.cancel_order(order_id, "energy")
            except AssertionError:  # how it says that the order is gone
                return


class _Pyorderbook:
    """Pure Python."""

    def __init__(self, levels: int) -> None:
        module: Any = import_module("pyorderbook")
        self.book = module.Book()
        self.make = module.bid, module.ask
        self.orders: dict[int, Any] = {}

    def place(self, book: int, name: int, side: int, tick: int, wh: int, account: int, kind: int) -> Placed:
        order = self.orders[name] = self.make[side]("energy", tick, wh)
        return 0, int(sum(trade.fill_quantity for trade in self.book.match(order).trades or ()))

    def cancel(self, book: int, name: int) -> None:
        order = self.orders.pop(name, None)
        if order is not None and order.id in self.book.order_map:
            self.book.cancel(order)


PEERS: Final[dict[str, Callable[[int], Adapter]]] = {
    "liquibook": _Liquibook,
    "litebook": _Litebook,
    "orderly-chaos": _OrderlyChaos,
    "pylobo": _Pylobo,
    "cython-orderbook": _CythonOrderbook,
    "lightmatchingengine": _LightMatchingEngine,
    "pyorderbook": _Pyorderbook,
}
"""By the name that pip knows."""


def our_books(levels: int) -> BookSet:
    return BookSet(1, levels, CAPACITY, NAMES)


def commands_of(events: bytes) -> list[Command]:
    return [
        (book, name) if kind == CANCEL else (book, name, side, tick, wh, account, kind)
        for wh, name, account, tick, book, kind, side in EVENT.iter_unpack(events)
    ]


def run(adapter: Adapter, commands: list[Command]) -> int:
    """Carry out commands and return the Wh filled."""
    place, cancel = adapter.place, adapter.cancel
    filled = 0
    for command in commands:
        if len(command) == 2:
            cancel(*command)
        else:
            filled += place(*command)[1]
    return filled


def batch(book_set: BookSet, events: bytes, fills: bytearray, results: bytearray) -> int:
    """Carry out events in one call and return the Wh filled."""
    _, count = book_set.submit(events, fills, results)
    return sum(wh for wh, *_ in FILL.iter_unpack(memoryview(fills)[: count * FILL.size]))


def timed(work: Callable[[], object], commands: int) -> float:
    """Return the thread CPU time of some work, nanoseconds for each command."""
    gc.collect()
    gc.disable()
    begin = time.thread_time_ns()
    work()
    elapsed = time.thread_time_ns() - begin
    gc.enable()
    return elapsed / commands


def measure(filling: bytes, measured: bytes, levels: int, books: dict[str, Callable[[int], Adapter]]) -> dict[str, Any]:
    """Return best and median nanoseconds for each command by book, `batch` being our books in one call."""
    first, timed_commands = commands_of(filling), commands_of(measured)
    count = len(timed_commands)
    times: dict[str, list[float]] = {name: [] for name in (*books, "batch")}
    volumes: dict[str, set[int]] = {name: set() for name in times}
    fills, results = bytearray(FILL.size * 4 * count), bytearray(RESULT.size * count)
    for _ in range(ROUNDS):
        for name, make in books.items():
            adapter = make(levels)
            volume = [run(adapter, first)]
            times[name].append(timed(lambda a=adapter, v=volume: v.append(run(a, timed_commands)), count))  # type: ignore[misc]
            volumes[name].add(sum(volume))
        book_set = our_books(levels)
        volume = [batch(book_set, filling, fills, results)]
        times["batch"].append(timed(lambda s=book_set: s.submit(measured, fills, results), count))  # type: ignore[misc]
        again = our_books(levels)
        batch(again, filling, fills, results)
        volumes["batch"].add(sum(volume) + batch(again, measured, fills, results))
    return {
        name: {
            "ns": round(min(each), 1),
            "ns_median": round(statistics.median(each), 1),
            "agrees": volumes[name] == volumes["ours"],
        }
        for name, each in times.items()
    }


def main() -> None:
    """Measure what the arguments name: a file of events, how many of them fill the book, its levels."""
    path, filling, levels = sys.argv[1:]
    events = Path(path).read_bytes()
    at = int(filling) * EVENT.size
    books: dict[str, Callable[[int], Adapter]] = {"ours": our_books, "pure-python": _PurePython}
    missing = {}
    for name, make in PEERS.items():
        try:
            make(int(levels))
            books[name] = make
        except ImportError as error:
            missing[name] = str(error)
    print(json.dumps({"books": measure(events[:at], events[at:], int(levels), books), "missing": missing}))


if __name__ == "__main__":
    main()
