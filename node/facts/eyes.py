"""An oracle's eyes for facts: what its own sources say now, and whether a series is what it sees. Threads take turns.

Units: those of the kinds, UTC epoch seconds. Refuses: FACT_MISSING, FACT_MISMATCH, FACT_LATE and what
`oracles.facts.check_facts` refuses.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from energy.results import Rejected
from node.facts.points import Points, read_points
from node.facts.settings import FactSettings, Series
from oracles.facts import Facts, check_facts
from oracles.rejections import OracleReject

PAST_S: Final = 2 * 86_400
"""How long what is past is remembered."""


@dataclass(slots=True)
class _Known:
    points: Points = field(default_factory=dict)
    heard_at: dict[int, int] = field(default_factory=dict)
    """When each was said last."""
    instants: list[int] = field(default_factory=list)
    """Sorted."""


class FactEyes:
    """What one oracle knows."""

    def __init__(self, settings: FactSettings) -> None:
        self.settings = settings
        self.rejected: dict[str, int] = {}
        """How much was refused, by name of the code."""
        self._series = {each.key: each for each in settings.series}
        self._known = {each.key: _Known() for each in settings.series}
        self._lock = Lock()

    def take(self, series: Series, data: bytes, now: int, *, is_csv: bool = False) -> Rejected | None:
        """Take in what a source says; what it does not mention stays as it was."""
        read = read_points(data, series, is_csv=is_csv)
        with self._lock:
            if isinstance(read, Rejected):
                self._count(read.code.name, 1)
                return read
            points, bad = read
            self._count(OracleReject.FACT_ABSURD.name, bad)
            known = self._known[series.key]
            known.points |= points
            known.heard_at |= dict.fromkeys(points, now)
            kept = [at for at in known.points if at >= now - PAST_S]
            known.points = {at: known.points[at] for at in kept}
            known.heard_at = {at: known.heard_at[at] for at in kept}
            known.instants = sorted(kept)
            return None

    def values(self, key: tuple[str, str], first: int, step_s: int, count: int, now: int) -> list[int | None]:
        """Return what is known of some consecutive instants; None where nothing is, or only what is too old."""
        series = self._series.get(key)
        if series is None:
            return [None] * count
        with self._lock:
            return [self._at(series, first + number * step_s, now) for number in range(count)]

    def contradicts(self, facts: Facts, now: int) -> Rejected | None:
        """Say why a series is not what this oracle sees; None when it is."""
        wrong = check_facts(facts, now, self.settings.every_s)
        series = self._series.get((facts.kind, facts.place))
        what: dict[str, int | str] = {"kind": facts.kind, "place": facts.place}
        if wrong is not None or series is None:
            return wrong or Rejected(OracleReject.FACT_MISSING, {**what, "at": facts.first})
        seen = self.values(series.key, facts.first, facts.step_s, len(facts.values), now)
        for (at, told), own in zip(facts.by_instant().items(), seen, strict=True):
            if own is None:
                return Rejected(OracleReject.FACT_MISSING, {**what, "at": at})
            if abs(own - told) > series.tolerance:
                return Rejected(OracleReject.FACT_MISMATCH, {**what, "at": at})
        return None

    def _at(self, series: Series, instant: int, now: int) -> int | None:
        known = self._known[series.key]
        place = bisect_right(known.instants, instant) - 1
        if place < 0:
            return None
        at = known.instants[place]
        if instant - at >= series.hold_s or now - known.heard_at[at] > series.fresh_s:
            return None
        return known.points[at]

    def _count(self, code: str, times: int) -> None:
        if times:
            self.rejected[code] = self.rejected.get(code, 0) + times


def asked(known_at: int, settings: FactSettings) -> Mapping[tuple[str, str], tuple[int, int, int]]:
    """Return what a round asks for, by kind and place: first instant, step, and how many."""
    return {each.key: each.grid(known_at + settings.every_s, settings.ahead_s) for each in settings.series}
