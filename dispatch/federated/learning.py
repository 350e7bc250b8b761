"""What a neighbourhood shares of its regression, and what it makes of the others'.

A contribution is the sums of `dispatch.forecasting.ridge` of rows that were clipped, so that one home can not weigh
more than it should, with noise for differential privacy. Homes are divided into groups; each group's sum is secure,
and the groups' models are joined by their median in every weight, which a minority of poisoned groups does not move.
Last, each home keeps a model only if it errs less on its own last days than what it had.
Units: those of the features. Refuses, with `ValueError`: contributions of another shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.random import PCG64, Generator

from dispatch.forecasting.features import Floats
from dispatch.forecasting.ridge import Sums, fit


@dataclass(frozen=True, slots=True)
class Clipping:
    """Bounds of one home's influence."""

    row_norm: float
    """Largest length of a row of features with its target, in units of `scale`."""
    rows_max: int
    """Most rows of one home; the newest count."""


def clipped_sums(features: Floats, wanted: Floats, scale: Floats, clipping: Clipping) -> Sums:
    """Return the sums of scaled rows, none longer than the bound, shape of features (rows, F).

    `scale` is public (agreed beforehand): the typical size of each feature, and of the target last.
    """
    rows = features[-clipping.rows_max :] / scale[:-1]
    target = wanted[-clipping.rows_max :] / scale[-1]
    length = np.sqrt((rows**2).sum(axis=1) + target**2)
    shrink = np.minimum(1.0, clipping.row_norm / np.maximum(length, 1e-12))
    sums = Sums.empty(rows.shape[1])
    sums.add(rows * shrink[:, None], target * shrink)
    return sums


def sensitivity(clipping: Clipping) -> float:
    """Return how far one home can move the sum in L2 norm: all its rows, each an outer product of bounded length."""
    return clipping.rows_max * clipping.row_norm**2


def pack(sums: Sums) -> Floats:
    """Return sums as one vector: the upper triangle, the cross products, the rows."""
    upper = sums.gram[np.triu_indices(len(sums.cross))]
    return np.concatenate((upper, sums.cross, [sums.rows]))


def unpack(vector: Floats) -> Sums:
    """Return the sums of a vector."""
    count = round((-3 + sqrt(9 + 8 * (len(vector) - 1))) / 2)
    if count * (count + 1) // 2 + count + 1 != len(vector):
        raise ValueError("no sums have a vector of this length")
    upper = np.zeros((count, count))
    upper[np.triu_indices(count)] = vector[: -count - 1]
    return Sums(upper + np.triu(upper, 1).T, vector[-count - 1 : -1].copy(), float(vector[-1]))


@dataclass(slots=True)
class PrivacyLedger:
    """What rounds so far may have told about one home: zero-concentrated differential privacy (Bun, Steinke, 2016)."""

    rho: float = 0.0

    def spend(self, noise_sd: float, moved_by: float) -> None:
        """Note a sum with Gaussian noise of this deviation, which one home can move by so much."""
        if noise_sd <= 0:
            self.rho = float("inf")
        else:
            self.rho += moved_by**2 / (2 * noise_sd**2)

    def epsilon(self, delta: float = 1e-5) -> float:
        """Return the epsilon of (epsilon, delta) differential privacy; infinite when no noise was added."""
        return self.rho + 2 * sqrt(self.rho * log(1 / delta))


def add_noise(vector: Floats, noise_sd: float, sharers: int, seed: bytes) -> Floats:
    """Return a contribution with this home's part of the noise, so that nobody ever holds a sum without it.

    Args:
        vector: The contribution.
        noise_sd: Deviation wanted in the sum.
        sharers: Fewest participants whose noise adds up to it: the round's threshold.
        seed: Secret of the home, for this round alone.
    """
    drawn = Generator(PCG64(int.from_bytes(seed, "big")))
    noisy: Floats = vector + drawn.normal(0.0, noise_sd / sqrt(sharers), len(vector))
    return noisy


def joined(groups: Sequence[Sums], penalty: float, features: int) -> Floats:
    """Return one model of several groups' sums: the median of their weights; with one group, its own."""
    weights: Floats = np.median([fit(sums, penalty) for sums in groups], axis=0)
    if weights.shape != (features,):
        raise ValueError(f"a model has {features} weights")
    return weights


def accepted(features: Floats, wanted: Floats, offered: Floats, kept: Floats) -> Floats:
    """Return the model that errs less on a home's own rows: the offered one, or what it has."""

    def error(weights: Floats) -> float:
        return float(np.abs(features @ weights - wanted).mean())

    return offered if np.isfinite(offered).all() and error(offered) <= error(kept) else kept
