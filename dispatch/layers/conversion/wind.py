"""A vertical-axis wind turbine among houses. Roofs yield far less than the rated power suggests."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats
from dispatch.optimiser.parts import ELECTRICITY, NOWHERE, Converter, Layer, Parameter

KIND: Final = "wind"
PARAMETERS: Final = {
    "rated_kw": Parameter(3.0, "kW", "of the device"),
    "turbulence_share": Parameter(0.75, "1", "engineering value: 20 to 30 % are lost among roofs"),
}
CUT_IN_M_S: Final = 2.5
"""bigee.net: 2.5 to 3 m/s."""
RATED_M_S: Final = 11.5
"""bigee.net: 11 to 12 m/s."""
CUT_OUT_M_S: Final = 25.0
"""Engineering value."""


def layer(values: Mapping[str, float]) -> Layer:
    """Return the turbine; its hourly power is a condition of the horizon, from `share_of_rated`."""
    power_kw = values["rated_kw"] * values["turbulence_share"]
    return Layer(KIND, (), (Converter("turbine", NOWHERE, ((ELECTRICITY, 1.0),), power_kw),))


def share_of_rated(wind_m_s: Floats) -> Floats:
    """Return the share of its power that a wind gives: the cube between cut-in and rated speed."""
    cube = (wind_m_s**3 - CUT_IN_M_S**3) / (RATED_M_S**3 - CUT_IN_M_S**3)
    running = (wind_m_s >= CUT_IN_M_S) & (wind_m_s < CUT_OUT_M_S)
    share: Floats = np.where(running, np.clip(cube, 0.0, 1.0), 0.0)
    return share
