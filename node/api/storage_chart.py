"""The picture of a storage's plan: what energy is worth to it above, what it holds below; and the reason in words.

Units: Wh, µ€/kWh, UTC epoch seconds. Drawn for a desk and for a phone, as `node.api.day_chart`.
"""

from dataclasses import replace
from typing import Final

from markupsafe import Markup

from node.api.day_chart import AXIS, CENT_UEUR, ENERGY_TOP, HEIGHT, LAYOUTS, Scale, grid_lines, hours
from node.api.wording import CommunityClock, energy_total, share
from node.i18n import gettext
from node.planning.reasons import sentence
from node.planning.storage_plan import StoragePlan

KWH: Final = 1_000
"""In Wh; the axis of what is held ends at a multiple of this."""


def storage_chart(plan: StoragePlan, clock: CommunityClock) -> Markup:
    """Return the two SVGs."""
    bounds = (int(plan.steps[0]["start"] or 0), int(plan.steps[-1]["end"] or 0))
    worths = [int(step["worth"] or 0) for step in plan.steps]
    low = min(0, min(worths)) // (5 * CENT_UEUR) * 5 * CENT_UEUR
    high = (max(worths) // (5 * CENT_UEUR) + 1) * 5 * CENT_UEUR
    most = max([plan.capacity_wh, plan.stored_wh, *(int(step["storedWh"] or 0) for step in plan.steps), 1])
    full = (most + KWH - 1) // KWH * KWH
    layouts = (replace(each, hours_between_ticks=3 * each.hours_between_ticks // 2) for each in LAYOUTS)
    return Markup("").join(_svg(Scale(layout, bounds, low, high, full), plan, clock) for layout in layouts)


def storage_sentences(plan: StoragePlan, clock: CommunityClock) -> list[str]:
    """Return what the storage holds, what it does next and why, and how its plan goes on."""
    fullest = max(plan.steps, key=lambda step: int(step["storedWh"] or 0))
    emptiest = min(plan.steps, key=lambda step: int(step["storedWh"] or 0))
    said = [
        gettext("{label} holds {stored} of {capacity} ({share}).").format(
            label=gettext(plan.label),
            stored=energy_total(plan.stored_wh),
            capacity=energy_total(plan.capacity_wh),
            share=share(plan.stored_wh, plan.capacity_wh),
        )
    ]
    if plan.why is not None:
        said.append(
            sentence({**plan.why, "device": gettext(plan.label)}, str(clock.zone), lambda at, zone: _when(clock, at))
        )
    said.append(
        gettext("By the plan it is fullest at {fullest} with {most}, and emptiest at {emptiest} with {least}.").format(
            fullest=_when(clock, int(fullest["end"] or 0)),
            most=energy_total(int(fullest["storedWh"] or 0)),
            emptiest=_when(clock, int(emptiest["end"] or 0)),
            least=energy_total(int(emptiest["storedWh"] or 0)),
        )
    )
    return said


def _when(clock: CommunityClock, instant: int) -> str:
    return f"{clock.time(instant)} ({clock.weekday(instant)})"


def _svg(scale: Scale, plan: StoragePlan, clock: CommunityClock) -> Markup:
    worth: list[str] = []
    held = [f"M{scale.x(scale.day[0])} {scale.energy_y(plan.stored_wh)}"]
    for step in plan.steps:
        start, end = int(step["start"] or 0), int(step["end"] or 0)
        y = scale.price_y(int(step["worth"] or 0))
        worth.append(f"{'L' if worth else 'M'}{scale.x(start)} {y}H{scale.x(end)}")
        held.append(f"L{scale.x(end)} {scale.energy_y(int(step['storedWh'] or 0))}")
    line = "".join(held)
    parts = [
        grid_lines(scale, KWH),
        hours(scale, clock),
        Markup('<path class="price" d="{}"/>').format("".join(worth)),
        Markup('<path class="held" d="{}V{}H{}Z"/>').format(line, AXIS, scale.x(scale.day[0])),
        Markup('<path class="edge" d="{}"/>').format(line),
        Markup('<text class="caption" x="0" y="10">{}</text><text class="caption" x="0" y="{}">{}</text>').format(
            gettext("Worth of energy, ct/kWh"), ENERGY_TOP - 18, gettext("Held, kWh")
        ),
    ]
    return Markup('<svg class="day {}" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>').format(
        scale.layout.name, scale.layout.width, HEIGHT, Markup("").join(parts)
    )
