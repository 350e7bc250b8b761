"""Rules on what arrives: R03 (sums), R08 (frozen), R09 (sign) and R10 (power against energy). Pure; units: Wh, W, s.

The other rules of this level are in `metering.validation`, which refuses; these only remark, R03 apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from energy.quantities import ratio_down
from energy.results import Rejected
from metering.intervals import IndexAt
from metering.readings import ReadingFlag
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

NO_FLAG: Final = ReadingFlag(0)
FROZEN_AFTER_S: Final = 24 * 3_600
"""R08: a register that stands still for longer while power flows is stuck."""
FROZEN_POWER_W: Final = 50
SAME_PAYLOAD_S: Final = 10 * 60
"""R08: a meter whose telegram never changes for longer is a recording."""
SIGN_SPAN_S: Final = 60
SIGN_STEP_WH: Final = 5
"""R09: what both registers must gain within `SIGN_SPAN_S`; one phase flows one way at a time."""
POWER_PERCENT: Final = 5
POWER_SLACK_WH: Final = 10
POWER_STEP_S_MAX: Final = 120
"""R10: between samples farther apart nobody knows what the power was."""
_SECONDS_PER_HOUR: Final = 3_600


def check_phases(total: int, phases: Sequence[int], register: str) -> Rejected | None:
    """R03: the phases add up to the total, within the greater of 1 % and 2 units.

    Args:
        total: What the meter states as the sum, Wh or W.
        phases: Each phase; none when the meter does not state them.
        register: Its name, for the facts.
    """
    tolerance = max(ratio_down(abs(total), 1, 100), 2)
    if not phases or abs(sum(phases) - total) <= tolerance:
        return None
    return Rejected(MeteringReject.SUM_RULE, {"registers": register, "tolerance_wh": tolerance})


@dataclass(frozen=True, slots=True)
class Stillness:
    """Since when a meter has shown the same."""

    raw: bytes
    raw_since: int
    index: IndexAt
    """The first sample with these registers."""
    powered: bool
    """Power beyond `FROZEN_POWER_W` has flowed since."""


def watch_stillness(before: Stillness | None, sample: RegisterSample, index: IndexAt) -> Stillness:
    """Follow how long registers and payload have stood still."""
    powered = sample.power_w is not None and abs(sample.power_w) > FROZEN_POWER_W
    if before is None:
        return Stillness(sample.raw, index.at, index, powered)
    same_raw = before.raw == sample.raw
    same_index = (before.index.import_wh, before.index.export_wh) == (index.import_wh, index.export_wh)
    return Stillness(
        sample.raw,
        before.raw_since if same_raw else index.at,
        before.index if same_index else index,
        (before.powered if same_index else False) or powered,
    )


def frozen_flags(stillness: Stillness, at: int) -> ReadingFlag:
    """R08: registers that stand still while power flows, or a telegram that does not change at all."""
    stuck = stillness.powered and at - stillness.index.at > FROZEN_AFTER_S
    recorded = at - stillness.raw_since > SAME_PAYLOAD_S
    return ReadingFlag.FROZEN if stuck or recorded else NO_FLAG


def sign_flags(before: IndexAt, after: IndexAt, phases: int) -> ReadingFlag:
    """R09: both registers of a single-phase meter rise within a minute: a current transformer is put in backwards.

    Args:
        before: The sample before, as long as its registers are not above `after`'s.
        after: The new sample.
        phases: Of the meter; more than one can feed in on one and draw on another, so nothing is said of these.
    """
    drawn_wh, fed_wh = after.import_wh - before.import_wh, after.export_wh - before.export_wh
    both = drawn_wh >= SIGN_STEP_WH and fed_wh >= SIGN_STEP_WH
    return ReadingFlag.SIGN if phases == 1 and both and after.at - before.at <= SIGN_SPAN_S else NO_FLAG


@dataclass(frozen=True, slots=True)
class PowerTrace:
    """What power says of the energy since a boundary, in W·s; exact, so nothing is rounded while it grows."""

    net_ws: int
    """Twice the integral of the power drawn less fed in, on straight lines between samples."""
    apparent_ws: int
    """Twice the integral of the apparent power drawn."""
    active: bool
    """Every sample stated active power, and none was late."""
    apparent: bool
    """The same of apparent power."""


START: Final = PowerTrace(0, 0, True, True)


def follow_power(trace: PowerTrace, before: RegisterSample, after: RegisterSample, elapsed_s: int) -> PowerTrace:
    """R10: add the stretch between two samples to what power says."""
    gap = elapsed_s > POWER_STEP_S_MAX
    active = trace.active and not gap and before.power_w is not None and after.power_w is not None
    apparent = trace.apparent and not gap
    apparent = apparent and before.apparent_import_va is not None and after.apparent_import_va is not None
    return PowerTrace(
        trace.net_ws + ((before.power_w or 0) + (after.power_w or 0)) * elapsed_s,
        trace.apparent_ws + ((before.apparent_import_va or 0) + (after.apparent_import_va or 0)) * elapsed_s,
        active,
        apparent,
    )


def power_flags(trace: PowerTrace, import_wh: int, export_wh: int) -> ReadingFlag:
    """R10: the energy of an interval against its power: both ways for active power, one way for apparent power.

    Says nothing where the power is not known throughout.
    """
    if trace.active:
        power_wh = ratio_down(abs(trace.net_ws), 1, 2 * _SECONDS_PER_HOUR) * (1 if trace.net_ws >= 0 else -1)
        tolerance_wh = max(ratio_down(abs(power_wh), POWER_PERCENT, 100), POWER_SLACK_WH)
        return ReadingFlag.POWER_TIME if abs(import_wh - export_wh - power_wh) > tolerance_wh else NO_FLAG
    if trace.apparent:
        limit_wh = ratio_down(trace.apparent_ws, 105, 2 * _SECONDS_PER_HOUR * 100) + POWER_SLACK_WH
        return ReadingFlag.POWER_TIME if import_wh > limit_wh else NO_FLAG
    return NO_FLAG
