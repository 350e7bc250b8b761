"""`resilia config`: the node's local settings, where each comes from, and what each means."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.failure import usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, table
from node.cli.session import session_of
from node.i18n import gettext as _

app = typer.Typer(cls=Group, help="The node's own settings, in node.toml.")

FolderOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder of the node's data.")]


@app.command("show", cls=Command)
def show(
    context: typer.Context,
    folder: FolderOption = Path("."),
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
) -> None:
    """Show the settings with which a node of this folder would start now."""
    from node.settings import load_settings

    chosen = load_settings(folder, os.environ, {})
    if session_of(context).as_json:
        settings = {name: {"value": _plain(each.value), "origin": each.origin} for name, each in chosen.items()}
        print_json("config-show", {"settings": settings})
        return
    rows = [[name, _written(each.value), *([_(each.origin)] if origin else [])] for name, each in chosen.items()]
    headings = [_("Setting"), _("Value"), *([_("From")] if origin else [])]
    print_line(table(headings, "<" * len(headings), rows))


@app.command("explain", cls=Command)
def explain(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[SETTING]", help="One setting; all if left out.")] = None,
) -> None:
    """Explain the settings: what each means, what it must be, and what is usual."""
    from node.settings import ENVIRONMENT, SETTINGS

    if name is not None and name not in SETTINGS:
        raise usage_failure(
            _("There is no setting {name}.").format(name=name),
            _("The settings are {names}.").format(names=", ".join(SETTINGS)),
        )
    wanted = [SETTINGS[name]] if name else list(SETTINGS.values())
    if session_of(context).as_json:
        explained = {
            each.name: {
                "about": _(each.about),
                "kind": _(each.kind),
                "usual": _plain(each.usual),
                "variable": ENVIRONMENT + each.name.upper(),
            }
            for each in wanted
        }
        print_json("config-explain", {"settings": explained})
        return
    for place, each in enumerate(wanted):
        if place:
            print_line()
        print_line(each.name)
        print_line(f"  {_(each.about)}")
        must = _("{kind}; usual: {usual}; in the environment: {variable}")
        variable = ENVIRONMENT + each.name.upper()
        print_line("  " + must.format(kind=_(each.kind), usual=_written(each.usual), variable=variable))


def dashboard() -> None:
    """Print a dashboard for Grafana over the metrics that the page's port has at /metrics."""
    import json

    from node.integrations.dashboard import dashboard as drawn

    print_line(json.dumps(drawn(), indent=2))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _written(value: Any) -> str:
    if value is None or value == ():
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(value) if isinstance(value, tuple) else str(value)
