"""Which network a community's ledger is on: `chain.toml` in the node's folder; without it, the embedded chain.

Units: seconds, wei per gas, blocks. Refuses: unknown keys, a wrong kind or range (`Misconfigured`).
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from energy.errors import Misconfigured

SETTINGS_FILE: Final = "chain.toml"


@dataclass(frozen=True, slots=True)
class ExternalChain:
    """How to use a network."""

    url: str
    """Of its JSON-RPC, ``http://`` or ``https://``."""
    confirmations: int = 1
    """Blocks from a transaction's own to the head, both counted, before it counts as done; at least 1."""
    final_after: int = 64
    """Blocks after which no reorganisation is expected: until then a transaction is sent again if it gets lost."""
    resubmit_after_s: int = 15
    """A transaction that is in no block for so long is sent again, for a higher fee."""
    give_up_after_s: int = 180
    """How long to wait for a transaction before telling the node to try again later."""
    fee_wei_max: int = 10**12
    """The most that is ever offered per gas."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misconfigured(f"{SETTINGS_FILE}: url must be http://… or https://…, not {self.url!r}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "url" and (type(value) is not int or value < 1):
                raise Misconfigured(f"{SETTINGS_FILE}: {field.name} must be a whole number from 1 on, not {value!r}")

    def to_toml(self) -> str:
        """Return the text of the file."""
        url = self.url.replace("\\", "\\\\").replace('"', '\\"')
        numbers = [f"{field.name} = {getattr(self, field.name)}" for field in fields(self) if field.name != "url"]
        return "\n".join(["[chain]", f'url = "{url}"', *numbers, ""])

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return the settings of a folder, or None when its ledger is the embedded chain.

        Raises:
            Misconfigured: the file can not be read, or something in it is wrong.
        """
        path = folder / SETTINGS_FILE
        if not path.exists():
            return None
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Misconfigured(f"{path} can not be read: {error}") from error
        table = document.get("chain")
        if set(document) != {"chain"} or not isinstance(table, dict) or not isinstance(table.get("url"), str):
            raise Misconfigured(f"{path} must hold one table [chain] with a url")
        if unknown := set(table) - {field.name for field in fields(cls)}:
            raise Misconfigured(f"{path}: {min(unknown)} is not known")
        return cls(**table)
