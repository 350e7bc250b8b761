"""`resilia key`: the member's own keys."""

from pathlib import Path
from typing import Annotated

import typer

from energy.identity import hex_text
from node.cli.help_pages import Command, Group
from node.cli.holding import hold_key
from node.cli.keystore import ask_password, create_key, key_folder, stored_keys
from node.cli.output import print_json, print_line, table, talk
from node.cli.session import session_of
from node.i18n import gettext as _

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Make and list your own keys.")


@app.command("new", cls=Command)
def new_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the key and of its file.")] = "member",
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the password from the first line of a file.")
    ] = None,
) -> None:
    """Make a new key and keep it, locked with a password, in your key folder ($RESILIA_KEYS)."""
    session = session_of(context)
    password = ask_password(_("Password for the new key: "), password_file, twice=True)
    key = create_key(key_folder(), name, password)
    if session.as_json:
        print_json("key", {"name": key.name, "account": hex_text(key.account), "file": str(key.path)})
        return
    print_line(hex_text(key.account))
    talk(_("The key is in {path}. Without this file and its password nobody can use it again.").format(path=key.path))
    talk(_("Ask your community to admit this account as a member."))


@app.command("serve", cls=Command)
def serve_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Says which key, for which contracts, on which port.")],
) -> None:
    """Keep a key for a node on another machine, and sign for it what the key's guard allows, until Ctrl-C."""
    from node.signing.service import open_service

    service = open_service(file)
    talk(_("The key signs on port {port} until you press Ctrl-C.").format(port=service.server.port))
    service.server.serve()


app.command("hold", cls=Command)(hold_key)


@app.command("list", cls=Command)
def list_keys(context: typer.Context) -> None:
    """List the keys of your key folder."""
    session = session_of(context)
    keys = stored_keys(key_folder())
    if session.as_json:
        print_json(
            "key-list",
            {"items": [{"name": key.name, "account": hex_text(key.account), "file": str(key.path)} for key in keys]},
        )
        return
    if not keys:
        talk(_("There is no key in {folder}. Make one with 'resilia key new'.").format(folder=key_folder()))
        return
    rows = [(key.name, hex_text(key.account), str(key.path)) for key in keys]
    print_line(table([_("Name"), _("Account"), _("File")], "<<<", rows))
