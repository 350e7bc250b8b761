"""What people say about readings: a file of rows that only grows; `resilia meter correct` and `clear` write it.

``action,label,interval,import_wh,export_wh,author,reason``: ``correct`` gives an attested interval of a member other
energies; ``clear`` says that a meter that had been opened was looked at. Units: Wh; the interval's start is ISO 8601 in
UTC, with a Z; author and reason are texts that must not be empty.
"""

import csv
import io
import os
from calendar import timegm
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.rejections import MeteringReject

CORRECTIONS_FILE: Final = "corrections.csv"
COLUMNS: Final = ("action", "label", "interval", "import_wh", "export_wh", "author", "reason")
CORRECT: Final = "correct"
CLEAR: Final = "clear"
TEXT_LEN_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class PersonsWord:
    """One row."""

    line: int
    """Its number in the file; the header is 1."""
    action: str
    label: str
    """Of the member."""
    author: str
    reason: str
    interval: int = 0
    """For `CORRECT`: start of the interval, UTC epoch seconds."""
    import_wh: int = 0
    export_wh: int = 0


class CorrectionsFile:
    """The file of one node, read again when it has grown."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = -1
        self._lines = 1

    def read_new(self) -> list[PersonsWord | Rejected]:
        """Return what the rows say that were completed since the last call; nothing while there is no file."""
        try:
            size = self._path.stat().st_size
            if size == self._size:
                return []
            text = self._path.read_text("utf-8", "replace")
        except OSError:
            return []
        self._size = size
        rows = text[: text.rfind("\n") + 1].splitlines()
        first, self._lines = self._lines, max(len(rows), 1)
        if rows and rows[0] != ",".join(COLUMNS):
            return [_malformed(1, "header")]
        return [_word(line, row) for line, row in enumerate(rows[first:], start=first + 1)]


def append_word(path: Path, word: PersonsWord) -> None:
    """Add a row to a node's file, and have it on disk; the file is made when it is missing.

    Raises:
        ValueError: the row would not be taken; says which field.
        OSError: the file can not be written.
    """
    at = datetime.fromtimestamp(word.interval, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if word.action == CORRECT else ""
    energies = (word.import_wh, word.export_wh) if word.action == CORRECT else ("", "")
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(
        (word.action, word.label, at, *energies, word.author, word.reason)
    )
    taken = _word(0, written.getvalue().removesuffix("\n"))
    if isinstance(taken, Rejected):
        raise ValueError(str(taken.facts["field"]))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as file:
        if not file.tell():
            file.write(",".join(COLUMNS).encode() + b"\n")
        file.write(written.getvalue().encode())
        file.flush()
        os.fsync(file.fileno())


def _word(line: int, row: str) -> PersonsWord | Rejected:
    fields = next(csv.reader([row]), [])
    if len(fields) != len(COLUMNS):
        return _malformed(line, "row")
    action, label, interval, import_wh, export_wh, author, reason = fields
    if action not in (CORRECT, CLEAR):
        return _malformed(line, "action")
    for name, text in (("label", label), ("author", author), ("reason", reason)):
        if not 0 < len(text.strip()) <= TEXT_LEN_MAX or not text.isprintable():
            return _malformed(line, name)
    if action == CLEAR:
        return PersonsWord(line, action, label, author, reason)
    for name, text in (("import_wh", import_wh), ("export_wh", export_wh)):
        if not text.isascii() or not text.isdigit() or int(text) > ENERGY_WH_MAX:
            return _malformed(line, name)
    try:
        start = timegm(datetime.strptime(interval, "%Y-%m-%dT%H:%M:%SZ").timetuple())
    except ValueError:
        return _malformed(line, "interval")
    return PersonsWord(line, action, label, author, reason, start, int(import_wh), int(export_wh))


def _malformed(line: int, field: str) -> Rejected:
    return Rejected(MeteringReject.MALFORMED_ROW, {"line": line, "field": field})
