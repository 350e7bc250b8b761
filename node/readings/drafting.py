"""What the oracles are asked to sign: readings, estimates where there are none, and corrections of estimates.

Units: Wh, UTC epoch seconds. Every decision rests on what is in the readings log; time is an argument.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from energy.errors import Corrupt
from energy.identity import Digest, MeterId
from energy.interval import Interval
from energy.results import Rejected
from metering.intervals import Deltas, deltas
from metering.meter import MeterConfig, close_interval, estimate_interval
from metering.protocols import split_source
from metering.readings import NO_FRAME_HASH, QualityCode, Reading, ReadingFlag, is_estimate, is_final, quality
from metering.vee.days import LATE_AFTER_S
from metering.vee.estimation import LINEAR_S_MAX, PROVISIONAL_S_MAX
from metering.vee.history import History
from metering.vee.standing import Standing, gap_share, open_end, standing
from node.coop.community import Community, Member
from node.coop.seats import MeterRules
from node.readings.meter_frames import MeterFrames
from oracles.corrections import Correction, correction_hash, reason_hash
from oracles.typed_data import reading_hash

NODE_AUTHOR: Final = "node"
REASON_LATE: Final = "measured late"
LINE_WAIT_S: Final = LINEAR_S_MAX
"""A meter on a line that is silent or doubtful: as long as a straight line may bridge."""
FILE_WAIT_S: Final = LATE_AFTER_S
"""A meter in a file, which the grid operator delivers a day later."""
REASON_GAP: Final = "what flowed in a gap is known"


@dataclass(frozen=True, slots=True)
class Version:
    """The latest version of an interval's reading, as far as a correction must know it."""

    number: int
    struct_hash: Digest
    energy: Deltas
    quality: int

    @classmethod
    def of_reading(cls, reading: Reading) -> "Version":
        """Return the first version."""
        energy = Deltas(reading.import_wh, reading.export_wh)
        return cls(1, reading_hash(reading), energy, reading.quality)

    @classmethod
    def of_correction(cls, correction: Correction) -> "Version":
        """Return a later one."""
        energy = Deltas(correction.import_wh, correction.export_wh)
        return cls(correction.version, correction_hash(correction), energy, correction.quality)


class Drafting:
    """The drafts of one node."""

    def __init__(
        self, meters: Mapping[MeterId, MeterFrames], waits: Mapping[MeterId, int], length_s: int, seats: MeterRules
    ) -> None:
        """Draft for some meters.

        Args:
            meters: With their frames; replaced by the owner when it resumes.
            waits: How long each one is waited for after an interval's end, s.
            length_s: Length of the intervals.
            seats: Which meters count when.
        """
        self._seats = seats
        self._meters = meters
        self._waits = waits
        self._length_s = length_s
        self._histories = {meter: History(length_s) for meter in meters}
        self._open: dict[tuple[MeterId, int], Version] = {}
        """Estimates that something measured may still correct, by meter and interval."""

    def follow(self, reading: Reading) -> None:
        """Take a signed reading in, in sequence."""
        if is_final(reading):
            self._histories[reading.meter].add(reading.interval, Deltas(reading.import_wh, reading.export_wh))
        elif is_estimate(reading):
            self._open[reading.meter, reading.interval] = Version.of_reading(reading)

    def corrected(self, correction: Correction) -> None:
        """Take a correction in: what corrected an estimate once is all that comes, but for what a person enters."""
        self._open.pop((correction.meter, correction.interval), None)

    def waiting(self, start: int, now: int) -> list[MeterId]:
        """Return the meters that an interval still waits for: silent or doubtful, and not for too long yet."""
        return [meter for meter in self.counting(start) if self._standing(meter, start, now) is Standing.WAITING]

    def counting(self, start: int) -> list[MeterId]:
        """Return the meters that count in an interval, ascending."""
        return [meter for meter in sorted(self._meters) if self._seats.counts(meter, start)]

    def draft(self, interval: Interval, now: int) -> list[Reading]:
        """Close an interval for every meter that counts, by ascending meter; call it when nobody is waited for."""
        readings = [self._close(meter, interval, now) for meter in self.counting(interval.start)]
        for reading in readings:
            self.follow(reading)
            self._trim(reading.meter, interval.end)
        return readings

    def late(self, now: int) -> Iterator[tuple[Correction, str]]:
        """Yield what corrects estimates, with the reason, by ascending meter and interval; each once."""
        for (meter, start), version in sorted(self._open.items()):
            end = start + self._length_s
            state = self._meters[meter].state
            known = min(state.boundaries, default=start)
            if now > end + PROVISIONAL_S_MAX or start < known:
                del self._open[meter, start]  # it stands: nothing that could correct it will come
                continue
            match standing(state, start, end, self._waits[meter]):
                case Standing.MEASURED:
                    boundary = state.boundaries[end]
                    start_index = state.boundaries[start].index
                    energy = deltas(start_index, boundary.index, state.config.index_modulus_wh)
                    flags = boundary.flags | (ReadingFlag.LATE if now > end + LATE_AFTER_S else ReadingFlag(0))
                    yield self._correction(
                        meter, start, version, energy, QualityCode.VALIDATED, flags, boundary.raw_hash, now, REASON_LATE
                    )
                case Standing.GAP:
                    share = gap_share(state, start, self._histories[meter].valid)
                    if share.energy == version.energy:
                        del self._open[meter, start]
                    else:
                        yield self._correction(
                            meter,
                            start,
                            version,
                            share.energy,
                            share.code,
                            ReadingFlag(0),
                            NO_FRAME_HASH,
                            now,
                            REASON_GAP,
                        )
                case _:
                    pass

    def frame_of(self, meter: MeterId, raw_hash: Digest) -> bytes:
        """Return the frame behind a reading or correction; nothing where there is none."""
        return b"" if raw_hash == NO_FRAME_HASH else self._meters[meter].at_boundary[raw_hash][0].raw

    def _correction(
        self,
        meter: MeterId,
        start: int,
        version: Version,
        energy: Deltas,
        code: QualityCode,
        flags: ReadingFlag,
        raw_hash: Digest,
        now: int,
        reason: str,
    ) -> tuple[Correction, str]:
        trust = self._meters[meter].state.config.trust
        correction = Correction(
            meter=meter,
            interval=start,
            version=version.number + 1,
            import_wh=energy.import_wh,
            export_wh=energy.export_wh,
            quality=quality(trust, code),
            flags=int(flags),
            corrects=version.struct_hash,
            raw_hash=raw_hash,
            reason=reason_hash(NODE_AUTHOR, reason),
            corrected_at=now,
        )
        self.corrected(correction)
        return correction, reason

    def _trim(self, meter: MeterId, end: int) -> None:
        """Forget the boundaries that neither the next interval nor an open estimate needs."""
        frames = self._meters[meter]
        needed_from = min((start for other, start in self._open if other == meter), default=end)
        boundaries = frames.state.boundaries
        first = max((at for at in boundaries if at <= needed_from), default=needed_from)
        frames.state.boundaries = {at: boundary for at, boundary in boundaries.items() if at >= first}
        frames.forget_frames()

    def _standing(self, meter: MeterId, start: int, now: int) -> Standing:
        return standing(self._meters[meter].state, start, now, self._waits[meter])

    def _close(self, meter: MeterId, interval: Interval, now: int) -> Reading:
        state, history = self._meters[meter].state, self._histories[meter]
        match self._standing(meter, interval.start, now):
            case Standing.MEASURED:
                boundary = state.boundaries[interval.end]
                modulus = state.config.index_modulus_wh
                energy = deltas(state.boundaries[interval.start].index, boundary.index, modulus)
                remarks = history.remarks(interval.start, energy)
                state.boundaries[interval.end] = replace(boundary, flags=boundary.flags | remarks)
                closed = close_interval(state, interval, reading_hash)
                if isinstance(closed, Rejected):
                    raise Corrupt(f"interval {interval} can not be closed: {closed}")
                return closed.events[0]
            case Standing.GAP:
                share = gap_share(state, interval.start, history.valid)
                end = state.boundaries.get(interval.end)
                return estimate_interval(state, interval, share, end.index if end else None, reading_hash)
            case _:
                guess = open_end(state, interval.start, history.valid)
                return estimate_interval(state, interval, guess, None, reading_hash)


def meter_config(community: Community, member: Member) -> MeterConfig:
    """Return what the community has enrolled about a member's meter."""
    protocol, _ = split_source(member.meter_source)
    return MeterConfig(
        member.meter,
        member.serial,
        protocol.trust,
        member.power_max_import_w,
        member.power_max_export_w,
        community.market.interval_length_s,
        protocol.index_modulus_wh,
        storage=member.kind == "storage",
    )


def wait_s(member: Member) -> int:
    """Return how long after an interval's end a member's meter is waited for before its energy is estimated."""
    return FILE_WAIT_S if split_source(member.meter_source)[0].name == "csv" else LINE_WAIT_S
