"""A price signal for every delivery interval: when energy is dear and when it is cheap, for whoever can choose when.

    index = price + scarcity + carbon                                  µ€/kWh

- price: the middle of the best bid and the best ask of the interval's book, rounded down; else the only one of them;
  else the price published for the same time of the latest day that has one; else the middle of the grid's import and
  export tariffs. Kept between these two tariffs, for nobody has to pay more or take less.
- scarcity: half the distance of the tariffs, times (Wh bid - Wh asked) / (Wh bid + Wh asked) of the book, rounded down;
  0 without a book.
- on an island, where no grid gives or takes at its tariffs, an open book's price is not kept between them, and scarcity
  is the price itself times the same ratio: what nobody asks for costs nothing, what nobody offers costs twice.
- carbon: the grid's g CO2e/kWh times a price of carbon in µ€/g.

The signal is advice: nobody is settled at it. Units: Wh, µ€/kWh, g CO2e/kWh, UTC epoch seconds; all int.
Refuses: what can not be a window, with ValueError.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from energy.quantities import mean_down

CARBON_UEUR_PER_G: Final = 100
"""What a gram of CO2e counts in the index: 100 €/t, about the price of an allowance."""


class Basis(StrEnum):
    """Where an interval's price comes from."""

    BOOK = "book"
    EARLIER_DAY = "earlier-day"
    TARIFF = "tariff"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one interval."""

    interval: int
    import_ueur_per_kwh: int
    export_ueur_per_kwh: int
    carbon_g_per_kwh: int
    bids: Sequence[tuple[int, int]] = ()
    """Price and Wh shown, best first; empty without a book."""
    asks: Sequence[tuple[int, int]] = ()
    earlier_day_ueur_per_kwh: int | None = None
    """Published for the same time of the latest day that has one."""
    island: bool = False
    """Whether the grid is lost."""


@dataclass(frozen=True, slots=True)
class Signal:
    """The index of one interval, and what it is made of."""

    interval: int
    price_ueur_per_kwh: int
    scarcity_ueur_per_kwh: int
    carbon_ueur_per_kwh: int
    basis: Basis
    import_ueur_per_kwh: int
    """The grid's tariff."""
    export_ueur_per_kwh: int
    """The grid's tariff."""
    carbon_g_per_kwh: int
    """Of the grid."""

    @property
    def index_ueur_per_kwh(self) -> int:
        """The sum."""
        return self.price_ueur_per_kwh + self.scarcity_ueur_per_kwh + self.carbon_ueur_per_kwh


FLAT_PERMILLE: Final = 50
"""Indices that differ by less, over their mean, make no time better than another."""


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch in which energy is cheapest."""

    start: int
    end: int
    """First second after it."""
    mean_index_ueur_per_kwh: int
    """Rounded down."""
    overall_mean_ueur_per_kwh: int
    """Of all intervals that were looked at, rounded down."""


def signal(known: Known) -> Signal:
    """Return the index of an interval."""
    low, high = sorted((known.export_ueur_per_kwh, known.import_ueur_per_kwh))
    price, basis = _price(known)
    bid_wh, asked_wh = (sum(wh for _, wh in side) for side in (known.bids, known.asks))
    total_wh = bid_wh + asked_wh
    half = mean_down(high - low, 2)
    if known.island and basis is Basis.BOOK:
        low = high = price
        half = max(0, price)
    scarcity = mean_down(half * (bid_wh - asked_wh), total_wh) if total_wh else 0
    carbon = known.carbon_g_per_kwh * CARBON_UEUR_PER_G
    return Signal(
        known.interval,
        min(max(price, low), high),
        scarcity,
        carbon,
        basis,
        known.import_ueur_per_kwh,
        known.export_ueur_per_kwh,
        known.carbon_g_per_kwh,
    )


def best_window(signals: Sequence[Signal], interval_length_s: int, length_s: int) -> Window | None:
    """Return the stretch of a length whose mean index is lowest, the earliest of equals.

    None when no stretch is so long, or all intervals are about as dear (`FLAT_PERMILLE`).

    Args:
        signals: Of consecutive intervals, ascending; a gap ends a stretch.
        interval_length_s: Of each interval.
        length_s: Of the stretch, a multiple of it.
    Raises:
        ValueError: the length is none.
    """
    if length_s <= 0 or length_s % interval_length_s:
        raise ValueError(f"a window lasts a multiple of {interval_length_s} s, not {length_s} s")
    count = len(range(0, length_s, interval_length_s))
    indices = [each.index_ueur_per_kwh for each in signals]
    overall = mean_down(sum(indices), len(indices)) if indices else 0
    if not indices or 1_000 * (max(indices) - min(indices)) <= FLAT_PERMILLE * abs(overall):
        return None
    best: tuple[int, int] | None = None
    for place in range(len(signals) - count + 1):
        stretch = signals[place : place + count]
        if stretch[-1].interval - stretch[0].interval != length_s - interval_length_s:
            continue
        total = sum(each.index_ueur_per_kwh for each in stretch)
        if best is None or total < best[0]:
            best = total, stretch[0].interval
    if best is None:
        return None
    return Window(best[1], best[1] + length_s, mean_down(best[0], count), overall)


def _price(known: Known) -> tuple[int, Basis]:
    quotes = [side[0][0] for side in (known.bids, known.asks) if side]
    if quotes:
        return mean_down(sum(quotes), len(quotes)), Basis.BOOK
    if known.earlier_day_ueur_per_kwh is not None:
        return known.earlier_day_ueur_per_kwh, Basis.EARLIER_DAY
    return mean_down(known.import_ueur_per_kwh + known.export_ueur_per_kwh, 2), Basis.TARIFF
