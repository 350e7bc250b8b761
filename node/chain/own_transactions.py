"""The node's own transactions that wait, on disk: after a restart they wait again.

One line of hexadecimal a transaction, on disk when `add` returns; a line that a power cut tore is left out. What has
been included meanwhile is left out the next time the chain opens.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from node.chain.transactions import decode_transaction
from node.storage.durable import sync_folder, write_whole

OWN_FILE: Final = "own-transactions.txt"


class OwnTransactions:
    """The file."""

    def __init__(self, datadir: Path) -> None:
        self._path = datadir / OWN_FILE

    def read(self) -> list[bytes]:
        """Return the wire bytes of all of them, in the sequence in which they came."""
        try:
            lines = self._path.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [raw for raw in map(_whole, lines) if raw is not None]

    def add(self, raw: bytes) -> None:
        """Keep one."""
        is_new = not self._path.exists()
        with open(self._path, "a", encoding="ascii") as file:
            file.write(f"{raw.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(self._path.parent)

    def keep(self, raws: Iterable[bytes]) -> None:
        """Forget all but some."""
        text = "".join(f"{raw.hex()}\n" for raw in raws)
        if text or self._path.exists():
            write_whole(self._path, text)


def _whole(line: str) -> bytes | None:
    try:
        raw = bytes.fromhex(line)
        decode_transaction(raw)
        return raw
    except ValueError:
        return None
