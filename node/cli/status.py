"""`resilia status` and `resilia version`."""

from importlib.metadata import version as installed_version
from typing import Final

import typer

from node.cli.failure import Failure
from node.cli.node_client import JsonObject
from node.cli.output import print_json, print_line, table
from node.cli.session import Session, session_of
from node.i18n import duration, local_interval, local_time, mark, ngettext, number
from node.i18n import gettext as _

DISTRIBUTION: Final = "resilia-grid"

_CONTRACTS: Final = {
    "token": mark("Token"),
    "registry": mark("Registry"),
    "readings": mark("Readings"),
    "settlement": mark("Settlement"),
    "certificates": mark("Certificates"),
    "disputes": mark("Disputes"),
    "questions": mark("Questions"),
    "cooperative": mark("Cooperative"),
    "timelock": mark("Timelock"),
    "fees": mark("Fees"),
    "reputation": mark("Reputation"),
    "badges": mark("Badges"),
}


def show_version(context: typer.Context) -> None:
    """Show the version of this program."""
    version = installed_version(DISTRIBUTION)
    if session_of(context).as_json:
        print_json("version", {"version": version})
    else:
        print_line(f"RESILIA-GRID {version}")


def show_status(context: typer.Context) -> None:
    """Show how the node and its community are doing."""
    session = session_of(context)
    status = session.node().call("energy_getStatus")
    if session.as_json:
        print_json("status", status)
        return
    if status["demo"]:
        print_line(_("DEMO: these homes are simulated."))
    lines = [
        (_("Community"), f"{status['name']} ({status['timeZone']})"),
        (_("Now"), local_time(status["now"], status["timeZone"])),
        (_("Chain"), _chain(status)),
        (_("Journal"), f"#{number(status['journal']['sequence'])} {status['journal']['hash']}"),
        (_("Members"), number(status["members"])),
        (_("Next gate"), _next_gate(status)),
        (_("Last run"), _last_run(status)),
        *(
            (_(label), status["contracts"][contract])
            for contract, label in _CONTRACTS.items()
            if contract in status["contracts"]
        ),
        (_("Node"), f"{status['node']} ({status['version']})"),
    ]
    width = max(len(name) for name, _value in lines)
    print_line("\n".join(f"{name:<{width}}  {value}" for name, value in lines))
    print_line()
    print_line(_meters(status))
    for problem, advice in _concerns(session, status):
        print_line(f"! {problem}\n  {advice}")


def _concerns(session: Session, status: JsonObject) -> list[tuple[str, str]]:
    """Return what the operator should look after; nothing when the node does not tell it to this machine."""
    from node.views.concerns import words

    try:
        found = session.node().call("energy_getConcerns")
    except Failure:
        return []
    return [words(each, status["timeZone"]) for each in found]


def _chain(status: JsonObject) -> str:
    head = status["head"]
    return _("id {chain}, head #{number} {hash} at {time}").format(
        chain=status["chainId"],
        number=number(head["number"]),
        hash=head["hash"],
        time=local_time(head["timestamp"], status["timeZone"]),
    )


def _next_gate(status: JsonObject) -> str:
    gate = status["nextGate"]
    if gate is None:
        return _("none is open")
    return _("{interval} closes in {wait}; {count} open").format(
        interval=local_interval(gate["interval"], status["intervalLengthS"], status["timeZone"]),
        wait=duration(max(0, gate["closesAt"] - status["now"])),
        count=len(status["openIntervals"]),
    )


def _last_run(status: JsonObject) -> str:
    run = status["lastRun"]
    if run is None:
        return _("none yet")
    end = local_time(run["lastInterval"] + status["intervalLengthS"], status["timeZone"])
    return _("#{number}, settled through {time}").format(number=run["runId"], time=end)


def _meters(status: JsonObject) -> str:
    from node.api.wording import named

    meters = status["meters"]
    if not meters:
        return _("No meters.")
    rows = [
        (
            meter["label"],
            meter["kind"],
            local_time(meter["lastSeen"], status["timeZone"]) if meter["lastSeen"] else _("not since the start"),
            named(meter["state"]),
        )
        for meter in meters
    ]
    heading = ngettext("{count} meter:", "{count} meters:", len(meters)).format(count=len(meters))
    return f"{heading}\n" + table([_("Meter"), _("Kind"), _("Last seen"), _("State")], "<<<<", rows)
