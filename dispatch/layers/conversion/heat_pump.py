"""A heat pump: electricity to heat, several times over."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, HEAT, Converter, Layer, Parameter

KIND: Final = "heat_pump"
PARAMETERS: Final = {
    "power_kw": Parameter(4.0, "kW electric", "of the device"),
    "performance": Parameter(3.5, "kWh heat/kWh", "PyPSA technology-data: air 3.5, ground 3.85, waste heat 5.2"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the pump; `performance` is a mean of the season, conditions may lower its power in the cold."""
    return Layer(KIND, (), (Converter("pump", ELECTRICITY, ((HEAT, values["performance"]),), values["power_kw"]),))
