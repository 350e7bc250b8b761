"""`resilia market signal`: when energy is dear and when it is cheap, and the best window in words."""

from typing import Annotated

import typer

from node.cli.help_pages import Command
from node.cli.output import print_json, print_line, table, talk
from node.cli.session import session_of
from node.cli.switching import app
from node.i18n import gettext as _
from node.i18n import local_interval, mark, price

__all__ = ["app"]

_BASES = {"book": mark("book"), "earlier-day": mark("earlier day"), "tariff": mark("tariff")}


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
    """Show the price index of the intervals to come, from book, scarcity and carbon, and when energy is cheapest."""
    session = session_of(context)
    node = session.node()
    answer = node.call("energy_getPriceSignal", {"hours": hours, "windowS": window * 60})
    if session.as_json:
        print_json("price-signal", answer)
        return
    zone, length_s = node.call("energy_getStatus")["timeZone"], answer["intervalLengthS"]
    rows = [
        (
            local_interval(each["interval"], length_s, zone),
            *(price(each[name]) for name in ("index", "price", "scarcity", "carbon")),
            _(_BASES[each["basis"]]),
        )
        for each in answer["items"]
    ]
    headings = [_("Interval"), _("Index"), _("Price"), _("Scarcity"), _("Carbon"), _("From")]
    print_line(table(headings, "<>>>><", rows))
    if answer["window"]:
        talk(answer["window"]["words"])
