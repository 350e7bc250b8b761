"""How wrong a forecast may be: quantiles from its own past errors, kept honest by what came true.

Conformal: the errors of the last days at the same step of the day, and at the steps beside it, are the distribution.
Adaptive: when fewer values than promised fell inside the band of a series, its bands are stretched, and the other way
round, so that the promise holds in every season although households are not exchangeable from month to month.
Units: those of the series. Refuses: nothing; before the first error all quantiles are the forecast itself.
Source: Gibbs and Candès, Adaptive conformal inference under distribution shift, 2021.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats

ERROR_DAYS: Final = 28
"""Days of errors that are remembered."""
BAND: Final = (0.1, 0.9)
"""Quantiles whose cover steers the stretching."""
_GAIN: Final = 0.12
"""Change of the stretch, in logarithm, for a cover that misses by one."""
_STRETCH_BOUNDS: Final = (0.5, 2.5)


class ErrorMemory:
    """Errors (actual minus forecast) of n series over H steps, newest last."""

    def __init__(self, series: int, horizon: int, days: int = ERROR_DAYS) -> None:
        self._errors = np.zeros((0, series, horizon))
        self._days = days
        self.stretch = np.ones(series)
        """Factor by which the bands of each series are wider than its past errors say."""

    def observe(self, error: Floats) -> None:
        """Take in the errors of one forecast, shape (n, H); they are judged against the band promised before."""
        if len(self._errors) >= 7:
            low, high = self.offsets(BAND)
            inside = ((error >= low) & (error <= high)).mean(axis=1)
            wanted = BAND[1] - BAND[0]
            self.stretch = np.clip(self.stretch * np.exp(_GAIN * (wanted - inside)), *_STRETCH_BOUNDS)
        self._errors = np.concatenate((self._errors[-self._days + 1 :], error[None]))

    def offsets(self, levels: Sequence[float]) -> Floats:
        """Return what to add to the forecast for each quantile, shape (levels, n, H), rising with the level."""
        errors = self._errors
        if not len(errors):
            return np.zeros((len(levels), *errors.shape[1:]))
        beside = np.concatenate((errors, np.roll(errors, 1, axis=2), np.roll(errors, -1, axis=2)))
        raw = np.quantile(beside, levels, axis=0)
        middle = np.median(beside, axis=0)
        stretched: Floats = middle + (raw - middle) * self.stretch[None, :, None]
        return stretched

    def paths(self, count: int) -> Floats:
        """Return whole past errors as equally likely futures, shape (count, n, H); the newest ones, repeated if few.

        A path keeps what hours of one day, and homes of one street, have in common.
        """
        if not len(self._errors):
            return np.zeros((count, *self._errors.shape[1:]))
        newest = self._errors[-min(count, len(self._errors)) :]
        return newest[np.arange(count) % len(newest)]
