"""`resilia oracle`: an oracle as a process of its own, and what oracles know beside meters."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.failure import ExitCode, Failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, table, talk
from node.cli.session import session_of
from node.i18n import gettext as _
from node.i18n import local_time, number

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="Read meters for a community, and vouch for what they say; and for facts."
)


@app.command("serve", cls=Command)
def serve(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Says which key, which community, and this oracle's way to each meter."),
    ],
) -> None:
    """Read the meters by this oracle's own lines, and sign for the node what they say, until Ctrl-C."""
    import asyncio

    from node.clock import SystemClock
    from node.readings.oracle_service import OracleService

    service = OracleService(file, SystemClock())
    if session_of(context).as_json:
        print_json("oracle", {"port": service.server.port})
        sys.stdout.flush()  # whoever reads a pipe waits for it
    talk(_("The oracle signs on port {port} until you press Ctrl-C.").format(port=service.server.port))
    asyncio.run(service.run())


@app.command("watch", cls=Command)
def watch(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="facts.toml, of a node or of an oracle.")],
    seconds: Annotated[
        int,
        typer.Option(min=1, max=600, metavar="SECONDS", help="How long to wait for brokers and services."),
    ] = 10,
) -> None:
    """Show what each source of prices, carbon and weather says now, and what is refused."""
    import asyncio

    from node.clock import SystemClock
    from node.facts.eyes import FactEyes, asked
    from node.facts.settings import load_facts
    from node.facts.sources import FactSources

    settings = load_facts(file)
    if settings is None:
        raise Failure(ExitCode.MISCONFIGURED, _("{file} is missing.").format(file=file))
    clock, eyes = SystemClock(), FactEyes(settings)

    async def listen() -> None:
        sources = FactSources(eyes, file.parent, clock)
        sources.start()
        speaking = [each for each in settings.series if not each.source.startswith("file:")]
        await asyncio.sleep(seconds if speaking else 0)
        await sources.stop()

    asyncio.run(listen())
    now = clock.now()
    wanted = asked(settings.round_of(now), settings)
    series = [
        {
            "name": each.name,
            "kind": each.kind,
            "place": each.place,
            "first": wanted[each.key][0],
            "stepS": each.step_s,
            "values": eyes.values(each.key, *wanted[each.key], now),
        }
        for each in settings.series
    ]
    if session_of(context).as_json:
        print_json("oracle-facts", {"series": series, "rejected": eyes.rejected})
        return
    _show(series, "UTC")
    for code, times in sorted(eyes.rejected.items()):
        talk(_("refused: {reason}").format(reason=f"{code} {number(times)}"))


@app.command("facts", cls=Command)
def show_facts(context: typer.Context) -> None:
    """Show what the oracles agreed on of prices, carbon and weather."""
    session = session_of(context)
    node = session.node()
    series = node.call("energy_getFacts")
    if session.as_json:
        print_json("facts", {"series": series})
        return
    if not series:
        talk(_("The oracles agreed on nothing yet: name sources in facts.toml."))
        return
    _show(series, node.call("energy_getStatus")["timeZone"])


def _show(series: list[dict[str, Any]], zone: str) -> None:
    rows = []
    for each in series:
        known = [value for value in each["values"] if value is not None]
        shown = " ".join("-" if value is None else number(value) for value in each["values"][:6])
        rows.append((each["kind"], each["place"], local_time(each["first"], zone), shown, number(len(known))))
    print_line(table([_("Kind"), _("Place"), _("From"), _("First values"), _("Known")], "<<<<>", rows))
