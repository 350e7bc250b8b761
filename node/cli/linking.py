"""`resilia link` and `resilia grid`: neighbours by card and terms, how the links do, what a cut has cost, the grid.

`card`, `add` and `list` work on the node's folder, whether or not the node runs; it takes new neighbours at its next
start. `status`, `report` and `grid` ask the running node.
"""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from node.cli.configuration import FolderOption
from node.cli.failure import usage_failure
from node.cli.help_pages import Command, Group
from node.cli.node_client import JsonObject
from node.cli.output import print_json, print_line, table, talk
from node.cli.session import session_of
from node.i18n import energy, local_time, mark, money, number, price
from node.i18n import gettext as _

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Link the community to others: above, below, cut off, back.")
grid = typer.Typer(cls=Group, rich_markup_mode=None, help="Tell the node that the grid is lost, or back.")

MODES: Final = {
    "together": mark("grid and link are there"),
    "alone": mark("cut off from the parent: trades, settles and certifies by itself"),
    "island": mark("the grid is lost: nothing is exchanged, critical loads come first"),
    "island-alone": mark("grid and parent are lost: an island by itself"),
}


@app.command("card", cls=Command)
def card(context: typer.Context, folder: FolderOption = Path(".")) -> None:
    """Print the community's card: give it to the operator of the parent."""
    from node.interconnect.links import Links

    session_of(context)
    print_json("link-card", Links.load(folder).own.to_json())


@app.command("add", cls=Command)
def add(
    context: typer.Context,
    document: Annotated[
        Path, typer.Argument(metavar="FILE", help="A child's card, which is answered with terms; or a parent's terms.")
    ],
    folder: FolderOption = Path("."),
    fee: Annotated[
        int, typer.Option(min=0, metavar="UEUR", help="What the way costs, µ€/kWh, paid in either direction.")
    ] = 10_000,
    void: Annotated[
        int, typer.Option(min=0, metavar="UEUR", help="What the child's bond pays for each kWh of a void award, µ€.")
    ] = 100_000,
    bond: Annotated[
        int, typer.Option(min=0, metavar="NEUR", help="The child's bond, which its operator has paid in, n€.")
    ] = 10**11,
    capacity: Annotated[
        int, typer.Option(min=1, metavar="WH", help="Most that may cross the link in an interval, either way.")
    ] = 25_000,
    run_awards: Annotated[
        int, typer.Option(min=1, metavar="COUNT", help="So many awards are settled by one run.")
    ] = 96,
    hub: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where children reach this community's NATS server.")
    ] = "127.0.0.1:7422",
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the own NATS server takes the node.")
    ] = "127.0.0.1:4222",
) -> None:
    """Link a neighbour: a child by its card, which prints the terms for it; the parent by its terms."""
    from node.interconnect.agreement import Card, read_document
    from node.interconnect.links import Links, Listening

    session = session_of(context)
    links, found = Links.load(folder), read_document(document)
    if isinstance(found, Card):
        agreed = links.add_child(found, fee, void, bond, capacity, hub, run_awards)
        print_json("link-terms", agreed.to_json())
        name = found.name
    else:
        links.add_parent(found)
        name = found.parent.name
        if session.as_json:
            print_json("link-add", {"parent": name})
    path = Links.load(folder).write_server(Listening(listen, hub))
    talk(_("{name} is linked. Start the server anew: nats-server -c {path}").format(name=name, path=path))
    talk(_("Then start the node anew."))


@app.command("trust", cls=Command)
def trust(
    context: typer.Context,
    document: Annotated[Path, typer.Argument(metavar="FILE", help="Card of a community that is no neighbour.")],
    folder: FolderOption = Path("."),
    bond: Annotated[
        int, typer.Option(min=0, metavar="NEUR", help="Paid in by its operator; pays for what it sells twice, n€.")
    ] = 0,
) -> None:
    """Take certificates in of a community that is no neighbour, such as another child of the parent."""
    from node.interconnect.agreement import Card, read_document
    from node.interconnect.links import Links

    session, found = session_of(context), read_document(document)
    if not isinstance(found, Card):
        raise usage_failure(
            _("{path} holds terms, not a card.").format(path=document),
            _("Have the card printed over there with: resilia link card"),
        )
    Links.load(folder).trust(found, bond)
    if session.as_json:
        print_json("link-trust", {"name": found.name, "community": found.to_json()["community"]})
    talk(_("Certificates of {name} are taken in. Start the node anew.").format(name=found.name))


@app.command("list", cls=Command)
def show_list(context: typer.Context, folder: FolderOption = Path(".")) -> None:
    """Show the neighbours and what was agreed with each."""
    from node.interconnect.links import Links

    links = Links.load(folder)
    above = [("parent", links.parent, links.parent.parent)] if links.parent else []
    found = [*above, *(("child", each, each.child) for each in links.children)]
    items = [
        {
            "name": card.name,
            "as": role,
            "community": card.to_json()["community"],
            "fee": each.conditions.fee_ueur_per_kwh,
            "void": each.conditions.void_ueur_per_kwh,
            "bondNeur": each.conditions.bond_neur,
            "capacityWh": each.conditions.capacity_wh,
        }
        for role, each, card in found
    ]
    if session_of(context).as_json:
        print_json("link-list", {"name": links.own.name, "items": items})
        return
    if not items:
        talk(_("The community has no neighbours yet."))
        return
    roles = {"parent": _("parent"), "child": _("child")}
    rows = [
        (card.name, roles[role], price(each.conditions.fee_ueur_per_kwh), energy(each.conditions.capacity_wh),
         money(each.conditions.bond_neur))
        for role, each, card in found
    ]  # fmt: skip
    print_line(table([_("Neighbour"), _("Is the"), _("Fee"), _("Capacity"), _("Bond")], "<<>>>", rows))


@app.command("status", cls=Command)
def show_status(context: typer.Context) -> None:
    """Show how the community lives with its links: mode, capacity, and what the last interval brought."""
    session = session_of(context)
    status = session.node().call("energy_getStatus")
    shown = {name: status[name] for name in ("mode", "gridLostAt", "link")}
    if session.as_json:
        print_json("link-status", shown)
        return
    print_line(_(MODES[status["mode"]]))
    link = status["link"]
    if link is None:
        talk(_("The community has no account for links."))
        return
    twice = [
        (_("Signed twice"), f"{each['name']}: {_closed(each['run'], proven=each['proven'])}")
        for each in link["equivocations"]
    ]
    lines = [
        (_("Parent"), link["parent"] or "–"),
        (_("Children"), ", ".join(link["children"]) or "–"),
        (_("Heard"), local_time(link["heardAt"], status["timeZone"]) if link["heardAt"] else _("never")),
        (_("May leave"), _energy(link["exportMaxWh"])),
        (_("May come"), _energy(link["importMaxWh"])),
        (_("Last price"), price(link["price"]) if link["price"] is not None else "–"),
        (_("Left the homes"), _energy(link["netExportWh"])),
        (_("Owed by neighbours"), money(link["balanceNeur"])),
        (_("Refused messages"), _refused(link)),
        *twice,
    ]
    width = max(len(name) for name, _value in lines)
    print_line("\n".join(f"{name:<{width}}  {value}" for name, value in lines))


@app.command("report", cls=Command)
def report(context: typer.Context) -> None:
    """Tell what every cut has cost, to the watt-hour, and when both sides agreed again."""
    session = session_of(context)
    node = session.node()
    reports = node.call("energy_getLinkReports")
    if session.as_json:
        print_json("link-report", {"items": reports})
        return
    if not reports:
        talk(_("Nothing was ever cut off."))
        return
    zone = node.call("energy_getStatus")["timeZone"]
    headings = [
        _("Began"), _("Lost"), _("Back"), _("Agreed again"),
        _("Intervals alone"), _("Not taken"), _("Void"), _("Taken"), _("Own bond owes"),
        _("Given up"), _("Owed for it"), _("Bonds paid"),
    ]  # fmt: skip
    rows = [
        (
            _time(each["beganAt"], zone),
            each["mode"],
            _time(each["healedAt"], zone),
            _time(each["convergedAt"], zone),
            number(each["intervals"]),
            *(energy(each[name]) for name in ("lapsedWh", "voidWh", "acceptedWh")),
            money(each["compensationNeur"]),
            energy(each["givenUpWh"]),
            money(each["givenUpNeur"]),
            money(each["paidNeur"]),
        )
        for each in reports
    ]  # fmt: skip
    print_line(table(headings, "<<<<>>>>>>>>", rows))
    for each in reports:
        for community in each["closed"]:
            talk(_("Closed for two runs under one number: {community}").format(community=community))


@grid.command("lost", cls=Command)
def lost(context: typer.Context) -> None:
    """Tell the node, on its own machine, that the grid is lost: awards are void, critical loads come first."""
    _say(context, lost=True)


@grid.command("back", cls=Command)
def back(context: typer.Context) -> None:
    """Tell the node, on its own machine, that the grid is back."""
    _say(context, lost=False)


def _say(context: typer.Context, *, lost: bool) -> None:
    session = session_of(context)
    mode = session.node().call("energy_setGrid", lost)
    if session.as_json:
        print_json("grid", mode)
    else:
        talk(_(MODES[mode["mode"]]))


def _refused(link: JsonObject) -> str:
    why = ", ".join(f"{each['name']}: {each['code']} {number(each['count'])}" for each in link["refusals"])
    return f"{number(link['refused'])} ({why})" if why else number(link["refused"])


def _closed(run: int, *, proven: bool) -> str:
    if proven:
        return _("run {run}; the link is closed, its bond paid").format(run=run)
    return _("run {run}; the proof waits for the chain").format(run=run)


def _energy(wh: Any) -> str:
    return energy(wh) if wh is not None else "–"


def _time(instant: Any, zone: str) -> str:
    return local_time(instant, zone) if instant is not None else "–"
