"""An electric car at its charger, both ways. When it is there, what it needs at departure and what it drove are
conditions of the horizon (`dispatch.optimiser.conditions`): the store's floor rises to the guaranteed range.
"""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, Converter, Layer, Parameter, Store

KIND: Final = "car"
PARAMETERS: Final = {
    "capacity_kwh": Parameter(60.0, "kWh", "of the car"),
    "charge_kw": Parameter(11.0, "kW", "of the charger: 7.4 to 11"),
    "discharge_kw": Parameter(7.4, "kW", "of the charger; 0 for a car that only charges"),
    "charge_yield": Parameter(0.95, "kWh/kWh", "engineering value: 0.90 to 0.95 one way"),
    "discharge_yield": Parameter(0.95, "kWh/kWh", "engineering value"),
    "reserve_share": Parameter(0.20, "1", "engineering value: range that the owner always keeps"),
    "wear_eur_per_kwh": Parameter(0.06, "€/kWh given", "engineering value: 0.05 to 0.10, paid to the owner"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the car."""
    capacity, given = values["capacity_kwh"], values["discharge_yield"]
    charge = Converter("charge", ELECTRICITY, (("cells", values["charge_yield"]),), values["charge_kw"])
    discharge = Converter(
        "discharge",
        "cells",
        ((ELECTRICITY, given),),
        values["discharge_kw"] / given,
        values["wear_eur_per_kwh"] * given,
    )
    return Layer(KIND, (Store("cells", capacity, capacity * values["reserve_share"]),), (charge, discharge))
