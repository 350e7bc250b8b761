"""Reports of cuts: one `Restoration` from every loss until nothing of it is open, kept in a file.

Units: Wh, n€, UTC epoch seconds.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from interconnect.modes import Mode, Watch
from interconnect.restoration import Restoration
from interconnect.station import Effect
from node.rpc.ports import JsonObject
from node.storage.durable import write_whole

KEPT: Final = 200
"""Older reports are dropped."""


class Reports:
    """What happened in every cut."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reports = _load(path)
        self._seen = 0
        """Changes of the mode that are in the reports."""
        self._live = False
        self._written = self.to_json()
        """As they are on disk."""

    def begin(self, watch: Watch) -> None:
        """Take effects from now on: what the journal replays is in the file already."""
        self._live = True
        self._seen = len(watch.changes)

    def follow(self, effect: Effect) -> None:
        """Take in what the station has done."""
        if self._live and (report := self._open()) is not None:
            report.follow(effect)

    def paid(self, amount_neur: int) -> None:
        """Take in what a neighbour's bond has paid on chain."""
        if (report := self._open()) is not None:
            report.paid_neur += amount_neur

    def step(self, watch: Watch, now: int, *, is_open: bool) -> None:
        """Let time pass; a loss opens a report, and one that is over is closed."""
        for change in watch.changes[self._seen :]:
            if change.mode is not Mode.TOGETHER and self._open() is None:
                self._reports.append(Restoration(change.mode, change.at))
        self._seen = len(watch.changes)
        report = self._open()
        if report is not None:
            report.step(watch.mode, now, is_open=is_open)
        if self.to_json() != self._written:
            self._reports = self._reports[-KEPT:]
            write_whole(self._path, json.dumps([_plain(each) for each in self._reports], indent=1) + "\n")
            self._written = self.to_json()

    def to_json(self) -> list[JsonObject]:
        """Return all reports with the names of the interfaces, oldest first."""
        return [
            {
                "mode": each.mode.name.lower(),
                "beganAt": each.began_at,
                "healedAt": each.healed_at,
                "convergedAt": each.converged_at,
                "intervals": each.intervals,
                "lapsedWh": each.lapsed_wh,
                "voidWh": each.void_wh,
                "acceptedWh": each.accepted_wh,
                "runs": list(each.runs),
                "compensationNeur": each.compensation_neur,
                "givenUpWh": each.given_up_wh,
                "givenUpNeur": each.given_up_neur,
                "closed": list(each.closed),
                "paidNeur": each.paid_neur,
            }
            for each in self._reports
        ]

    def _open(self) -> Restoration | None:
        return self._reports[-1] if self._reports and self._reports[-1].converged_at is None else None


def _plain(report: Restoration) -> JsonObject:
    return {**asdict(report), "mode": int(report.mode)}


def _load(path: Path) -> list[Restoration]:
    if not path.exists():
        return []
    return [
        Restoration(
            **{**raw, "mode": Mode(raw["mode"]), "runs": tuple(raw["runs"]), "closed": tuple(raw.get("closed", ()))}
        )
        for raw in json.loads(path.read_text())
    ]
