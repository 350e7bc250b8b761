"""`resilia market compare`: what each mechanism would have made of the same orders, from a node's files alone."""

from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.audit import FolderOption, day_range
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, table, talk
from node.cli.session import session_of
from node.i18n import energy, money, ngettext, number, price
from node.i18n import gettext as _

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look at how the market is organised.")


@app.command("compare", cls=Command)
def compare(
    context: typer.Context,
    day: Annotated[str | None, typer.Argument(metavar="DAY", help="Only this day's deliveries: 2026-10-25.")] = None,
    folder: FolderOption = Path("."),
    lies: Annotated[
        bool, typer.Option("--lies", help="Also look for what a false price would earn; takes longer.")
    ] = False,
) -> None:
    """Clear the same orders by every mechanism, and show volume, welfare, who gets it, prices and what a lie earns."""
    session = session_of(context)
    from node.audit.auditing import COMMUNITY_FILE
    from node.coop.community import Community
    from node.orders.comparing import compare_folder

    start, end = day_range(day, None, None, Community.load(folder / COMMUNITY_FILE).time_zone)
    intervals, found = compare_folder(folder, start, end, with_lies=lies)
    if session.as_json:
        print_json("market-comparison", {"intervals": intervals, "items": [_json(each) for each in found]})
        return
    talk(
        ngettext(
            "{count} interval with orders; limits are taken for the truth.",
            "{count} intervals with orders; limits are taken for the truth.",
            intervals,
        ).format(count=number(intervals))
    )
    headings = [
        _("Mechanism"),
        _("Intervals"),
        _("Traded"),
        _("Welfare"),
        _("Buyers"),
        _("Sellers"),
        _("Community"),
        _("Prices"),
        _("Best lie"),
    ]
    print_line(table(headings, "<>>>>>>>>", [_row(each) for each in found if each.intervals]))


def _row(each: Any) -> tuple[str, ...]:
    share = f"{number(each.welfare_neur * 1000 // each.optimum_neur)} ‰" if each.optimum_neur else "–"
    prices = (
        "–"
        if each.lowest_ueur_per_kwh is None
        else f"{price(each.lowest_ueur_per_kwh)} – {price(each.highest_ueur_per_kwh)}"
    )
    sums = (money(value, places=4) for value in (each.buyers_neur, each.sellers_neur, each.community_neur))
    lie = "–" if each.best_lie_neur is None else money(each.best_lie_neur, places=4)
    return (each.mechanism, number(each.intervals), energy(each.volume_wh), share, *sums, prices, lie)


def _json(each: Any) -> dict[str, int | str | None]:
    return {
        "mechanism": each.mechanism,
        "intervals": each.intervals,
        "tradedWh": each.volume_wh,
        "welfareNeur": each.welfare_neur,
        "optimumNeur": each.optimum_neur,
        "buyersNeur": each.buyers_neur,
        "sellersNeur": each.sellers_neur,
        "communityNeur": each.community_neur,
        "lowestPrice": each.lowest_ueur_per_kwh,
        "highestPrice": each.highest_ueur_per_kwh,
        "bestLieNeur": each.best_lie_neur,
    }
