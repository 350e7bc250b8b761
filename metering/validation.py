"""Validation rules, pure and in their fixed order; each answers for one thing. Units: Wh, W, UTC epoch seconds.

Numbers R02 to R16 are those of the project's rule list, modelled on the CPUC/California "Standards for Validating,
Editing and Estimating Monthly and Interval Data"; R01 (format) and R03 (sums in a frame) are the decoders' part.
A rule that refuses returns `Rejected`; a rule that only remarks returns flags.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from energy.identity import MeterId, hex_text
from energy.quantities import ratio_down
from energy.results import Rejected
from metering.intervals import IndexAt, advance
from metering.readings import Reading, ReadingFlag
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

CLOCK_TOLERANCE_S: Final = 27
"""3 % of a quarter-hour (PTB-A 50.8)."""
CLOCK_DRIFT_S_MAX: Final = 120
"""A clock that is farther behind is not believed at all."""

NO_FLAG: Final = ReadingFlag(0)
CLOCK_FLAGS: Final = ReadingFlag.CLOCK_DRIFT | ReadingFlag.CLOCK_BAD | ReadingFlag.CLOCK_DEGRADED

_RATE_PERCENT: Final = 105
_RATE_SLACK_WH: Final = 2
_SECONDS_PER_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Timed:
    """When a sample was taken, and what is to be said of the clock that tells."""

    at: int
    flags: ReadingFlag


def check_identity(serial: str, sample: RegisterSample, meter: MeterId) -> Rejected | None:
    """R02: the meter that speaks is the one enrolled."""
    if sample.serial == serial:
        return None
    return Rejected(MeteringReject.FOREIGN_METER, {"meter": hex_text(meter)})


def check_range(index_wh: int, modulus_wh: int, register: str) -> Rejected | None:
    """R02: the register can show this value."""
    if 0 <= index_wh < modulus_wh:
        return None
    return Rejected(MeteringReject.INDEX_OUT_OF_RANGE, {"register": register, "index_max_wh": modulus_wh - 1})


def check_time(sample: RegisterSample, now: int) -> Timed | Rejected:
    """R04: the meter's clock against the node's.

    Ahead by more than `CLOCK_TOLERANCE_S` is refused; behind by more is flagged, and beyond `CLOCK_DRIFT_S_MAX` the
    node's time counts instead.
    """
    ahead_s = sample.metered_at - min(sample.received_at, now)
    if ahead_s > CLOCK_TOLERANCE_S:
        return Rejected(MeteringReject.FUTURE_STAMP, {"ahead_s": ahead_s, "ahead_max_s": CLOCK_TOLERANCE_S})
    degraded = ReadingFlag.CLOCK_DEGRADED if sample.clock_degraded else NO_FLAG
    behind_s = sample.received_at - sample.metered_at
    if behind_s <= CLOCK_TOLERANCE_S:
        return Timed(sample.metered_at, degraded)
    if behind_s <= CLOCK_DRIFT_S_MAX:
        return Timed(sample.metered_at, degraded | ReadingFlag.CLOCK_DRIFT)
    return Timed(sample.received_at, degraded | ReadingFlag.CLOCK_BAD)


def check_replay(metered_at: int, later_than: int) -> Rejected | None:
    """R05: a sample is later than the last accepted one; a clock set back waits until it has caught up."""
    if metered_at > later_than:
        return None
    return Rejected(MeteringReject.REPLAY, {"metered_at": metered_at, "later_than": later_than})


def check_register(
    before_wh: int, after_wh: int, elapsed_s: int, power_max_w: int, modulus_wh: int, register: str
) -> ReadingFlag | Rejected:
    """R06 and R07: a register rises, or turns over at its top, and no faster than the connection can carry.

    Turned over means: from the last 2 % of its range into the first 2 %, by an energy that R07 allows.

    Args:
        before_wh: Last accepted value.
        after_wh: New value, within the range.
        elapsed_s: Time between them, > 0.
        power_max_w: The connection's power in this direction, ≥ 0.
        modulus_wh: Top of the register.
        register: Its name, for the facts.
    """
    limit_wh = energy_limit_down_wh(power_max_w, elapsed_s)
    within_limit = advance(before_wh, after_wh, modulus_wh) <= limit_wh
    if after_wh < before_wh:
        turned_over = before_wh * 100 > modulus_wh * 98 and after_wh * 100 < modulus_wh * 2
        if turned_over and within_limit:
            return ReadingFlag.ROLLOVER
        return Rejected(MeteringReject.INDEX_BACK, {"register": register})
    if not within_limit:
        return Rejected(MeteringReject.RATE, {"register": register, "limit_wh": limit_wh, "elapsed_s": elapsed_s})
    return NO_FLAG


def energy_limit_down_wh(power_max_w: int, elapsed_s: int) -> int:
    """R07: return the most energy a connection can carry in a time: 105 % of its power, rounded down, and 2 Wh."""
    return ratio_down(power_max_w * _RATE_PERCENT, elapsed_s, 100 * _SECONDS_PER_HOUR) + _RATE_SLACK_WH


def check_registers(
    before: IndexAt, after: IndexAt, power_max_import_w: int, power_max_export_w: int, modulus_wh: int
) -> ReadingFlag | Rejected:
    """R06 and R07 for both registers."""
    flags = NO_FLAG
    for register, before_wh, after_wh, power_max_w in (
        ("import", before.import_wh, after.import_wh, power_max_import_w),
        ("export", before.export_wh, after.export_wh, power_max_export_w),
    ):
        outcome = check_register(before_wh, after_wh, after.at - before.at, power_max_w, modulus_wh, register)
        if isinstance(outcome, Rejected):
            return outcome
        flags |= outcome
    return flags


def tamper_flags(sample: RegisterSample) -> ReadingFlag:
    """R11: a meter that was opened taints its readings."""
    return ReadingFlag.TAMPER if sample.tamper else NO_FLAG


def gap_flags(last: Reading | None, start: IndexAt) -> ReadingFlag:
    """R12: a reading does not start where the one before ended: intervals are missing, or that one was estimated.

    Their energy is not lost from sight: it is the next reading's index, less its energy, less the last index.

    Args:
        last: The meter's last reading.
        start: Its registers where the next reading starts.
    """
    if last is None:
        return NO_FLAG
    ended = IndexAt(last.interval + last.period_s, last.import_index_wh, last.export_index_wh)
    return NO_FLAG if ended == start else ReadingFlag.GAP


def check_sum(readings: Iterable[Reading], modulus_wh: int) -> Rejected | None:
    """R16: consecutive readings of one meter add up: each index is the one before plus the interval's energy.

    Our own arithmetic, so exact. A reading flagged `GAP` starts anew.
    """
    for before, after in pairwise(readings):
        if after.flags & ReadingFlag.GAP:
            continue
        for register, step_wh, energy_wh in (
            ("import", advance(before.import_index_wh, after.import_index_wh, modulus_wh), after.import_wh),
            ("export", advance(before.export_index_wh, after.export_index_wh, modulus_wh), after.export_wh),
        ):
            if step_wh != energy_wh:
                return Rejected(MeteringReject.INTERVAL_SUM, {"register": register, "interval": after.interval})
    return None
