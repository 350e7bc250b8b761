"""The picture of one interval's energy: who gave, who took, and how much, as an inline SVG.

Units: Wh. The same facts stand beside it as a sentence (`flow_sentence`), so the picture is hidden from screen readers.
Sizes are those of a phone's column; a wider place shows it larger. Colours and motion are in the style sheet.
"""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from node.api.wording import energy_total, exact_energy
from node.i18n import gettext
from node.views.queries import Flow

WIDTH: Final = 360
HEIGHT: Final = 290
HUB: Final = (180, 138)
STROKE_MIN: Final = 2
STROKE_MAX: Final = 14

ICONS: Final = {
    "sun": '<circle r="7"/><path d="M0-15v4M0 11v4M-15 0h4M11 0h4M-10.6-10.6l2.8 2.8M7.8 7.8l2.8 2.8M-10.6 10.6l2.8-2.8'
    'M7.8-7.8l2.8-2.8"/>',
    "home": '<path d="M-14 1 0-12 14 1M-10-2v13h20v-13M-3 11V3h6v8"/>',
    "battery": '<path d="M-9-9h18v21h-18zM-4-13h8v4h-8zM1-5l-5 7h4l-1 6 5-7h-4z"/>',
    "grid": '<path d="M-10 14 -4-14h8l6 28M-8 4 8 14M8 4-8 14M-13-6h26M-6-6 6 4M6-6-6 4"/>',
    "street": '<path d="M-20 2l8-8 8 8M-17 0v10h10v-10M-6-8 4-18l10 10M-3-10v20h14v-20M11 2l7-7 7 7M14 0v10h9v-10"/>',
}


@dataclass(frozen=True, slots=True)
class Spoke:
    """One end of the picture: what it is, where it stands, and its energy to (+) or from (-) the neighbourhood."""

    name: str
    label: str
    icon: str
    place: tuple[int, int]
    given_wh: int


def flow_picture(flow: Flow) -> Markup:
    """Return the SVG of an interval's flow."""
    spokes = [
        Spoke("sun", gettext("Homes' surplus"), "sun", (62, 58), flow["homesExportWh"]),
        Spoke("homes", gettext("Homes"), "home", (298, 58), -flow["homesImportWh"]),
        Spoke(
            "battery",
            gettext("Battery"),
            "battery",
            (62, 208),
            flow["storageDischargeWh"] - flow["storageChargeWh"],
        ),
        Spoke("grid", gettext("Grid"), "grid", (298, 208), flow["gridImportWh"] - flow["gridExportWh"]),
    ]
    largest_wh = max(1, *(abs(spoke.given_wh) for spoke in spokes))
    lines = Markup("").join(_line(spoke, largest_wh) for spoke in spokes)
    ends = Markup("").join(_end(spoke) for spoke in spokes)
    hub = Markup('<g transform="translate({} {})"><circle class="disc hub" r="40"/><g class="icon">{}</g></g>').format(
        *HUB, Markup(ICONS["street"])
    )
    return Markup('<svg class="flow" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}{}{}</svg>').format(
        WIDTH, HEIGHT, lines, ends, hub
    )


def flow_sentence(flow: Flow) -> str:
    """Return the picture in words."""
    given_wh = flow["homesExportWh"] + flow["storageDischargeWh"]
    local_wh = min(given_wh, flow["homesImportWh"] + flow["storageChargeWh"])
    parts = [
        gettext("Homes gave {given} of surplus; homes took {taken}.").format(
            given=exact_energy(flow["homesExportWh"]), taken=exact_energy(flow["homesImportWh"])
        )
    ]
    if flow["storageChargeWh"]:
        parts.append(gettext("The battery stored {energy}.").format(energy=exact_energy(flow["storageChargeWh"])))
    if flow["storageDischargeWh"]:
        parts.append(gettext("The battery gave {energy}.").format(energy=exact_energy(flow["storageDischargeWh"])))
    if flow["gridImportWh"]:
        parts.append(gettext("The grid brought {energy}.").format(energy=exact_energy(flow["gridImportWh"])))
    if flow["gridExportWh"]:
        parts.append(gettext("The grid took {energy}.").format(energy=exact_energy(flow["gridExportWh"])))
    parts.append(gettext("{energy} stayed among neighbours.").format(energy=exact_energy(local_wh)))
    return " ".join(parts)


def _line(spoke: Spoke, largest_wh: int) -> Markup:
    """Draw the way between a spoke and the hub, from giver to taker, as wide as its share of the largest."""
    ends = (spoke.place, HUB) if spoke.given_wh >= 0 else (HUB, spoke.place)
    width = STROKE_MIN + (STROKE_MAX - STROKE_MIN) * abs(spoke.given_wh) // largest_wh
    (x1, y1), (x2, y2) = ends
    path = Markup("M{} {} {} {}").format(x1, y1, x2, y2)
    if not spoke.given_wh:
        return Markup('<path class="way idle" d="{}" stroke-width="{}"/>').format(path, STROKE_MIN)
    return Markup(
        '<path class="way {0}" d="{1}" stroke-width="{2}"/><path class="run" d="{1}" stroke-width="{3}"/>'
    ).format(spoke.name, path, width, max(1, width // 4))


def _end(spoke: Spoke) -> Markup:
    idle = "" if spoke.given_wh else " idle"
    # Above the hub a long label below its disc would lie on the way.
    label_y, value_y = (-37, 52) if spoke.place[1] < HUB[1] else (47, 65)
    return Markup(
        '<g transform="translate({} {})"><circle class="disc {}{}" r="29"/><g class="icon">{}</g>'
        '<text class="label" y="{}">{}</text><text class="value" y="{}">{}</text></g>'
    ).format(
        *(*spoke.place, spoke.name, idle, Markup(ICONS[spoke.icon])),
        *(label_y, spoke.label, value_y, energy_total(abs(spoke.given_wh))),
    )
