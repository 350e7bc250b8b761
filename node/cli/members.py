"""`resilia member admit`: write down what no vote can know of who is admitted: their name, and where their meter is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, talk
from node.cli.parsing import account_of
from node.cli.session import session_of
from node.i18n import gettext as _

if TYPE_CHECKING:
    from energy.identity import Address
    from node.coop.community import Member

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Write down whom the members admit, with their meters.")

LIMIT_W = 36_000
"""What a home's connection carries."""


@app.callback()
def members() -> None:
    """Keep this a group of commands, also while it has one alone."""


@app.command("admit", cls=Command)
def admit_member(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ADDRESS", help="Of who is, or is to be, admitted.")],
    label: Annotated[str, typer.Option(metavar="TEXT", help="Name in this node's lists; it stays here.")] = "",
    meter: Annotated[str, typer.Option(metavar="PROTOCOL:PLACE", help="Where the meter is heard.")] = "",
    serial: Annotated[str, typer.Option(metavar="TEXT", help="The meter's serial number; it stays here.")] = "",
    source: Annotated[str, typer.Option(metavar="NAME", help="What its export is made from.")] = "solar",
    storage: Annotated[
        int | None, typer.Option(metavar="PERMILLE", min=1, max=1_000, help="It is a storage that is so efficient.")
    ] = None,
    import_w: Annotated[int, typer.Option(metavar="W", min=0, help="Most that the connection can draw.")] = LIMIT_W,
    export_w: Annotated[int, typer.Option(metavar="W", min=0, help="Most that it can feed in.")] = LIMIT_W,
    instead_of: Annotated[
        str, typer.Option(metavar="LABEL", help="Whose place and meter it has, since the key was lost or by moving in.")
    ] = "",
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that 'resilia init' made.")] = Path("."),
) -> None:
    """Write down a member who came by a vote; the node reads it when it starts. Prints the meter's pseudonym."""
    from energy.identity import hex_text
    from node.clock import SystemClock
    from node.coop.admitted import admit
    from node.ledger import meter_tuple

    address = account_of(account)
    try:
        if instead_of:
            member = _successor(folder, instead_of, address, label, meter, serial)
        else:
            member = _newcomer(address, label, meter, serial, source, storage, import_w, export_w)
    except ValueError as error:
        raise usage_failure(
            _("This member can not be taken: {reason}.").format(reason=error),
            _("Give --label, --meter and --serial, or --instead-of alone; docs/METERS.md lists the protocols."),
        ) from None
    try:
        admit(folder, member)
    except OSError as error:
        raise Failure(
            ExitCode.FAILED,
            _("{file} was not changed: {reason}").format(file=folder, reason=error),
            _("Run this as the user that the node runs as."),
        ) from None
    details = [each if isinstance(each, int) else _text(each) for each in meter_tuple(member, SystemClock().now())]
    if session_of(context).as_json:
        print_json("member-admit", {"account": hex_text(address), "meter": hex_text(member.meter), "details": details})
        return
    print_line(hex_text(member.meter))
    if not instead_of:
        talk(_("Propose the member: resilia coop propose registry admitMember {account}").format(account=account))
    talk(
        _("When that is done, propose the meter: resilia coop propose registry enrolMeter {meter} '{details}'").format(
            meter=hex_text(member.meter), details=json.dumps(details)
        )
    )
    talk(_("The node knows the meter once it was started again; the member trades as soon as both votes are done."))


def _newcomer(
    address: "Address",
    label: str,
    meter: str,
    serial: str,
    source: str,
    storage: int | None,
    import_w: int,
    export_w: int,
) -> "Member":
    from market.metered import Source
    from node.coop.community import Member
    from node.coop.founding import meter_pseudonym

    if source.upper() not in Source.__members__:
        raise ValueError(f"source must be one of {', '.join(name.lower() for name in Source.__members__)}")
    return Member(
        account=address,
        label=label,
        kind="home" if storage is None else "storage",
        meter=meter_pseudonym(serial, address),
        meter_source=meter,
        serial=serial,
        source=Source[source.upper()] if storage is None else Source.STORAGE,
        power_max_import_w=import_w,
        power_max_export_w=export_w,
        efficiency_permille=storage or 0,
    )


def _successor(folder: Path, whose: str, address: "Address", label: str, meter: str, serial: str) -> "Member":
    from node.coop.admitted import load_community
    from node.coop.founding import COMMUNITY_FILE, meter_pseudonym

    old = _member_called(load_community(folder / COMMUNITY_FILE).members, whose)
    return replace(
        old,
        account=address,
        label=label or f"{old.label} (2)",
        meter=meter_pseudonym(serial or old.serial, address),
        meter_source=meter or old.meter_source,
        serial=serial or old.serial,
    )


def _member_called(members: "tuple[Member, ...]", label: str) -> "Member":
    found = [member for member in members if member.label == label]
    if not found:
        raise ValueError(_("there is no member called {label}").format(label=repr(label)))
    return found[0]


def _text(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
