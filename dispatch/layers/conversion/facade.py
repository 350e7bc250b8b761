"""Solar modules that are the wall or the roof: electricity, and a better insulated building."""

from collections.abc import Mapping
from typing import Final

from dispatch.forecasting.features import Floats
from dispatch.optimiser.parts import ELECTRICITY, NOWHERE, Converter, Layer, Parameter

KIND: Final = "facade"
PARAMETERS: Final = {
    "peak_kw": Parameter(3.0, "kW", "of the modules"),
    "performance_ratio": Parameter(0.75, "1", "engineering value: 600 to 850 kWh/kW a year on a facade"),
    "heat_saved_share": Parameter(0.10, "1", "engineering value: 0.05 to 0.15 of the heat load, of the building"),
}
LOSS_PER_KELVIN: Final = 0.0035
"""Of crystalline modules above 25 °C."""


def layer(values: Mapping[str, float]) -> Layer:
    """Return the modules; their hourly power is a condition of the horizon, from `share_of_peak`."""
    power_kw = values["peak_kw"] * values["performance_ratio"]
    return Layer(KIND, (), (Converter("modules", NOWHERE, ((ELECTRICITY, 1.0),), power_kw),))


def share_of_peak(irradiance_w_m2: Floats, cell_c: Floats) -> Floats:
    """Return the share of peak power at an irradiance in the plane of the modules and a cell temperature."""
    share: Floats = irradiance_w_m2 / 1_000.0 * (1.0 - LOSS_PER_KELVIN * (cell_c - 25.0)).clip(0.5, 1.1)
    return share


def heat_demand_kw(before_kw: Floats, values: Mapping[str, float]) -> Floats:
    """Return the building's heat demand with the modules as a second skin; summer's gain from it counts as none."""
    return before_kw * (1.0 - values["heat_saved_share"])
