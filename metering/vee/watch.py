"""Watching one meter's samples for what none of them shows alone: R08 (frozen), R09 (sign), R10 (power), R13 (cut).

Units: Wh, W, s.
Only remarks, never refuses. A restart forgets what was watched: until the next boundary nothing is said.
"""

from dataclasses import dataclass

from metering.intervals import IndexAt, deltas
from metering.readings import ReadingFlag
from metering.registers import RegisterSample
from metering.vee.days import partial_flags
from metering.vee.frames import (
    START,
    PowerTrace,
    Stillness,
    follow_power,
    frozen_flags,
    power_flags,
    sign_flags,
    watch_stillness,
)


@dataclass(slots=True)
class Watch:
    """What is remembered between samples."""

    phases: int
    """Of the meter; 0 when nobody has said."""
    sample: RegisterSample | None = None
    index: IndexAt | None = None
    """Of that sample."""
    stillness: Stillness | None = None
    trace: PowerTrace = START
    since: IndexAt | None = None
    """Where the trace of power starts: the first sample at or after a boundary."""

    def see(self, sample: RegisterSample, index: IndexAt) -> ReadingFlag:
        """Follow an accepted sample, and return what is to be said of it by R08, R09 and R13."""
        self.stillness = watch_stillness(self.stillness, sample, index)
        flags = frozen_flags(self.stillness, index.at)
        if self.sample is not None and self.index is not None:
            flags |= sign_flags(self.index, index, self.phases)
            before, after = self.sample.power_failures, sample.power_failures
            flags |= partial_flags(before is not None and after is not None and after > before)
            self.trace = follow_power(self.trace, self.sample, sample, index.at - self.index.at)
        self.sample, self.index = sample, index
        return flags

    def at_boundary(self, modulus_wh: int) -> ReadingFlag:
        """Return what power says of the energy since the last boundary (R10), and start anew from the last sample.

        Both are taken between the same two samples, so that neither is interpolated.
        """
        flags = ReadingFlag(0)
        if self.since is not None and self.index is not None:
            flags = power_flags(self.trace, *deltas(self.since, self.index, modulus_wh))
        self.trace, self.since = START, self.index
        return flags
