"""One meter over time: samples in, one chained `Reading` per interval out. Units: Wh, W, UTC epoch seconds.

Time is an argument; a refusal changes nothing. The chain goes on across restarts from the last stored reading alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from energy.errors import Corrupt
from energy.identity import ZERO_DIGEST, Digest, MeterId
from energy.interval import QUARTER_HOUR_S, Interval
from energy.results import Accepted, Rejected
from metering.intervals import Deltas, IndexAt, boundary_reached, deltas
from metering.linky.decoder import INDEX_MODULUS_WH
from metering.readings import NO_FRAME_HASH, QualityCode, Reading, ReadingFlag, TrustClass, quality
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.validation import (
    CLOCK_FLAGS,
    NO_FLAG,
    check_identity,
    check_range,
    check_registers,
    check_replay,
    check_sum,
    check_time,
    energy_limit_down_wh,
    gap_flags,
    tamper_flags,
)
from metering.vee.estimation import Estimate
from metering.vee.watch import Watch


@dataclass(frozen=True, slots=True)
class MeterConfig:
    """What the community has enrolled about a meter."""

    meter: MeterId
    """Its pseudonym."""
    serial: str = field(repr=False)
    """The serial number it names itself by; never leaves the node."""
    trust: TrustClass
    """How far its source can be believed."""
    power_max_import_w: int
    """Most that the connection can draw, ≥ 0: the subscribed power or the fuse."""
    power_max_export_w: int
    """Most that it can feed in, ≥ 0; 0 for a home without generation or storage."""
    interval_length_s: int = QUARTER_HOUR_S
    """Length of the community's intervals."""
    index_modulus_wh: int = INDEX_MODULUS_WH
    """Registers show at most one less and then start again at 0."""
    storage: bool = False
    """A battery's or car's: nobody can guess what it did."""
    phases: int = 0
    """How many the meter has; 0 when nobody has said."""

    def limit(self, elapsed_s: int) -> Deltas:
        """Return the most energy that the connection can carry in a time (R07)."""
        return Deltas(
            energy_limit_down_wh(self.power_max_import_w, elapsed_s),
            energy_limit_down_wh(self.power_max_export_w, elapsed_s),
        )


@dataclass(frozen=True, slots=True)
class Boundary:
    """A meter's registers at the boundary of two intervals, found by `observe`."""

    index: IndexAt
    flags: ReadingFlag
    """Everything remarked since the boundary before."""
    observed_at: int
    """Meter's clock in the first sample at or after the boundary."""
    raw_hash: Digest
    """Of that same sample."""


@dataclass(slots=True)
class MeterState:
    """What is remembered of a meter; changed by the functions of this module only."""

    config: MeterConfig
    last_reading: Reading | None = None
    """Head of the meter's chain."""
    last_index: IndexAt | None = None
    """Last accepted registers."""
    last_metered_at: int = -1
    """Meter's clock in the last accepted sample."""
    flags: ReadingFlag = NO_FLAG
    """Remarked since the last boundary."""
    tampered: bool = False
    """The meter has been opened, and no person has cleared it since."""
    boundaries: dict[int, Boundary] = field(default_factory=dict)
    """By instant, in time: the end of the last reading that was measured, and everything later."""
    watch: Watch = field(init=False, compare=False)
    """For the rules that look at several samples; a restart forgets it, and no number rests on it."""

    def __post_init__(self) -> None:
        self.watch = Watch(self.config.phases)

    @classmethod
    def resume(
        cls, config: MeterConfig, last_reading: Reading | None, last_sample: RegisterSample | None = None
    ) -> Self:
        """Return the state after a restart.

        Args:
            config: The meter's, as before.
            last_reading: The last one stored that was measured; None when there is none. Whoever has stored estimates
                since then sets `last_reading` to the last of these afterwards.
            last_sample: The last one accepted, if it was stored. When all accepted since `last_reading` were stored,
                give them to `observe` again, in sequence, instead: boundaries between them are found again too.
        Raises:
            Corrupt: the stored sample contradicts the stored reading.
        """
        state = cls(config)
        if last_reading is not None:
            end = last_reading.interval + last_reading.period_s
            index = IndexAt(end, last_reading.import_index_wh, last_reading.export_index_wh)
            state.last_reading = last_reading
            state.last_index = index
            state.last_metered_at = min(end, last_reading.observed_at)
            # Whether the doubt was about the boundary itself is no longer known: it counts for the next interval too.
            state.flags = ReadingFlag(last_reading.flags) & CLOCK_FLAGS
            state.tampered = bool(last_reading.flags & ReadingFlag.TAMPER)
            state.boundaries[end] = Boundary(index, NO_FLAG, last_reading.observed_at, last_reading.raw_hash)
        if last_sample is not None:
            outcome = observe(state, last_sample, last_sample.received_at)
            if isinstance(outcome, Rejected) and outcome.code != MeteringReject.REPLAY:
                raise Corrupt(f"the stored sample of a meter does not follow its last reading: {outcome}")
        return state


def observe(
    state: MeterState, sample: RegisterSample, now: int, doubt: ReadingFlag = NO_FLAG
) -> Accepted[Boundary] | Rejected:
    """Take one sample of the meter, by rules R02, R04 to R07 and R11 in this order, and remark R08 to R10.

    Args:
        state: The meter's.
        sample: What it says.
        now: The node's time.
        doubt: What is to be remarked of how the sample came.
    Returns:
        Accepted with the boundary that the sample settled, if any: its `raw_hash` is this sample's, so that whoever
        keeps raw frames for disputes knows that this one is needed.
    """
    config = state.config
    if foreign := check_identity(config.serial, sample, config.meter):
        return foreign
    for register, index_wh in (("import", sample.import_index_wh), ("export", sample.export_index_wh)):
        if impossible := check_range(index_wh, config.index_modulus_wh, register):
            return impossible
    timed = check_time(sample, now)
    if isinstance(timed, Rejected):
        return timed
    index = IndexAt(timed.at, sample.import_index_wh, sample.export_index_wh)
    flags = timed.flags | tamper_flags(sample) | doubt
    before = state.last_index
    if before is not None:
        replayed = check_replay(sample.metered_at, state.last_metered_at) or check_replay(timed.at, before.at)
        if replayed:
            return replayed
        rise = check_registers(
            before, index, config.power_max_import_w, config.power_max_export_w, config.index_modulus_wh
        )
        if isinstance(rise, Rejected):
            return rise
        flags |= rise
    return Accepted(_take(state, sample, index, flags))


def _take(state: MeterState, sample: RegisterSample, index: IndexAt, flags: ReadingFlag) -> tuple[Boundary, ...]:
    """Remember an accepted sample, and the boundary it settles."""
    config = state.config
    before = state.last_index
    state.last_index = index
    state.last_metered_at = sample.metered_at
    state.tampered |= sample.tamper
    if state.tampered:
        flags |= ReadingFlag.TAMPER
    flags |= state.watch.see(sample, index)
    state.flags |= flags
    at_boundary = boundary_reached(before, index, config.interval_length_s, config.index_modulus_wh)
    if at_boundary is None:
        return ()
    state.flags |= state.watch.at_boundary(config.index_modulus_wh)
    boundary = Boundary(at_boundary, state.flags, sample.metered_at, sample.raw_hash)
    state.boundaries[at_boundary.at] = boundary
    # Both intervals rest on this sample, so its remarks are about both; but what led up to a sample that was taken on
    # the boundary itself is of the interval before alone.
    state.flags = flags if at_boundary.at < index.at else flags & ~ReadingFlag.ROLLOVER
    return (boundary,)


def close_interval(
    state: MeterState, interval: Interval, struct_hash: Callable[[Reading], Digest]
) -> Accepted[Reading] | Rejected:
    """Close one interval with the meter's next reading.

    Args:
        state: The meter's.
        interval: Of the community's length, later than the last reading's. Skipping some leaves a gap, flagged.
        struct_hash: EIP-712 struct hash of a reading, which chains it to the one before.
    Raises:
        ValueError: the interval has another length than the meter's.
        Corrupt: the reading does not add up with the one before.
    """
    config = state.config
    if interval.length_s != config.interval_length_s:
        raise ValueError(f"the meter's intervals last {config.interval_length_s} s, not {interval.length_s}")
    last = state.last_reading
    if last is not None and interval.start < last.interval + last.period_s:
        open_from = last.interval + last.period_s
        return Rejected(MeteringReject.INTERVAL_CLOSED, {"interval": interval.start, "open_from": open_from})
    for instant in (interval.start, interval.end):
        if instant not in state.boundaries:
            known_to = state.last_index.at if state.last_index else 0
            facts = {"interval": interval.start, "boundary": instant, "known_to": known_to}
            return Rejected(MeteringReject.MISSING_BOUNDARY, facts)
    reading = _next_reading(state, interval, struct_hash)
    if last is not None and (wrong := check_sum((last, reading), config.index_modulus_wh)):
        raise Corrupt(f"a reading does not add up with the one before: {wrong}")
    state.last_reading = reading
    state.boundaries = {at: boundary for at, boundary in state.boundaries.items() if at >= interval.end}
    return Accepted((reading,))


def _next_reading(state: MeterState, interval: Interval, struct_hash: Callable[[Reading], Digest]) -> Reading:
    config, last = state.config, state.last_reading
    start, end = state.boundaries[interval.start], state.boundaries[interval.end]
    energy = deltas(start.index, end.index, config.index_modulus_wh)
    flags = end.flags | gap_flags(last, start.index)
    code = QualityCode.QUESTIONABLE if flags & ReadingFlag.CLOCK_BAD else QualityCode.VALIDATED
    return Reading(
        meter=config.meter,
        interval=interval.start,
        period_s=interval.length_s,
        import_wh=energy.import_wh,
        export_wh=energy.export_wh,
        import_index_wh=end.index.import_wh,
        export_index_wh=end.index.export_wh,
        quality=quality(config.trust, code),
        flags=int(flags),
        sequence=last.sequence + 1 if last else 0,
        previous_hash=struct_hash(last) if last else ZERO_DIGEST,
        raw_hash=end.raw_hash,
        observed_at=end.observed_at,
    )


def estimate_interval(
    state: MeterState,
    interval: Interval,
    estimate: Estimate,
    end: IndexAt | None,
    struct_hash: Callable[[Reading], Digest],
) -> Reading:
    """Close one interval with an estimate; boundaries stay, so that what is measured later can correct it.

    Args:
        state: The meter's.
        interval: The one behind the last reading's.
        estimate: Its energy.
        end: The registers at its end, when they are known; else they are taken to have moved by the estimate.
        struct_hash: As in `close_interval`.
    """
    config, last = state.config, state.last_reading
    modulus = config.index_modulus_wh
    before = IndexAt(interval.start, last.import_index_wh, last.export_index_wh) if last else IndexAt(0, 0, 0)
    moved = IndexAt(
        interval.end,
        (before.import_wh + estimate.energy.import_wh) % modulus,
        (before.export_wh + estimate.energy.export_wh) % modulus,
    )
    boundary = state.boundaries.get(interval.end)
    flags = boundary.flags if boundary else NO_FLAG
    # Estimates before this one may have left the registers elsewhere than they turn out to be.
    if last is not None and (last.interval + last.period_s != interval.start or end not in (None, moved)):
        flags |= ReadingFlag.GAP
    shown = end or moved
    state.last_reading = Reading(
        meter=config.meter,
        interval=interval.start,
        period_s=interval.length_s,
        import_wh=estimate.energy.import_wh,
        export_wh=estimate.energy.export_wh,
        import_index_wh=shown.import_wh,
        export_index_wh=shown.export_wh,
        quality=quality(config.trust, estimate.code),
        flags=int(flags),
        sequence=last.sequence + 1 if last else 0,
        previous_hash=struct_hash(last) if last else ZERO_DIGEST,
        raw_hash=NO_FRAME_HASH,
        observed_at=interval.end,
    )
    return state.last_reading


def clear_tamper(state: MeterState) -> None:
    """Say that a person has looked at the meter; readings from here on are untainted until it is opened again."""
    state.tampered = False
