"""The neighbourhood as a whole, which a lying meter can not hide from: R20 (balance), R21 (peers), R22 (operator).

``neighbourhood.toml`` in the node's folder says what there is to compare with: a table ``[feeder]`` with the street's
own meter (``source``, ``serial``, ``power_max_w``; any protocol, for it settles nothing), ``[plants]`` with the rated
power of each plant whose meter measures nothing else, and ``[operator]`` with the file of each member's load curve that
the grid operator delivers a day later. Every table may be missing. Findings are remarks and become the operator's
concerns; money never moves by them. A restart looks at the last day again.
Units: Wh, W, UTC epoch seconds.
"""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from energy.errors import Misconfigured, Unavailable
from energy.identity import MeterId, meter_from_hex
from energy.results import Rejected
from metering.files.enedis_curve import decode_enedis_csv, decode_enedis_json
from metering.files.green_button import decode_green_button
from metering.files.load_curve import Direction, LoadCurve, Slot
from metering.intervals import Deltas, deltas
from metering.meter import MeterConfig, MeterState, observe
from metering.protocols import source_of, split_source
from metering.readings import QualityCode, ReadingFlag
from metering.registers import RegisterSample
from metering.sources.csv_file import CsvSource
from metering.sources.ports import Source
from metering.vee.neighbourhood import check_balance, check_peers, check_reconciled, suspects
from node.clock import Clock
from node.coop.community import Community
from node.storage.models import ReadingRow
from node.storage.projection import Projection
from node.views.concerns import Code, Concerns

NEIGHBOURHOOD_FILE: Final = "neighbourhood.toml"
WINDOW_S: Final = 86_400
BALANCED_S_MIN: Final = 3_600
"""Less than this is too short for a balance: a boundary may be a minute off."""
SUSPECT_PERMILLE_MIN: Final = 300
SUSPECTS_MAX: Final = 3
_KNOWN: Final = (QualityCode.VALIDATED, QualityCode.ESTIMATED_LINEAR)
"""What rests on registers at both ends, so that it adds up."""
_FEEDER: Final = frozenset({"source", "serial", "power_max_w"})
_TABLES: Final = frozenset({"feeder", "plants", "operator"})


class Neighbourhood:
    """The neighbourhood of one node."""

    def __init__(
        self, folder: Path, community: Community, projection: Projection, clock: Clock, concerns: Concerns
    ) -> None:
        """Read what there is to compare with; nothing is opened yet.

        Raises:
            Misconfigured: the file names somebody or something that is not there.
        """
        self._folder = folder
        self._community = community
        self._projection = projection
        self._clock = clock
        self._concerns = concerns
        self._length_s = community.market.interval_length_s
        self._labels = {member.meter: member.label for member in community.members}
        document = _document(folder / NEIGHBOURHOOD_FILE, set(self._labels.values()))
        by_label = {member.label: member.meter for member in community.members}
        self._rated_w: dict[MeterId, int] = {by_label[label]: w for label, w in document["plants"].items()}
        self._curves = {by_label[label]: folder / name for label, name in document["operator"].items()}
        self._looked_at: dict[Path, int] = {}
        """When each curve was written that was looked at, ns."""
        self._window: dict[int, dict[MeterId, Deltas]] = {}
        """The measured energy of the last day, by interval and meter."""
        self._seen_through = 0
        self._judged = (0, 0)
        """Through which interval, and with how many of the feeder's boundaries."""
        self._feeder: MeterState | None = None
        self._line: Source | None = None
        self._task: asyncio.Task[None] | None = None
        if feeder := document["feeder"]:
            protocol, _ = split_source(feeder["source"])
            power_w = feeder["power_max_w"]
            config = MeterConfig(
                *(MeterId(bytes(32)), feeder["serial"], protocol.trust, power_w, power_w, self._length_s),
                index_modulus_wh=protocol.index_modulus_wh,
            )
            self._feeder = MeterState(config)
            self._line = source_of(feeder["source"], folder, clock.now)

    # -- LIFE

    def start(self) -> None:
        """Begin to listen to the feeder."""
        if self._line is not None and not isinstance(self._line, CsvSource):
            self._task = asyncio.create_task(self._listen(self._line))

    async def stop(self) -> None:
        """Let go of the feeder."""
        if self._line is not None:
            self._line.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self, line: Source) -> None:
        async for sample in line.samples():
            self._take(sample)

    def _take(self, sample: RegisterSample | Rejected) -> None:
        """Take what the feeder says; what is no sample, or a wrong one, leaves a gap in the balance."""
        if self._feeder is not None and isinstance(sample, RegisterSample):
            observe(self._feeder, sample, self._clock.now())

    # -- RULES

    def judge(self, attested_through: int) -> None:
        """Apply the rules to the last day of what is attested; what was judged before is not read again."""
        first = max(self._seen_through, attested_through - WINDOW_S) + self._length_s
        for interval in range(first, attested_through + 1, self._length_s):
            self._see(self._projection.readings(interval))
        self._seen_through = attested_through
        if isinstance(self._line, CsvSource):
            with suppress(Unavailable):
                for sample in self._line.read_new():
                    self._take(sample)
        known = attested_through, len(self._feeder.boundaries) if self._feeder else 0
        if known != self._judged:
            self._judged = known
            self._look_back()
        self._reconcile()

    def _look_back(self) -> None:
        newest = max(self._window, default=0)
        self._window = {at: each for at, each in self._window.items() if at > newest - WINDOW_S}
        for concern in self._concerns.open():
            if concern.code is Code.PARTIAL and concern.since <= newest - WINDOW_S:
                self._concerns.clear(Code.PARTIAL, concern.label)
        self._balance()
        self._peers(newest)

    def _see(self, rows: Sequence[ReadingRow]) -> None:
        for row in rows:
            meter = meter_from_hex(row.meter)
            if row.flags & ReadingFlag.PARTIAL:
                self._concerns.raise_(Code.PARTIAL, self._labels[meter], row.interval)
            if row.quality & 0xFF in _KNOWN:
                self._window.setdefault(row.interval, {})[meter] = Deltas(row.import_wh, row.export_wh)

    def _balance(self) -> None:
        """R20: over the last day, in the intervals that feeder and every meter have measured."""
        if self._feeder is None:
            return
        boundaries, modulus_wh = self._feeder.boundaries, self._feeder.config.index_modulus_wh
        oldest = min(self._window, default=0)
        self._feeder.boundaries = {at: each for at, each in boundaries.items() if at >= oldest}
        whole = [
            at
            for at, meters in sorted(self._window.items())
            if len(meters) == len(self._labels) and at in boundaries and at + self._length_s in boundaries
        ]
        if len(whole) * self._length_s < BALANCED_S_MIN:
            return
        fed = [deltas(boundaries[at].index, boundaries[at + self._length_s].index, modulus_wh) for at in whole]
        said = {meter: [self._window[at][meter] for at in whole] for meter in self._labels}
        totals = [(sum(e.import_wh for e in each), sum(e.export_wh for e in each)) for each in said.values()]
        balance = check_balance(totals, sum(e.import_wh for e in fed), sum(e.export_wh for e in fed))
        if balance.holds:
            self._concerns.clear(Code.BALANCE)
            return
        sign = 1 if balance.difference_wh > 0 else -1
        unexplained = [
            sign * (_net_wh(flow) - sum(_net_wh(each[place]) for each in said.values()))
            for place, flow in enumerate(fed)
        ]
        likely = [meter for meter, score in suspects(said, unexplained) if score >= SUSPECT_PERMILLE_MIN]
        self._concerns.raise_(
            Code.BALANCE,
            "",
            whole[0],
            difference=balance.difference_wh,
            low=balance.low_wh,
            high=balance.high_wh,
            suspects=", ".join(self._labels[meter] for meter in likely[:SUSPECTS_MAX]),
        )

    def _peers(self, newest: int) -> None:
        """R21: over the last hour."""
        hour = [self._window.get(at, {}) for at in range(newest - 3_600 + self._length_s, newest + 1, self._length_s)]
        read = [meter for meter in self._rated_w if all(meter in interval for interval in hour)]
        yields_wh = {meter: sum(interval[meter].export_wh for interval in hour) for meter in read}
        odd = {self._labels[meter] for meter in check_peers(yields_wh, self._rated_w)}
        for label in (self._labels[meter] for meter in read):
            if label in odd:
                self._concerns.raise_(Code.PEER, label, newest)
            else:
                self._concerns.clear(Code.PEER, label)

    def _reconcile(self) -> None:
        """R22: every whole day of a curve that has come or changed."""
        for meter, path in self._curves.items():
            with suppress(OSError):
                written_at = path.stat().st_mtime_ns
                if self._looked_at.get(path) != written_at:
                    self._looked_at[path] = written_at
                    self._compare(meter, _curves(path))

    def _compare(self, meter: MeterId, curves: Sequence[LoadCurve]) -> None:
        label, zone = self._labels[meter], ZoneInfo(self._community.time_zone)
        self._concerns.clear(Code.RECONCILE, label)
        for curve in curves:
            days = groupby(curve.slots, lambda slot: datetime.fromtimestamp(slot.start, zone).date())
            for _, slots in days:
                day = list(slots)
                own_wh = self._own_wh(meter, day, curve.direction)
                operator_wh = sum(slot.energy_wh for slot in day)
                if own_wh is not None and not check_reconciled(own_wh, operator_wh):
                    difference_wh = own_wh - operator_wh
                    self._concerns.raise_(
                        Code.RECONCILE, label, day[0].start, day=day[0].start, difference=difference_wh
                    )

    def _own_wh(self, meter: MeterId, day: Sequence[Slot], direction: Direction) -> int | None:
        """Return what the readings of some slots add up to; None while they are not all there."""
        start, end = day[0].start, day[-1].end
        rows = self._projection.readings_of(meter, start, end)
        if len(rows) * self._length_s != end - start or sum(slot.length_s for slot in day) != end - start:
            return None
        return sum(row.import_wh if direction is Direction.IMPORT else row.export_wh for row in rows)


def _net_wh(energy: Deltas) -> int:
    return energy.import_wh - energy.export_wh


def _curves(path: Path) -> Sequence[LoadCurve]:
    """Return the load curves in an operator's file; none when it is not one, as while it is being written."""
    data = path.read_bytes()
    decoded: Any
    if path.suffix == ".xml":
        decoded = decode_green_button(data)
    else:
        decoded = decode_enedis_csv(data) if path.suffix == ".csv" else decode_enedis_json(data, Direction.IMPORT)
    if isinstance(decoded, Rejected):
        return ()
    return decoded if isinstance(decoded, tuple) else (decoded,)


def _document(path: Path, labels: set[str]) -> Mapping[str, dict[str, Any]]:
    """Return the tables of the file, each with what it must have; all of them empty without a file.

    Raises:
        Misconfigured: says which name is wrong.
    """
    document: dict[str, Any] = {}
    if path.exists():
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Misconfigured(f"{path} can not be read: {error}") from error
    for name, table in document.items():
        if name not in _TABLES or not isinstance(table, dict):
            raise Misconfigured(f"{path} has an unknown {name}: it may have {', '.join(sorted(_TABLES))}")
    found = {name: document.get(name, {}) for name in sorted(_TABLES)}
    for name in sorted(set(found["feeder"]) ^ _FEEDER) if found["feeder"] else ():
        raise Misconfigured(f"{path}: [feeder] {'lacks' if name in _FEEDER else 'has an unknown'} {name}")
    for table, kind in (("plants", int), ("operator", str)):
        for label, value in found[table].items():
            if label not in labels or type(value) is not kind or value == 0:
                raise Misconfigured(f"{path}: [{table}] {label} = {value!r}: a member's label, and a {kind.__name__}")
    return found
