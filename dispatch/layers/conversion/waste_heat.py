"""Heat that a neighbour would throw away (a bakery, a data room), where a pipe reaches the heat carrier."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import HEAT, NOWHERE, Converter, Layer, Parameter

KIND: Final = "waste_heat"
PARAMETERS: Final = {
    "heat_kw": Parameter(10.0, "kW heat", "of the source; its hours are conditions of the horizon"),
    "pipe_yield": Parameter(0.95, "kWh/kWh", "engineering value"),
    "pumping_eur_per_kwh": Parameter(0.003, "€/kWh", "engineering value"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the source."""
    source = Converter(
        "source", NOWHERE, ((HEAT, values["pipe_yield"]),), values["heat_kw"], values["pumping_eur_per_kwh"]
    )
    return Layer(KIND, (), (source,))
