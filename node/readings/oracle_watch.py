"""An oracle of its own: reads the meters by its own cables, and signs only what it has seen itself.

It tells the node what it has seen, with the frame behind it; the node proposes the record that the oracles agree on;
and each oracle compares that with its own registers at the same boundaries, within `oracles.agreement.AGREE_WH`, and
signs the same record or refuses. So a lying reader, the node's own included, stands alone, and nothing gets a quorum
that a quorum has not seen. What an oracle has not seen, because it was away, it does not vouch for: it counts as silent
then.
Units: Wh, UTC epoch seconds. Refuses: MEASURE_MISMATCH, and what its guard refuses.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import Final

from energy.errors import Unavailable
from energy.identity import Digest, MeterId, hex_text
from energy.results import Accepted, Rejected
from metering.intervals import advance
from metering.meter import Boundary, MeterConfig, MeterState
from metering.readings import DOUBTFUL, Reading, ReadingFlag, is_estimate
from metering.registers import RegisterSample
from node.facts.eyes import FactEyes
from node.readings.meter_frames import MeterFrames
from node.signing.remote import Asked, Key
from node.storage.readings_log import KeptFrame, SeenBoundary
from oracles.agreement import AGREE_WH
from oracles.corrections import Correction
from oracles.facts import Facts
from oracles.guarding import Guard
from oracles.link_words import LinkWord
from oracles.records import IntervalReadings, Run
from oracles.rejections import OracleReject
from oracles.typed_data import Domain

SEEN_FOR_S: Final = 3 * 86_400
"""How long an oracle remembers what it saw."""
WATCHED: Final = ReadingFlag.TAMPER | ReadingFlag.CLOCK_BAD
"""What a reading must not keep silent about when its oracle has seen it."""


class Sightings:
    """What one oracle has seen of some meters. Threads take turns."""

    def __init__(self, configs: Iterable[MeterConfig]) -> None:
        self._meters = {config.meter: MeterFrames(MeterState(config)) for config in configs}
        self._by_serial: dict[str, list[MeterFrames]] = {}
        """More than one where somebody has taken a meter over."""
        for frames in self._meters.values():
            self._by_serial.setdefault(frames.state.config.serial, []).append(frames)
        self._lock = Lock()
        self.rejected: dict[str, int] = {}
        """How many samples were refused, by name of the code."""

    def take(self, sample: RegisterSample | Rejected, protocol: str, now: int) -> None:
        """Take in what a line says."""
        with self._lock:
            if isinstance(sample, RegisterSample):
                frame, name = KeptFrame(protocol, sample.received_at, sample.raw), "FOREIGN_METER"
                taken = False
                for frames in self._by_serial.get(sample.serial, ()):
                    outcome = frames.take(sample, frame, now)
                    if isinstance(outcome, Accepted):
                        self._forget(frames)
                        taken = True
                    else:
                        name = outcome.code.name
                if taken:
                    return
            else:
                name = sample.code.name
            self.rejected[name] = self.rejected.get(name, 0) + 1

    def seen(self, meters: Collection[MeterId], instants: Collection[int]) -> list[SeenBoundary]:
        """Return what was seen of some meters at some boundaries."""
        with self._lock:
            return [
                seen
                for meter in sorted(meters)
                if (frames := self._meters.get(meter)) is not None
                for instant in sorted(instants)
                if (seen := frames.seen(instant)) is not None
            ]

    def contradicts(self, reading: Reading) -> str | None:
        """Return the field of a reading that is not what was seen; None when it is.

        Raises:
            Unavailable: the oracle has not seen enough of the meter then.
        """
        with self._lock:
            frames = self._meters.get(reading.meter)
            if frames is None:
                return "meter"
            state = frames.state
            start = state.boundaries.get(reading.interval)
            end = state.boundaries.get(reading.interval + reading.period_s)
            config = state.config
        if reading.quality >> 8 != config.trust:
            return "quality"
        sound = start is not None and end is not None and not end.flags & DOUBTFUL
        if is_estimate(reading):
            # Whoever has measured must not be estimated away; what nobody has seen can not be denied.
            return "quality" if sound else None
        if start is None or end is None:
            raise Unavailable(f"the oracle has not seen {hex_text(reading.meter)} at both ends of {reading.interval}")
        return _difference(reading, start, end, config.index_modulus_wh)

    def _forget(self, frames: MeterFrames) -> None:
        boundaries = frames.state.boundaries
        newest = max(boundaries, default=0)
        frames.state.boundaries = {at: each for at, each in boundaries.items() if at >= newest - SEEN_FOR_S}
        frames.forget_frames()


def _difference(reading: Reading, start: Boundary, end: Boundary, modulus_wh: int) -> str | None:
    for name, seen_wh, told_wh in (
        ("import_index_wh", end.index.import_wh, reading.import_index_wh),
        ("export_index_wh", end.index.export_wh, reading.export_index_wh),
    ):
        if abs(seen_wh - told_wh) > AGREE_WH:
            return name
    # Each end may be off by as much, so their difference by twice that.
    for name, before_wh, after_wh, told_wh in (
        ("import_wh", start.index.import_wh, end.index.import_wh, reading.import_wh),
        ("export_wh", start.index.export_wh, end.index.export_wh, reading.export_wh),
    ):
        if abs(advance(before_wh, after_wh, modulus_wh) - told_wh) > 2 * AGREE_WH:
            return name
    return "flags" if end.flags & WATCHED & ~ReadingFlag(reading.flags) else None


class WatchfulGuard:
    """A key that signs readings only when its oracle has seen them; the guard behind it remembers."""

    def __init__(
        self,
        guard: Guard,
        sightings: Sightings,
        facts: FactEyes | None = None,
        clock: Callable[[], int] = lambda: 0,
    ) -> None:
        """Put an oracle's eyes before a key.

        Args:
            guard: The key's.
            sightings: What it sees of meters.
            facts: What it knows of prices, carbon and weather; None when it vouches for none.
            clock: UTC epoch seconds, for facts.
        """
        self._facts = facts
        self._clock = clock
        self.address = guard.address
        self._guard = guard
        self._sightings = sightings
        self._totals: dict[int, tuple[int, int]] = {}
        """Import and export of the readings that were vouched for, by interval."""

    def observed(self, domain: Domain, meters: Collection[MeterId], instants: Collection[int]) -> list[SeenBoundary]:
        """Return what was seen of some meters at some boundaries."""
        return self._sightings.seen(meters, instants)

    def sign_readings(self, domain: Domain, readings: Sequence[Reading]) -> Accepted[bytes] | Rejected:
        """Sign readings that were seen, all or none."""
        for reading in readings:
            field = self._sightings.contradicts(reading)
            if field is not None:
                where = hex_text(reading.meter)
                return Rejected(
                    OracleReject.MEASURE_MISMATCH, {"meter": where, "interval": reading.interval, "field": field}
                )
        answer = self._guard.sign_readings(domain, readings)
        if isinstance(answer, Accepted):
            self._remember(readings)
        return answer

    def sign_correction(self, domain: Domain, correction: Correction) -> Accepted[bytes] | Rejected:
        """Sign a later version; a person's word, or what came late, is nothing that an oracle sees."""
        return self._guard.sign_correction(domain, correction)

    def sign_interval(self, domain: Domain, attested: IntervalReadings) -> Accepted[bytes] | Rejected:
        """Sign an interval whose totals are those of the readings that were vouched for."""
        if self._totals.get(attested.interval) != (attested.import_wh, attested.export_wh):
            facts: dict[str, int | str] = {"meter": "all", "interval": attested.interval, "field": "import_wh"}
            return Rejected(OracleReject.MEASURE_MISMATCH, facts)
        return self._guard.sign_interval(domain, attested)

    def known(self, domain: Domain, wanted: Mapping[Key, Asked]) -> Mapping[Key, Sequence[int | None]] | None:
        """Return what its own sources say of some series of facts; None when it has none."""
        if self._facts is None:
            return None
        return {key: self._facts.values(key, *what, self._clock()) for key, what in wanted.items()}

    def sign_facts(self, domain: Domain, facts: Facts) -> Accepted[bytes] | Rejected:
        """Sign a series that is what its own sources say."""
        what: dict[str, int | str] = {"kind": facts.kind, "place": facts.place, "at": facts.first}
        if self._facts is None:
            return Rejected(OracleReject.FACT_MISSING, what)
        return self._facts.contradicts(facts, self._clock()) or self._guard.sign_facts(domain, facts)

    def sign_run(self, domain: Domain, run: Run, unwound: Collection[Digest] = ()) -> Accepted[bytes] | Rejected:
        """Sign nothing: an oracle is no attestor."""
        return Rejected(OracleReject.UNKNOWN_SIGNER, {"signer": hex_text(self.address)})

    def sign_link(self, domain: Domain, word: LinkWord) -> Accepted[bytes] | Rejected:
        """Sign nothing: an oracle is no attestor."""
        return Rejected(OracleReject.UNKNOWN_SIGNER, {"signer": hex_text(self.address)})

    def _remember(self, readings: Sequence[Reading]) -> None:
        totals: dict[int, tuple[int, int]] = {}
        for reading in readings:
            imported, exported = totals.get(reading.interval, (0, 0))
            totals[reading.interval] = imported + reading.import_wh, exported + reading.export_wh
        self._totals |= totals
        newest = max(self._totals, default=0)
        self._totals = {at: each for at, each in self._totals.items() if at >= newest - SEEN_FOR_S}
