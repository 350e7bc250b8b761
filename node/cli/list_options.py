"""Options that the lists of `resilia` share: whose lines, and how many of the latest."""

from pathlib import Path
from typing import Annotated

import typer

from energy.identity import hex_text
from node.cli.keystore import choose_key, key_folder
from node.cli.output import talk
from node.cli.parsing import account_of, parse_account
from node.i18n import gettext as _
from node.i18n import number

Latest = Annotated[int, typer.Option("--limit", min=1, metavar="COUNT", help="So many of the latest; 100 if left out.")]
Mine = Annotated[bool, typer.Option("--mine", help="Only those of the one key in your key folder.")]
OwnerKey = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Only those of the key in this keystore file.")
]


def owner_asked(account: str | None, mine: bool, key_file: Path | None) -> str | None:
    """Return the account whose lines are wanted; None for everybody's.

    Raises:
        Failure: no such key, several keys to choose from, or the text is no account.
    """
    if mine or key_file is not None:
        return hex_text(choose_key(key_folder(), key_file, account_of(account) if account else None).account)
    return parse_account(account) if account else None


def say_more(count: int) -> None:
    """Tell that a list shows its latest lines only."""
    talk(_("These are the latest {count}; --limit COUNT shows more.").format(count=number(count)))
