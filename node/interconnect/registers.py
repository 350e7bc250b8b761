"""The meter of the link's account: cumulative registers of what the zones have agreed on, as rows of a meter file.

Import is what left the homes of this node for others, export what came; both rise at an interval's end only, and every
interval has a row, so that settlement waits for none. The rows follow from the links' journal: written twice they are
the same. The node reads them as it reads every meter file (`metering.files.csv_row`).
Units: Wh, UTC epoch seconds.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from interconnect.station import Coupled
from metering.files.csv_row import HEADER, encode_row
from node.coop.community import Community


class LinkRegisters:
    """The file, and where it ends."""

    def __init__(self, path: Path, serial: str, community: Community) -> None:
        """Begin before the first row; `write` finds out what is there."""
        self._path = path
        self._serial = serial
        self._length_s = community.market.interval_length_s
        self._next = community.first_interval
        self._import_wh = 0
        self._export_wh = 0
        self._rows_there = _rows(path)

    def write(self, now: int, coupled: Mapping[int, Coupled]) -> None:
        """Add a row for each boundary that has passed."""
        new = []
        while self._next <= now:
            before = coupled.get(self._next - self._length_s)
            net_wh = before.own_net_export_wh if before is not None else 0
            self._import_wh += max(0, net_wh)
            self._export_wh += max(0, -net_wh)
            if self._rows_there:
                self._rows_there -= 1
            else:
                new.append(encode_row(self._serial, self._next, self._import_wh, self._export_wh))
            self._next += self._length_s
        if not new:
            return
        with open(self._path, "ab") as file:
            file.write(b"".join(row + b"\n" for row in new))
            file.flush()
            os.fsync(file.fileno())


def _rows(path: Path) -> int:
    """Return how many whole rows a file has, and cut off what a crash has left of another; begin a new one."""
    if not path.exists():
        path.write_bytes(HEADER + b"\n")
        return 0
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        path.write_bytes(whole)
    return whole.count(b"\n") - 1
