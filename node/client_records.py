"""What the client for members' programs gives: books, receipts, what happens. Units: Wh, µ€/kWh, UTC epoch seconds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from energy.identity import Digest
from node.rpc.ports import JsonObject

OPENED: Final = "opened"
"""Kind of what is told when a stream has begun."""


class NodeRefused(Exception):
    """The node does not do what it was asked for."""

    def __init__(self, status: int, problem: JsonObject) -> None:
        super().__init__(f"{problem.get('detail', status)} {problem.get('hint', '')}".strip())
        self.status = status
        """Of HTTP."""
        self.code: int | None = problem.get("code")
        """Of docs/ERRORS.md; None for what is no rule of the market."""


class NotAReceipt(Exception):
    """The answer to an order is not what the node signs for one: keep it, and ask an auditor."""


@dataclass(frozen=True, slots=True)
class Level:
    """One price of a book."""

    price: int
    quantity_wh: int
    orders: int


@dataclass(frozen=True, slots=True)
class Book:
    """What rests in the book of one interval; the best prices come first."""

    interval: int
    gate_closure: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the node signed for an order or a cancellation."""

    order: Digest
    sequence: int
    outcome: str
    filled_wh: int
    resting_wh: int
    accepted_at: int


@dataclass(frozen=True, slots=True)
class Happened:
    """One event."""

    id: str
    kind: str
    data: JsonObject


def happenings(lines: Iterator[str]) -> Iterator[Happened]:
    """Yield the events of a stream of server-sent events."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        else:
            if "event" in fields:
                yield Happened(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            elif "retry" in fields:  # the first that a stream tells: whatever happens from now on will be told
                yield Happened("", OPENED, {})
            fields = {}


def level_of(told: JsonObject) -> Level:
    """Return a price level as the node tells it."""
    return Level(told["price"], told["quantityWh"], told["orders"])


def book_of(interval: int, gate_closure: int, sides: Mapping[str, Mapping[int, Level]]) -> Book:
    """Return a book of levels by side and price; levels without orders are left out."""
    bids, asks = (
        tuple(level for _, level in sorted(sides[side].items(), reverse=side == "buy") if level.orders)
        for side in ("buy", "sell")
    )
    return Book(interval, gate_closure, bids, asks)
