"""What somebody has asked to be erased, and what of it is done: a list that only grows, in a node's folder.

``at,label,before,author,reason,state``: instants in UTC epoch seconds; the state is asked, and done in a row of its
own.
"""

import csv
import io
import os
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from node.readings.corrections_file import CORRECT
from node.storage.durable import shred_into

ERASURES_FILE: Final = "erasures.csv"
COLUMNS: Final = ("at", "label", "before", "author", "reason", "state")
ASKED: Final = "asked"
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What somebody has asked for."""

    at: int
    label: str
    """The member whose meter it is."""
    before: int
    """Start of the month before which everything goes."""
    author: str
    reason: str


def pending(folder: Path) -> list[Erasure]:
    """Return what was asked for and not done to its end, oldest first."""
    path = folder / ERASURES_FILE
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8")
    asked: dict[Erasure, None] = {}
    for row in csv.DictReader(io.StringIO(whole[: whole.rfind("\n") + 1])):
        erasure = Erasure(int(row["at"]), row["label"], int(row["before"]), row["author"], row["reason"])
        if row["state"] == ASKED:
            asked[erasure] = None
        else:
            asked.pop(erasure, None)
    return list(asked)


def write_down(folder: Path, erasure: Erasure, state: str) -> None:
    """Add a row to the list of erasures, on disk; a torn row of before a crash is cut off."""
    path = folder / ERASURES_FILE
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+", newline="", encoding="utf-8") as file:
        whole = file.read()
        file.seek(0)
        file.truncate(len(whole[: whole.rfind("\n") + 1].encode()))
        file.seek(0, os.SEEK_END)
        rows = csv.writer(file, lineterminator="\n")
        if not file.tell():
            rows.writerow(COLUMNS)
        rows.writerow((erasure.at, erasure.label, erasure.before, erasure.author, erasure.reason, state))
        file.flush()
        os.fsync(file.fileno())


def erase_words(path: Path, label: str, erased: Container[int]) -> None:
    """Take the energies out of what people wrote about erased readings; each row keeps its number."""
    if not path.exists():
        return
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    for row in rows:
        if row[:2] == [CORRECT, label] and len(row) == 7 and _instant(row[2]) in erased:
            row = [*row[:3], "0", "0", *row[5:]]
        lines.writerow(row)
    if written.getvalue() != path.read_text(encoding="utf-8"):
        shred_into(path, written.getvalue().encode())


def _instant(interval: str) -> int:
    try:
        return int(datetime.strptime(interval, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return -1
