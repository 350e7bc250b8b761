"""A hot-water tank with an immersion heater: the plain heat store."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, HEAT, Converter, Layer, Parameter, Store

KIND: Final = "water_tank"
PARAMETERS: Final = {
    "capacity_kwh": Parameter(12.0, "kWh heat", "300 l from 25 to 60 °C"),
    "heater_kw": Parameter(3.0, "kW", "of the device"),
    "heat_kw": Parameter(20.0, "kW", "of the heat exchanger"),
    "charge_yield": Parameter(0.98, "kWh/kWh", "PyPSA technology-data, costs_2025.csv"),
    "loss_per_hour": Parameter(0.021, "1", "PyPSA technology-data: small tank; a pit loses 0.000078"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the tank; it also takes heat from the carrier, such as a heat pump's."""
    store = Store("water", values["capacity_kwh"], 0.0, 1.0 - values["loss_per_hour"])
    return Layer(
        KIND,
        (store,),
        (
            Converter("heater", ELECTRICITY, (("water", values["charge_yield"]),), values["heater_kw"]),
            Converter("fill", HEAT, (("water", values["charge_yield"]),), values["heat_kw"]),
            Converter("draw", "water", ((HEAT, 1.0),), values["heat_kw"]),
        ),
    )
