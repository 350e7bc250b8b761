"""Ridge regression from sums that can be added: over days, over homes, over neighbourhoods.

`Sums` holds X'X and X'y. Adding two of them is training on both sets, so a federation needs to exchange nothing else
(see `dispatch.federated`), and forgetting is a multiplication. `fit_median` makes the same regression insensitive to
single kettles: iteratively reweighted squares, which minimise absolute errors.
Units: features and targets as they come. Refuses: nothing; without data the weights are zero.
Source: Schlossmacher, An iterative technique for absolute deviations curve fitting, 1973.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from dispatch.forecasting.features import Floats


@dataclass(slots=True)
class Sums:
    """Sufficient statistics of a linear model."""

    gram: Floats
    """X'X, shape (F, F)."""
    cross: Floats
    """X'y, shape (F,)."""
    rows: float = 0.0
    """Rows that went in, less what was forgotten."""

    @classmethod
    def empty(cls, features: int) -> Self:
        """Return the sums of nothing."""
        return cls(np.zeros((features, features)), np.zeros(features))

    def add(self, features: Floats, wanted: Floats) -> None:
        """Take in rows: features of shape (..., F), targets of shape (...)."""
        rows = features.reshape(-1, features.shape[-1])
        self.gram += rows.T @ rows
        self.cross += rows.T @ wanted.ravel()
        self.rows += len(rows)

    def merge(self, other: "Sums", weight: float = 1.0) -> None:
        """Take in what another learned, as if each of its rows counted `weight` times."""
        self.gram += weight * other.gram
        self.cross += weight * other.cross
        self.rows += weight * other.rows

    def forget(self, kept: float) -> None:
        """Let all that is known fade to a share of its weight."""
        self.gram *= kept
        self.cross *= kept
        self.rows *= kept


def fit(sums: Sums, penalty: float, towards: Floats | None = None) -> Floats:
    """Return the weights, shape (F,).

    Args:
        sums: What was learned.
        penalty: Weight of staying near `towards`, in mean squares of each feature; > 0.
        towards: Weights to stay near where data is scarce, zero when None.
    """
    start = np.zeros_like(sums.cross) if towards is None else towards
    scale = np.diag(sums.gram) / max(sums.rows, 1.0)
    pull = penalty * np.maximum(scale, 1e-9)
    weights: Floats = np.linalg.solve(sums.gram + np.diag(pull), sums.cross + pull * start)
    return weights


def fit_median(features: Floats, wanted: Floats, penalty: float, rounds: int = 6) -> Floats:
    """Return the weights that minimise absolute errors, shape (F,).

    Args:
        features: Shape (..., F).
        wanted: Shape (...).
        penalty: As for `fit`.
        rounds: Reweightings; six bring the error within a thousandth of the limit on household load.
    """
    rows, target = features.reshape(-1, features.shape[-1]), wanted.ravel()
    sums = Sums.empty(rows.shape[-1])
    sums.add(rows, target)
    weights = fit(sums, penalty)
    floor = max(1e-9, 0.05 * float(np.abs(target - rows @ weights).mean()))
    for _ in range(rounds):
        weight = floor / np.maximum(np.abs(target - rows @ weights), floor)
        weighted = rows * weight[:, None]
        weights = fit(Sums(weighted.T @ rows, weighted.T @ target, float(weight.sum())), penalty)
    return weights
