"""`resilia service`: the node as a service of systemd, that starts with the machine and comes back by itself."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from node.cli.failure import ExitCode, Failure
from node.cli.files import write_file
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, talk
from node.cli.session import session_of
from node.i18n import gettext as _

app = typer.Typer(cls=Group, help="The node as a service of systemd.")

SYSTEM_UNITS: Final = Path("/etc/systemd/system")
UNIT: Final = """\
[Unit]
Description=RESILIA-GRID node of {folder}
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
ExecStart={program} -m node.cli.main node --dir {quoted}
WorkingDirectory={folder}
Restart=on-failure
RestartSec=2
# 70: what is stored contradicts itself; 78: the set-up is wrong. A person must look first.
RestartPreventExitStatus=70 78
KillSignal=SIGINT
TimeoutStopSec=30
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={quoted}
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
PrivateTmp=yes
UMask=0077

[Install]
WantedBy={target}
"""


@app.command("install", cls=Command)
def install(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that 'resilia init' made.")] = Path("."),
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the service; else that of the folder.")
    ] = None,
    system: Annotated[bool, typer.Option("--system", help="For the whole machine, not for this user alone.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the unit instead of writing it.")] = False,
) -> None:
    """Write the unit of a service that runs the node, and say how to start it."""
    if not (folder / "community.json").is_file():
        raise Failure(
            ExitCode.FAILED,
            _("{folder} holds no community.").format(folder=folder),
            _("Found one first: resilia init {folder}").format(folder=folder),
        )
    unit = unit_of(folder.resolve(), system=system)
    if show:
        print_line(unit.rstrip("\n"))
        return
    service = f"resilia-{name or re.sub('[^A-Za-z0-9_-]+', '-', folder.resolve().name)}.service"
    path = (SYSTEM_UNITS if system else user_units(os.environ)) / service
    write_file(path, unit, _("Run it as root, leave --system out, or take the text of --print."), makes_folder=True)
    if session_of(context).as_json:
        print_json("service-install", {"unit": str(path), "service": service})
    control = "systemctl" if system else "systemctl --user"
    talk(_("Written: {path}").format(path=path))
    talk(_("Start it now and with the machine: {command}").format(command=f"{control} enable --now {service}"))
    if not system:
        talk(_("So that it runs while you are away: {command}").format(command="loginctl enable-linger"))


def unit_of(folder: Path, *, system: bool) -> str:
    """Return the text of the unit for a folder."""
    target = "multi-user.target" if system else "default.target"
    plain = str(folder).replace("%", "%%")
    return UNIT.format(folder=plain, quoted=_quoted(folder), program=_quoted(Path(sys.executable)), target=target)


def user_units(environment: "os._Environ[str] | dict[str, str]") -> Path:
    """Return where the units of a user are."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Path(base) / "systemd" / "user"


def _quoted(path: Path) -> str:
    """Return a path as systemd reads it among others: in quotation marks, and a percent sign twice."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"'
