"""Weather as a turbine feels it: beside all else, what each step's wind gives by the cube of its speed.

A regression on the speed alone misses that half the wind is an eighth of the power. Units: as
`dispatch.forecasting.weather`. Refuses: nothing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats, Whole
from dispatch.forecasting.weather import WIND, WeatherTable
from dispatch.layers.conversion.wind import share_of_rated

KMH_PER_M_S: Final = 3.6


@dataclass(frozen=True, slots=True)
class TurbineWeather:
    """A weather table, with one more feature."""

    table: WeatherTable

    def covers(self, steps: Whole) -> bool:
        """Tell whether everything is known; see `WeatherTable.covers`."""
        return self.table.covers(steps)

    def describe(self, steps: Whole) -> Floats:
        """Return the features of steps that are covered, shape (*steps.shape, W + 1)."""
        share = share_of_rated(self.table.column(WIND, steps) / KMH_PER_M_S)
        return np.concatenate((self.table.describe(steps), share[..., None]), axis=-1)
