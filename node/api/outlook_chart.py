"""The picture of price and carbon from now to the end of tomorrow, with the best stretch marked, and the same in words.

Units: µ€/kWh, g CO2e/kWh, UTC epoch seconds. Drawn for a desk and for a phone, as `node.api.day_chart`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from markupsafe import Markup

from node.api.day_chart import AXIS, CENT_UEUR, HEIGHT, LAYOUTS, PRICE_TOP, Scale, grid_lines, hours, steps
from node.api.wording import CommunityClock, exact_price
from node.i18n import gettext
from node.views.outlook import Window
from node.views.rows import Row

CARBON_STEP: Final = 50
"""The axis of carbon ends at a multiple of this, g CO2e/kWh."""


def outlook_chart(rows: Sequence[Row], window: Window | None, length_s: int, clock: CommunityClock) -> Markup:
    """Return the two SVGs; nothing when nothing is known."""
    if not rows:
        return Markup("")
    bounds = (int(rows[0]["start"] or 0), int(rows[-1]["start"] or 0) + length_s)
    prices = [int(row[key] or 0) for row in rows for key in ("importTariff", "usualPrice") if row[key] is not None]
    low = min(0, min(prices)) // (5 * CENT_UEUR) * 5 * CENT_UEUR
    high = (max(prices) // (5 * CENT_UEUR) + 1) * 5 * CENT_UEUR
    most = max(int(row["carbonGPerKwh"] or 0) for row in rows)
    carbon_high = (most // CARBON_STEP + 1) * CARBON_STEP
    return Markup("").join(
        _svg(Scale(layout, bounds, low, high, carbon_high), rows, window, length_s, clock)
        for layout in (replace(each, hours_between_ticks=3 * each.hours_between_ticks // 2) for each in LAYOUTS)
    )


def outlook_sentence(rows: Sequence[Row], window: Window | None, clock: CommunityClock) -> str:
    """Return the best stretch in words."""
    if not rows:
        return gettext("No tariff is known for the time to come.")
    if window is None:
        return gettext("The price is about the same until tomorrow night: no time is better than another.")
    day = clock.weekday(window.start)
    return gettext("Best time to use power: {day} {span}, about {price} and {carbon} g CO₂e/kWh.").format(
        day=day,
        span=clock.span(window.start, window.end - window.start),
        price=exact_price(window.price_ueur_per_kwh // 1_000 * 1_000),
        carbon=window.carbon_g_per_kwh,
    )


def _svg(scale: Scale, rows: Sequence[Row], window: Window | None, length_s: int, clock: CommunityClock) -> Markup:
    best = Markup("")
    if window is not None:
        left, right = scale.x(window.start), scale.x(window.end)
        best = Markup('<rect class="best" x="{}" y="{}" width="{}" height="{}"/>').format(
            left, PRICE_TOP, right - left, AXIS - PRICE_TOP
        )
    parts = [
        best,
        grid_lines(scale),
        hours(scale, clock),
        steps(scale, rows, "importTariff", "tariff", length_s),
        steps(scale, rows, "usualPrice", "price", length_s),
        steps(scale, rows, "carbonGPerKwh", "carbon", length_s, scale.energy_y),
        _captions(),
    ]
    return Markup('<svg class="day {}" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>').format(
        scale.layout.name, scale.layout.width, HEIGHT, Markup("").join(parts)
    )


def _captions() -> Markup:
    return Markup('<text class="caption" x="0" y="10">{}</text><text class="caption" x="0" y="170">{}</text>').format(
        gettext("Price, ct/kWh"), gettext("Carbon, g CO₂e/kWh")
    )
