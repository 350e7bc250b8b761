"""`resilia book`, `resilia trades`, `resilia run list`: what the market shows to everybody."""

from typing import Annotated

import typer

from node.cli.failure import ExitCode, Failure
from node.cli.help_pages import Command, Group
from node.cli.list_options import Latest, say_more
from node.cli.node_client import JsonObject
from node.cli.output import print_json, print_line, short, table, talk
from node.cli.parsing import parse_account, parse_interval
from node.cli.session import session_of
from node.i18n import duration, energy, local_interval, local_time, money, ngettext, number, price
from node.i18n import gettext as _

runs = typer.Typer(cls=Group, rich_markup_mode=None, help="Look at settlement runs.")

IntervalOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="'next', a start such as 2026-10-25T12:30, or epoch seconds.")
]


def show_book(context: typer.Context, interval: IntervalOption = None) -> None:
    """Show the order book of an interval, else of the one whose gate closes next."""
    session = session_of(context)
    node = session.node()
    status = node.call("energy_getStatus")
    book = node.call("energy_getBook", parse_interval(interval, status) if interval else None)
    if book is None:
        raise Failure(
            ExitCode.FAILED,
            _("There is no such book."),
            _("'resilia status' shows which intervals are open."),
        )
    if session.as_json:
        print_json("book", book)
        return
    print_line(local_interval(book["interval"], status["intervalLengthS"], status["timeZone"]))
    print_line(_gate_sentence(book, status))
    traded = book["traded"]
    if traded["trades"]:
        print_line(
            ngettext(
                "{count} trade, {energy} at {price} on average",
                "{count} trades, {energy} at {price} on average",
                traded["trades"],
            ).format(
                count=number(traded["trades"]), energy=energy(traded["tradedWh"]), price=price(traded["meanPrice"])
            )
        )
    print_line()
    asks = [(_("sell"), *_level(level)) for level in reversed(book["asks"])]
    bids = [(_("buy"), *_level(level)) for level in book["bids"]]
    if asks or bids:
        print_line(table([_("Side"), _("Price"), _("Energy"), _("Orders")], "<>>>", [*asks, *bids]))
    else:
        talk(_("The book is empty."))


def show_trades(
    context: typer.Context,
    interval: IntervalOption = None,
    account: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Only this account's.")] = None,
    limit: Latest = 100,
) -> None:
    """List the latest trades by interval and number."""
    session = session_of(context)
    node = session.node()
    status = node.call("energy_getStatus")
    filters = {
        "interval": parse_interval(interval, status) if interval else None,
        "account": parse_account(account) if account else None,
    }
    items, more = node.latest("energy_getTrades", filters, limit)
    if session.as_json:
        print_json("trade-list", {"items": items})
        return
    if not items:
        talk(_("There are no such trades."))
        return
    headings = [_("Interval"), _("No."), _("Energy"), _("Price"), _("Amount"), _("Buyer"), _("Seller")]
    print_line(table(headings, "<>>>><<", [_trade_row(item, status) for item in items]))
    if more:
        say_more(limit)


@runs.command("list", cls=Command)
def list_runs(context: typer.Context, limit: Latest = 100) -> None:
    """List the latest settlement runs and the blocks that hold them."""
    session = session_of(context)
    node = session.node()
    status = node.call("energy_getStatus")
    items, more = node.latest("energy_getRuns", {}, limit)
    if session.as_json:
        print_json("run-list", {"items": items})
        return
    if not items:
        talk(_("Nothing is settled yet."))
        return
    headings = [_("Run"), _("From"), _("Through"), _("Traded"), _("Certified"), _("Sum of nets"), _("Block"), _("Gas")]
    print_line(table(headings, "><<>>>>>", [_run_row(item, status) for item in items]))
    if more:
        say_more(limit)


def _level(level: JsonObject) -> tuple[str, str, str]:
    return price(level["price"]), energy(level["quantityWh"]), number(level["orders"])


def _gate_sentence(book: JsonObject, status: JsonObject) -> str:
    closes_at = local_time(book["gateClosure"], status["timeZone"])
    if not book["open"]:
        return _("The gate closed at {time}.").format(time=closes_at)
    wait = duration(max(0, book["gateClosure"] - status["now"]))
    return _("The gate closes at {time}, in {wait}.").format(time=closes_at, wait=wait)


def _trade_row(item: JsonObject, status: JsonObject) -> tuple[str, ...]:
    return (
        local_interval(item["interval"], status["intervalLengthS"], status["timeZone"]),
        number(item["number"]),
        energy(item["quantityWh"]),
        price(item["price"]),
        money(item["amountNeur"], places=4),
        short(item["buyer"]),
        short(item["seller"]),
    )


def _run_row(item: JsonObject, status: JsonObject) -> tuple[str, ...]:
    return (
        str(item["runId"]),
        local_time(item["firstInterval"], status["timeZone"]),
        local_time(item["lastInterval"] + status["intervalLengthS"], status["timeZone"]),
        energy(item["tradedWh"]),
        energy(item["certifiedWh"]),
        money(item["netSumNeur"]),
        number(item["blockNumber"]),
        number(item["gasUsed"]),
    )
