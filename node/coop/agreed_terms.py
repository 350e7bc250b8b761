"""Tariffs, charges and limits as the members have decided them: announced on the chain by a hash, read from their file.

Whoever proposes terms hands their file around; the operator puts it into the folder `terms`, under any name that ends
in `.csv`. It is one of tariffs (`node.coop.tariffs`), of charges (`node.coop.charges`) or of limits (`limit,value`, of
those that `market.commands.SetLimits` has), told by its first line. From its instant on it takes the place of what
`tariffs.csv` or `charges.csv` said, which is written anew, so that every program sees the same; charges change at
midnight. Limits are in no file but theirs: the journal has them from the moment they are set. Doing it again changes
nothing. Terms never reach back: they hold from the second that the vote says, or from when they were announced,
whichever is later. Units: UTC epoch seconds, µ€/kWh.
"""

import csv
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from energy.errors import Misconfigured
from energy.identity import Digest, hex_text
from market.commands import SetLimits
from node.coop import charges
from node.coop.charges import CHARGES_FILE, charges_of
from node.coop.community import Community
from node.coop.decided import AnnouncedTerms
from node.coop.founding import TARIFF_FILE
from node.coop.tariffs import TariffSchedule
from node.ledger import Ledger
from node.storage.durable import write_whole
from node.storage.projection import Projection
from node.views.concerns import Code, Concerns
from oracles.hashing import keccak

logger = logging.getLogger(__name__)

TERMS_FOLDER: Final = "terms"
_FILES: Final = {TariffSchedule.COLUMNS: TARIFF_FILE, charges.COLUMNS: CHARGES_FILE}
"""By their first lines."""
LIMIT_COLUMNS: Final = ("limit", "value")
LIMIT_NAMES: Final = tuple(each.name for each in fields(SetLimits))

Rows = list[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Dated:
    """Terms, and from when on they hold."""

    digest: Digest
    start: int
    link: str


class AgreedTerms:
    """The terms of one node's community."""

    def __init__(
        self,
        folder: Path,
        community: Community,
        ledger: Ledger,
        schedule: TariffSchedule,
        projection: Projection,
        concerns: Concerns,
    ) -> None:
        """Take what the files say now, `schedule` and `charges`, which change in place.

        Raises:
            Misconfigured: the file of charges is malformed.
        """
        self.charges = charges_of(folder, community)
        self.unknown_from: int | None = None
        """First instant whose terms this node lacks: nothing settles from then on."""
        self._folder = folder
        self._community = community
        self._ledger = ledger
        self._schedule = schedule
        self._projection = projection
        self._concerns = concerns
        self._dated: list[Dated] = []
        self._seen: object = None
        self._limits: list[tuple[int, dict[str, int]]] = []
        """From when on, and which."""

    async def follow(self, announced: Sequence[AnnouncedTerms], now: int) -> None:
        """Let what was announced hold.

        Args:
            announced: All terms, in the sequence of their announcements.
            now: The node's time.
        """
        paths = sorted((self._folder / TERMS_FOLDER).glob("*.csv"))
        seen = (tuple(announced), [(path, path.stat().st_mtime_ns) for path in paths])
        if seen == self._seen:
            return
        times = [await self._ledger.time_of(each.block) for each in announced]
        self._dated = [
            Dated(each.digest, max(each.valid_from, at), each.link) for each, at in zip(announced, times, strict=True)
        ]
        self._take({keccak(content): content for content in (path.read_bytes() for path in paths)}, now)
        self._seen = seen

    def limits_at(self, now: int) -> SetLimits:
        """Return the limits that hold at an instant: the agreement's, but for those that votes have changed since."""
        changed = {name: value for start, limits in self._limits if start <= now for name, value in limits.items()}
        return replace(self._community.market.limits, **changed)

    def _take(self, found: dict[Digest, bytes], now: int) -> None:
        """Write anew what terms have changed, and take it over."""
        self.unknown_from = None
        self._concerns.clear(Code.TERMS_MISSING)
        self._limits = []
        changed: dict[str, Rows] = {}
        for terms in self._dated:
            shown = hex_text(terms.digest)
            try:
                if terms.digest not in found:
                    raise Misconfigured("no file has this hash")
                text = found[terms.digest].decode("utf-8-sig")
                if is_limits(text):
                    limits = limits_of(text)
                    self._community.market.with_limits(replace(self._community.market.limits, **limits))
                    self._limits.append((terms.start, limits))
                    continue
                name, rows = self._with(text, terms.start, changed)
            except (Misconfigured, ValueError) as error:  # bytes that are no text are a ValueError
                logger.warning("terms %s from %d on can not be followed: %s", shown, terms.start, error)
                self.unknown_from = min(terms.start, self.unknown_from or terms.start)
                self._concerns.raise_(Code.TERMS_MISSING, "", now, terms=shown, day=terms.start, link=terms.link)
            else:
                changed[name] = rows
        for name, rows in changed.items():
            self._write(name, rows)

    def _with(self, text: str, start: int, changed: dict[str, Rows]) -> tuple[str, Rows]:
        """Return the file that terms are for, and its rows with them.

        Raises:
            Misconfigured: they are neither tariffs nor charges, or such that nothing could settle by them.
        """
        new = _rows(text)
        name = _FILES.get(tuple(new[0])) if new else None
        if name is None:
            raise Misconfigured("its first line is neither that of tariffs nor of charges nor of limits")
        path = self._folder / name
        old = changed.get(name) or (_rows(path.read_text("utf-8-sig")) if path.exists() else new[:1])
        merge = _tariffs if name == TARIFF_FILE else self._charges
        rows = [new[0], *merge(old[1:], new[1:], start)]
        self._load(name, rows)
        return name, rows

    def _load(self, name: str, rows: Rows) -> TariffSchedule | charges.ChargeSchedule:
        """Read rows as a file of theirs would be read; raises as that does."""
        if name == TARIFF_FILE:
            return TariffSchedule.read(_text(rows), "the terms")
        beside = self._folder / f"{name}.new"
        beside.write_text(_text(rows), "utf-8")
        try:
            return charges_of(self._folder, self._community, beside.name)
        finally:
            beside.unlink()

    def _write(self, name: str, rows: Rows) -> None:
        path = self._folder / name
        if path.exists() and path.read_text("utf-8-sig") == _text(rows):
            return
        loaded = self._load(name, rows)
        write_whole(path, _text(rows))
        logger.warning("%s is as the members have decided", name)
        if isinstance(loaded, TariffSchedule):
            self._schedule.take(loaded)
            self._projection.price_anew(min(each.start for each in self._dated))
        else:
            self.charges.rows = loaded.rows

    def _charges(self, old: Rows, new: Rows, start: int) -> Rows:
        """Let old charges end, and new ones begin, at the first midnight from an instant on."""
        at = datetime.fromtimestamp(start, ZoneInfo(self._community.time_zone))
        begins = (at.hour, at.minute, at.second) == (0, 0, 0)
        day = (at.date() if begins else at.date() + timedelta(days=1)).isoformat()
        ended: Rows = [[_day(row[0]), min(row[1] or day, day), *row[2:]] for row in old if _day(row[0]) < day]
        return [*ended, *([max(_day(row[0]), day), *row[1:]] for row in new if not row[1] or _day(row[1]) > day)]


def is_limits(text: str) -> bool:
    """Say whether a file is one of limits."""
    rows = _rows(text)
    return bool(rows) and tuple(rows[0]) == LIMIT_COLUMNS


def limits_of(text: str) -> dict[str, int]:
    """Return the limits of a file of theirs, by name; those that it does not name stay as they are.

    Raises:
        ValueError: a line is no limit, or one comes twice.
    """
    found: dict[str, int] = {}
    for row in _rows(text)[1:]:
        name, value = row
        if name not in LIMIT_NAMES or name in found:
            raise ValueError(f"{name!r} is none of {', '.join(LIMIT_NAMES)}, or comes twice")
        found[name] = int(value)
    return found


def _tariffs(old: Rows, new: Rows, start: int) -> Rows:
    """Let old tariffs hold before an instant, and new ones from it on."""
    terms = TariffSchedule.read(_text([TariffSchedule.COLUMNS, *new]), "the terms")
    terms.at(start)
    current = max(row for row in terms.rows if row[0] <= start)
    before: Rows = [row for row in old if int(row[0]) < start]
    return [*before, (start, *current[1:]), *(row for row in terms.rows if row[0] > start)]


def _day(cell: str) -> str:
    """Return a day as it sorts; raises ValueError for what is none."""
    return date.fromisoformat(cell).isoformat()


def _rows(text: str) -> Rows:
    return list(csv.reader(io.StringIO(text)))


def _text(rows: Rows) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()
