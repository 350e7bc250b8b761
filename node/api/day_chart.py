"""The picture of a day: the mean price of each interval between the grid's two tariffs, and the energy traded below.

Units: Wh, µ€/kWh, UTC epoch seconds. A local day has 23, 24 or 25 hours; the axis is true to it.
Drawn twice, for a desk and for a phone, since letters must not shrink with the picture; the style sheet shows one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from node.api.wording import CommunityClock, energy_total, exact_price
from node.i18n import gettext, number
from node.views.rows import Row

LEFT: Final = 38
RIGHT: Final = 8
PRICE_TOP: Final = 28
PRICE_HEIGHT: Final = 120
ENERGY_TOP: Final = 188
ENERGY_HEIGHT: Final = 66
AXIS: Final = ENERGY_TOP + ENERGY_HEIGHT
HEIGHT: Final = AXIS + 24
CENT_UEUR: Final = 10_000


@dataclass(frozen=True, slots=True)
class Layout:
    """One of the two sizes."""

    name: str
    width: int
    hours_between_ticks: int


LAYOUTS: Final = (Layout("wide", 900, 2), Layout("narrow", 340, 6))


@dataclass(frozen=True, slots=True)
class Scale:
    """From instants, prices and energies to places in the picture."""

    layout: Layout
    day: tuple[int, int]
    price_low: int
    price_high: int
    energy_high: int

    def x(self, instant: int) -> int:
        """Return the place of an instant."""
        start, end = self.day
        return LEFT + (instant - start) * (self.layout.width - LEFT - RIGHT) // (end - start)

    def price_y(self, price: int) -> int:
        """Return the height of a price."""
        return PRICE_TOP + (self.price_high - price) * PRICE_HEIGHT // (self.price_high - self.price_low)

    def energy_y(self, energy_wh: int) -> int:
        """Return the height of an energy."""
        return AXIS - energy_wh * ENERGY_HEIGHT // self.energy_high


def day_chart(intervals: Sequence[Row], day: tuple[int, int], length_s: int, clock: CommunityClock) -> Markup:
    """Return the two SVGs of a day.

    Args:
        intervals: The day's intervals in the shape of `node.views.rows.interval`, in their sequence.
        day: First second of the local day and of the next.
        length_s: Length of an interval.
        clock: The community's.
    """
    return Markup("").join(_svg(_scale(layout, intervals, day), intervals, length_s, clock) for layout in LAYOUTS)


def day_sentence(intervals: Sequence[Row], length_s: int, clock: CommunityClock) -> str:
    """Return the picture in words."""
    traded = [row for row in intervals if row["meanPrice"] is not None]
    if not traded:
        return gettext("Nothing has been traded on this day yet.")
    cheapest = min(traded, key=lambda row: int(row["meanPrice"] or 0))
    dearest = max(traded, key=lambda row: int(row["meanPrice"] or 0))
    busiest = max(traded, key=lambda row: int(row["tradedWh"] or 0))
    return gettext(
        "Lowest price {lowest} ({lowest_at}), highest {highest} ({highest_at}); "
        "most was traded for {busiest_at}: {energy}."
    ).format(
        lowest=exact_price(_cents(int(cheapest["meanPrice"] or 0))),
        lowest_at=clock.span(int(cheapest["start"] or 0), length_s),
        highest=exact_price(_cents(int(dearest["meanPrice"] or 0))),
        highest_at=clock.span(int(dearest["start"] or 0), length_s),
        busiest_at=clock.span(int(busiest["start"] or 0), length_s),
        energy=energy_total(int(busiest["tradedWh"] or 0)),
    )


def _cents(price: int) -> int:
    """Return a price rounded down to a tenth of a cent, for people."""
    return price // 1_000 * 1_000


def _known(intervals: Sequence[Row], *keys: str) -> list[int]:
    return [int(value) for row in intervals for key in keys if (value := row[key]) is not None]


def _scale(layout: Layout, intervals: Sequence[Row], day: tuple[int, int]) -> Scale:
    prices = _known(intervals, "meanPrice", "importTariff", "exportTariff") or [0]
    low = min(0, min(prices)) // (5 * CENT_UEUR) * 5 * CENT_UEUR
    high = (max(prices) // (5 * CENT_UEUR) + 1) * 5 * CENT_UEUR
    energy = max([1_000, *_known(intervals, "tradedWh")])
    step = 10 ** (len(str(energy)) - 1) // 2
    return Scale(layout, day, low, high, (energy + step - 1) // step * step)


def _svg(scale: Scale, intervals: Sequence[Row], length_s: int, clock: CommunityClock) -> Markup:
    parts = [
        grid_lines(scale),
        hours(scale, clock),
        steps(scale, intervals, "importTariff", "tariff", length_s),
        steps(scale, intervals, "exportTariff", "tariff", length_s),
        _bars(scale, intervals, length_s, clock),
        steps(scale, intervals, "meanPrice", "price", length_s),
        _captions(scale),
    ]
    return Markup('<svg class="day {}" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>').format(
        scale.layout.name, scale.layout.width, HEIGHT, Markup("").join(parts)
    )


def grid_lines(scale: Scale, energy_unit: int = 1) -> Markup:
    """Draw level lines with their price in cents, and the top of the energy axis in a unit, such as 1,000 Wh."""
    step = 5 * CENT_UEUR * max(1, (scale.price_high - scale.price_low) // (25 * CENT_UEUR))
    lines = [
        _level(scale, scale.price_y(price), number(price // CENT_UEUR))
        for price in range(scale.price_low, scale.price_high + 1, step)
    ]
    lines += [
        _level(scale, AXIS, "0"),
        _level(scale, scale.energy_y(scale.energy_high), number(scale.energy_high // energy_unit)),
    ]
    return Markup("").join(lines)


def _level(scale: Scale, y: int, label: str) -> Markup:
    return Markup('<path class="level" d="M{} {}H{}"/><text class="tick end" x="{}" y="{}">{}</text>').format(
        LEFT, y, scale.layout.width - RIGHT, LEFT - 5, y + 4, label
    )


def hours(scale: Scale, clock: CommunityClock) -> Markup:
    """Write some hours below the axis, as the community's clock shows them."""
    start, end = scale.day
    step = scale.layout.hours_between_ticks
    full_hours = range(-(-start // 3_600) * 3_600, end, 3_600)
    shown = [instant for instant in full_hours if int(clock.time(instant)[:2]) % step == 0]
    return Markup("").join(
        Markup('<text class="tick middle" x="{}" y="{}">{}</text>').format(scale.x(at), AXIS + 17, clock.time(at)[:2])
        for at in shown
    )


def steps(
    scale: Scale,
    intervals: Sequence[Row],
    key: str,
    name: str,
    length_s: int,
    height: Callable[[int], int] | None = None,
) -> Markup:
    """Draw one value as steps, a price unless told its `height`; where it is not known the line has a gap."""
    path, last_end, height = [], None, height or scale.price_y
    for row in intervals:
        start, price = int(row["start"] or 0), row[key]
        if price is None:
            continue
        y = height(int(price))
        path.append(f"L{scale.x(start)} {y}" if start == last_end else f"M{scale.x(start)} {y}")
        last_end = start + length_s
        path.append(f"H{scale.x(last_end)}")
    return Markup('<path class="{}" d="{}"/>').format(name, "".join(path)) if path else Markup("")


def _bars(scale: Scale, intervals: Sequence[Row], length_s: int, clock: CommunityClock) -> Markup:
    bars = []
    for row in intervals:
        start, traded = int(row["start"] or 0), int(row["tradedWh"] or 0)
        if not traded:
            continue
        left, right, top = scale.x(start), scale.x(start + length_s), scale.energy_y(traded)
        bars.append(
            Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>').format(
                left, top, max(1, right - left - 1), AXIS - top, clock.span(start, length_s), energy_total(traded)
            )
        )
    return Markup("").join(bars)


def _captions(scale: Scale) -> Markup:
    return Markup('<text class="caption" x="0" y="10">{}</text><text class="caption" x="0" y="{}">{}</text>').format(
        gettext("Price, ct/kWh"), ENERGY_TOP - 18, gettext("Traded, Wh")
    )
