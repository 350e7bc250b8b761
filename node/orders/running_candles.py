"""Candles of the open intervals as they grow, followed from the journal's events like `node.orders.depth`.

Of one length, `LENGTH_S_DEFAULT`; whoever wants longer ones adds them up, and of any length `node.orders.candles` reads
the tables. Units: Wh, µ€/kWh, n€, UTC epoch seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from market.events import Event, GateClosed, Trade
from node.orders.candles import LENGTH_S_DEFAULT, candle

_LENGTH_S: Final = LENGTH_S_DEFAULT


@dataclass(slots=True)
class RunningCandle:
    """One stretch of time with its trades so far."""

    start: int
    open: int
    high: int
    low: int
    close: int
    trades: int = 0
    quantity_wh: int = 0
    turnover_neur: int = 0

    def add(self, price: int, quantity_wh: int) -> None:
        """Take in the next trade."""
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.trades += 1
        self.quantity_wh += quantity_wh
        self.turnover_neur += quantity_wh * price


@dataclass(slots=True)
class _Followed:
    candles: dict[int, RunningCandle] = field(default_factory=dict)
    """By start."""
    changed: dict[int, None] = field(default_factory=dict)
    """Starts of those that have changed since the last `changes`, in sequence."""
    told_at: int = 0
    """Journal record through which they were told."""
    closed: bool = False


class Candles:
    """The candles of all open intervals, through one record of the journal."""

    def __init__(self) -> None:
        self._sequence = 0
        self._intervals: dict[int, _Followed] = {}
        self._changed: dict[int, None] = {}

    def follow(self, sequence: int, now: int, events: Sequence[Event]) -> None:
        """Take in the events of the journal's next record, matched at `now`."""
        self._sequence = sequence
        for event in events:
            match event:
                case Trade(interval=interval, price_ueur_per_kwh=price, quantity_wh=quantity_wh):
                    followed = self._intervals.setdefault(interval, _Followed())
                    start = now - now % _LENGTH_S
                    followed.candles.setdefault(start, RunningCandle(start, price, price, price, price)).add(
                        price, quantity_wh
                    )
                    followed.changed[start] = self._changed[interval] = None
                case GateClosed(interval):
                    # What the call at the gate has traded is still to be told.
                    if interval in self._intervals:
                        self._intervals[interval].closed = True
                        self._changed[interval] = None
                case _:
                    pass

    def changes(self) -> list[dict[str, Any]]:
        """Return what has changed since the last call, one document per interval, by the rule of `Depth.changes`.

        Each holds the new totals of the changed candles, and is right through `sequence`.
        """
        documents: list[dict[str, Any]] = []
        for interval in self._changed:
            followed = self._intervals[interval]
            if followed.changed:
                documents.append(
                    {
                        "interval": interval,
                        "previousSequence": followed.told_at,
                        "sequence": self._sequence,
                        "candles": [candle(followed.candles[start], _LENGTH_S) for start in followed.changed],
                    }
                )
                followed.changed.clear()
                followed.told_at = self._sequence
            if followed.closed:
                del self._intervals[interval]
        self._changed.clear()
        return documents
