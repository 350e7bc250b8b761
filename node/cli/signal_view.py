"""`resilia market signal`: when energy is dear and when it is cheap, hour by hour, and the best window in words."""

from fractions import Fraction
from itertools import groupby
from typing import Annotated, Final

import typer

from market.signal import Window
from node.cli.help_pages import Command
from node.cli.node_client import JsonObject
from node.cli.output import print_json, print_line, table, talk
from node.cli.session import session_of
from node.cli.switching import app
from node.i18n import gettext as _
from node.i18n import local_interval, mark, price
from node.views.signal_words import words

__all__ = ["app"]

_PARTS: Final = ("index", "price", "scarcity", "carbon")
_BAR_CELLS: Final = 20
_BASES: Final = {"book": mark("book"), "earlier-day": mark("earlier day"), "tariff": mark("tariff")}


@app.command("signal", cls=Command)
def show_signal(
    context: typer.Context,
    hours: Annotated[
        int | None,
        typer.Option(min=1, max=48, metavar="HOURS", help="How far to look; 48, the window until tomorrow night."),
    ] = None,
    window: Annotated[
        int, typer.Option(min=1, metavar="MINUTES", help="How long the best window is to be; 120 if left out.")
    ] = 120,
) -> None:
    """Show the price index hour by hour, from book, scarcity and carbon, and when energy is cheapest."""
    session = session_of(context)
    node = session.node()
    answer = node.call("energy_getPriceSignal", {"hours": hours, "windowS": window * 60})
    if session.as_json:
        print_json("price-signal", answer)
        return
    zone, length_s = node.call("energy_getStatus")["timeZone"], answer["intervalLengthS"]
    hours_to_come = [list(each) for _start, each in groupby(answer["items"], lambda item: item["interval"] // 3_600)]
    highest = max((_mean(each, "index") for each in hours_to_come), default=0)
    rows = [
        (
            local_interval(each[0]["interval"], length_s * len(each), zone),
            *(price(_mean(each, part)) for part in _PARTS),
            ", ".join(dict.fromkeys(_(_BASES[item["basis"]]) for item in each)),
            _bar(_mean(each, "index"), highest),
        )
        for each in hours_to_come
    ]
    headings = [_("Interval"), _("Index"), _("Price"), _("Scarcity"), _("Carbon"), _("From"), ""]
    print_line(table(headings, "<>>>><<", rows))
    if best := answer["window"]:
        # In the reader's language: the node's own words are in English.
        found = Window(best["start"], best["end"], best["meanIndex"], best["overallMean"])
        talk(words(found, zone, hours))


def _mean(items: list[JsonObject], part: str) -> int:
    """Return the mean of a price to a tenth of a cent per kWh, as µ€ per kWh: as exact as a person reads."""
    total: int = sum(item[part] for item in items)
    return round(Fraction(total, len(items) * 1_000)) * 1_000


def _bar(value: int, highest: int) -> str:
    return "█" * (max(value, 0) * _BAR_CELLS // highest) if highest > 0 else ""
