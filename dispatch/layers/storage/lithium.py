"""A lithium iron phosphate battery behind its inverter: minutes to hours."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, Converter, Layer, Parameter, Store

KIND: Final = "lithium"
DEA: Final = "PyPSA technology-data, costs_2025.csv (Danish Energy Agency)"
PARAMETERS: Final = {
    "capacity_kwh": Parameter(10.0, "kWh", "of the device"),
    "power_kw": Parameter(5.0, "kW", "of the device; 0.4 to 0.8 C"),
    "charge_yield": Parameter(0.955, "kWh/kWh", DEA),
    "discharge_yield": Parameter(0.955, "kWh/kWh", DEA),
    "loss_per_month": Parameter(0.02, "1", "engineering value"),
    "floor_share": Parameter(0.0, "1", "of the usable capacity; set it for a reserve"),
    "wear_eur_per_kwh": Parameter(0.02, "€/kWh given", "cell price over cycle life: 0.014 to 0.07"),
}
HOURS_PER_MONTH: Final = 730.0


def layer(values: Mapping[str, float]) -> Layer:
    """Return the battery."""
    store = Store(
        "cells",
        values["capacity_kwh"],
        values["capacity_kwh"] * values["floor_share"],
        (1.0 - values["loss_per_month"]) ** (1.0 / HOURS_PER_MONTH),
    )
    given = values["discharge_yield"]
    charge = Converter("charge", ELECTRICITY, (("cells", values["charge_yield"]),), values["power_kw"])
    discharge = Converter(
        "discharge", "cells", ((ELECTRICITY, given),), values["power_kw"] / given, values["wear_eur_per_kwh"] * given
    )
    return Layer(KIND, (store,), (charge, discharge))
