"""`resilia key hold`: take a member's key into the node's keeping, for a passkey to open."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.failure import ExitCode, Failure
from node.cli.keystore import read_key, unlock
from node.cli.output import print_json, print_line, talk
from node.cli.session import session_of
from node.i18n import gettext as _

DAY_S = 86_400
PAGE_URL = "http://localhost:8080"


def hold_key(
    context: typer.Context,
    keystore: Annotated[Path, typer.Argument(metavar="KEYSTORE", help="The member's keystore file.")],
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder of the community.")] = Path("."),
    page: Annotated[
        str, typer.Option("--page", metavar="URL", help="Where the member reaches the page: https, or this machine.")
    ] = PAGE_URL,
    days: Annotated[
        int, typer.Option("--days", min=1, max=90, metavar="N", help="How long the invitation counts.")
    ] = 7,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the password from the first line of a file.")
    ] = None,
) -> None:
    """Keep a member's key on the node, for a passkey of the member to open; print the invitation."""
    from node.clock import SystemClock
    from node.coop.founding import COMMUNITY_FILE
    from node.signing.held_keys import HeldKeys

    if not (folder / COMMUNITY_FILE).is_file():
        raise Failure(
            ExitCode.FAILED,
            _("{folder} is no folder of a community.").format(folder=folder),
            _("Name the folder that 'resilia init' made, with --dir."),
        )
    private_key = unlock(read_key(keystore), password_file)
    account, invitation = HeldKeys(folder).invite(private_key, SystemClock().now() + days * DAY_S)
    address = f"{page.rstrip('/')}/hold/{account}#{invitation}"
    if session_of(context).as_json:
        print_json("held-key", {"account": account, "invitation": address})
        return
    print_line(address)
    talk(_("Give this address to the member alone: who opens it first makes the passkey that signs for the account."))
    talk(_("Then delete {path}: until you do, its password opens the key, too.").format(path=keystore))
