"""`resilia doctor`: is this machine fit to run a node, and is the node well?"""

import time
from pathlib import Path
from typing import Annotated

import typer

from node.cli.failure import ExitCode
from node.cli.output import print_json, print_line, talk
from node.cli.session import session_of
from node.i18n import ngettext


def run_doctor(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder of the node's data.")] = Path("."),
    rpc_port: Annotated[int, typer.Option(metavar="PORT", help="Port of JSON-RPC; 8545 if left out.")] = 8545,
    web_port: Annotated[int, typer.Option(metavar="PORT", help="Port of the page; 8080 if left out.")] = 8080,
) -> None:
    """Check this machine and the node, and say what to mend. Exit code 1 if there is something."""
    from node.cli.health import examine

    session = session_of(context)
    findings = examine(session.node(), folder, int(time.time()), {"rpc-port": rpc_port, "web-port": web_port})
    broken = sum(not finding.ok for finding in findings)
    if session.as_json:
        items = [{"name": each.name, "ok": each.ok, "text": each.text, "advice": each.advice} for each in findings]
        print_json("doctor", {"ok": not broken, "items": items})
    else:
        for finding in findings:
            print_line(f"{'ok' if finding.ok else '!!'} {finding.text}")
            if finding.advice:
                print_line(f"   {finding.advice}")
    if broken:
        talk(ngettext("{count} thing to mend.", "{count} things to mend.", broken).format(count=broken))
        raise typer.Exit(ExitCode.FAILED)
