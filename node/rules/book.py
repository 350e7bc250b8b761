"""The latest rule of each member, as it was signed; one file each, for the node's owner alone.

    rules/0x….json

Refuses: a file that is no rule, or that its account has not signed (`Corrupt`). Personal data.
"""

import json
import os
from pathlib import Path
from typing import Final

from energy.errors import Corrupt
from energy.identity import Address, hex_text
from node.rpc.parameters import BadParameter
from node.rules.rule import SignedRule
from node.storage.durable import write_whole
from oracles.typed_data import Domain

FOLDER: Final = "rules"
SCHEMA: Final = "resilia/rule/1"


class RuleBook:
    """All rules of one community."""

    def __init__(self, folder: Path, domain: Domain) -> None:
        """Take the node's folder and the domain under which rules are signed."""
        self._folder = folder / FOLDER
        self._domain = domain

    def latest(self, account: Address) -> SignedRule | None:
        """Return an account's latest rule; None when it never had one.

        Raises:
            Corrupt: the file is no rule of this account.
        """
        path = self._path(account)
        try:
            content = json.loads(path.read_text())
            if content.pop("schema") != SCHEMA:
                raise ValueError(f"not of the schema {SCHEMA}")
            found = SignedRule.of(content)
        except FileNotFoundError:
            return None
        except (AttributeError, KeyError, ValueError, BadParameter) as error:
            raise Corrupt(f"{path} is no rule: {error}") from error
        if found.rule.account != account or not found.is_genuine(self._domain):
            raise Corrupt(f"{path} is not signed by its account")
        return found

    def put(self, signed: SignedRule) -> None:
        """Keep a rule in place of the one before; it is on disk when this returns."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        before = os.umask(0o077)
        try:
            text = json.dumps({"schema": SCHEMA, **signed.to_json()}, indent=1)
            write_whole(self._path(signed.rule.account), text + "\n")
        finally:
            os.umask(before)

    def _path(self, account: Address) -> Path:
        return self._folder / f"{hex_text(account)}.json"
