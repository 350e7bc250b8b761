"""Transactions that were, or may have been, sent to a network: on disk before they leave, kept until they are final.

One JSON object a line, appended and fsynced; a torn last line was never sent. At each opening the file is written anew
without what is final. Several transactions of one nonce are attempts at the same thing: at most one of them happens.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from energy.errors import Corrupt
from node.storage.durable import write_whole

OUTBOX_FILE: Final = "outbox.jsonl"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed transaction."""

    nonce: int
    """Of the operator."""
    hash: str
    """Transaction hash, ``0x`` text."""
    raw: str
    """Wire bytes, ``0x`` text."""
    fee_wei: int
    """Most that it pays per gas."""
    tip_wei: int
    """Most of that for the block's maker."""
    to: str | None
    """The contract; None creates one."""
    data: str
    """What it asks of it."""
    gas: int
    """Gas limit."""

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Return the attempt on a line.

        Raises:
            ValueError: the line is none.
        """
        try:
            return cls(**json.loads(line))
        except TypeError as error:
            raise ValueError(str(error)) from None


class Outbox:
    """The file, opened by the one process that sends."""

    def __init__(self, folder: Path) -> None:
        """Open or create the file.

        Raises:
            Corrupt: a line that is not the last is damaged.
        """
        self._path = folder / OUTBOX_FILE
        self._attempts: list[Attempt] = []
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        for place, line in enumerate(lines):
            try:
                self._attempts.append(Attempt.from_line(line))
            except ValueError as error:
                if place + 1 < len(lines):
                    raise Corrupt(f"{OUTBOX_FILE}, line {place + 1}: {error}") from None
        self._rewrite()

    def __iter__(self) -> Iterator[Attempt]:
        """Go through all attempts that are not final, by nonce, the newest of each nonce last."""
        return iter(sorted(self._attempts, key=lambda each: each.nonce))

    def of(self, nonce: int) -> list[Attempt]:
        """Return the attempts of a nonce, oldest first."""
        return [attempt for attempt in self._attempts if attempt.nonce == nonce]

    def nonces(self) -> list[int]:
        """Return the nonces of which something was sent, lowest first."""
        return sorted({attempt.nonce for attempt in self._attempts})

    def add(self, attempt: Attempt) -> None:
        """Keep an attempt; only when this has returned may it be sent.

        Raises:
            Corrupt: the disk refuses.
        """
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(attempt)) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Corrupt(f"{OUTBOX_FILE} could not be written: {error.strerror}; free space and restart") from error
        self._attempts.append(attempt)

    def forget_below(self, nonce: int) -> None:
        """Forget what is final: everything with a lower nonce."""
        if any(attempt.nonce < nonce for attempt in self._attempts):
            self._attempts = [attempt for attempt in self._attempts if attempt.nonce >= nonce]
            self._rewrite()

    def _rewrite(self) -> None:
        write_whole(self._path, "".join(json.dumps(asdict(each)) + "\n" for each in self._attempts))
