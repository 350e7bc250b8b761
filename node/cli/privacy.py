"""`resilia privacy`: open some readings for somebody who may see them, check what was opened, and erase the past."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, talk
from node.cli.parsing import parse_month
from node.cli.session import session_of
from node.i18n import gettext as _

if TYPE_CHECKING:
    from node.clock import Clock
    from node.privacy.erasing import Erased
    from node.privacy.erasures_file import Erasure

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="Open readings for somebody, check what was opened, and erase what is past."
)


@app.command("disclose", cls=Command)
def disclose(
    label: Annotated[str, typer.Option(metavar="LABEL", help="The member whose meter it is.")],
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="First interval, on the community's clocks.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="The interval before which it ends.")],
    author: Annotated[
        str, typer.Option(metavar="NAME", help="Who opens them; kept in the node's list of disclosures.")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="For whom and why; kept in the same list.")],
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that 'resilia init' made.")] = Path("."),
) -> None:
    """Print a meter's readings of a stretch of time with what proves them, as JSON, and nothing of anybody else."""
    from node.cli.parsing import parse_instant
    from node.clock import SystemClock
    from node.coop.community import Community
    from node.privacy.disclosing import disclose, write_down
    from oracles.disclosure import to_document

    if not author.strip() or not reason.strip():
        raise usage_failure(_("A disclosure has an author and a reason."), _("Give --author NAME and --reason TEXT."))
    zone = Community.load(folder / "community.json").time_zone
    first, behind = parse_instant(start, zone), parse_instant(end, zone)
    document = to_document(disclose(folder, label, first, behind))
    write_down(folder, SystemClock().now(), label, first, behind, author, reason)
    print_line(json.dumps(document, indent=1))


@app.command("erase", cls=Command)
def erase(
    context: typer.Context,
    label: Annotated[str, typer.Option(metavar="LABEL", help="The member whose readings they are.")],
    before: Annotated[str, typer.Option(metavar="YYYY-MM", help="The month, by UTC, before which everything goes.")],
    author: Annotated[str, typer.Option(metavar="NAME", help="Who erases them; kept in the node's list of erasures.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="For whom and why; kept in the same list.")],
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that 'resilia init' made.")] = Path("."),
) -> None:
    """Erase a member's readings of the time before a month, for good, while the node does not run."""
    import asyncio

    from node.clock import SystemClock
    from node.privacy.erasures_file import Erasure

    if not author.strip() or not reason.strip():
        raise usage_failure(_("An erasure has an author and a reason."), _("Give --author NAME and --reason TEXT."))
    clock = SystemClock()
    done = asyncio.run(_erase(folder, Erasure(clock.now(), label, parse_month(before), author, reason), clock))
    if session_of(context).as_json:
        print_json("erasure", {"erased": done.readings, "kept": done.kept})
    else:
        message = _("{erased} readings are erased; {kept} stay, for others' certificates rest on them.")
        talk(message.format(erased=done.readings, kept=done.kept))


async def _erase(folder: Path, erasure: "Erasure", clock: "Clock") -> "Erased":
    from node.app import Node

    node = await Node.open(folder, clock)
    try:
        return await node.erasing.erase(erasure)
    finally:
        await node.close()


@app.command("check", cls=Command)
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'resilia privacy disclose' printed.")],
) -> None:
    """Check that disclosed readings lie under their roots; compare the roots with the chain's yourself."""
    from energy import strict_json
    from energy.identity import hex_text
    from oracles.disclosure import from_document

    try:
        disclosure = from_document(strict_json.loads(file.read_bytes()))
    except (OSError, ValueError) as error:
        message = _("{file} is no disclosure: {reason}").format(file=file, reason=error)
        raise Failure(ExitCode.FAILED, message, _("It must be what 'resilia privacy disclose' printed.")) from None
    wrong = [each for each in disclosure.opened if not each.holds]
    if session_of(context).as_json:
        roots = {str(each.reading.interval): hex_text(each.root) for each in disclosure.opened}
        print_json("disclosure", {"readings": len(disclosure.opened), "wrong": len(wrong), "roots": roots})
    else:
        for each in disclosure.opened:
            print_line(f"{each.reading.interval} {hex_text(each.root)}")
    if wrong:
        message = _("{count} of {total} readings do not lie under their root.")
        detail = message.format(count=len(wrong), total=len(disclosure.opened))
        raise Failure(ExitCode.FAILED, detail, _("They are not what the oracles committed to."))
    talk(_("{count} readings lie under their roots.").format(count=len(disclosure.opened)))
