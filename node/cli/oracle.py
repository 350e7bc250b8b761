"""`resilia oracle`: an oracle as a process of its own, with its own cables to the meters."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from node.cli.help_pages import Command, Group
from node.cli.output import print_json, talk
from node.cli.session import session_of
from node.i18n import gettext as _

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Read meters for a community, and vouch for what they say.")


@app.callback()
def oracle() -> None:
    """Keep `serve` a command of its own while it is the only one."""


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
    from node.oracle_service import OracleService

    service = OracleService(file, SystemClock())
    if session_of(context).as_json:
        print_json("oracle", {"port": service.server.port})
        sys.stdout.flush()  # whoever reads a pipe waits for it
    talk(_("The oracle signs on port {port} until you press Ctrl-C.").format(port=service.server.port))
    asyncio.run(service.run())
