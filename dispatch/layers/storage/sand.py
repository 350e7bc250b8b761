"""Sand heated by electricity to several hundred degrees: days to weeks of heat."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, HEAT, Converter, Layer, Parameter, Store

KIND: Final = "sand"
PARAMETERS: Final = {
    "capacity_kwh": Parameter(2_000.0, "kWh heat", "of the plant; Pornainen has 100 MWh in 2,000 t"),
    "charge_kw": Parameter(60.0, "kW", "of the heater"),
    "heat_kw": Parameter(20.0, "kW", "1 MW per 100 MWh at Pornainen (pv-magazine, 11 June 2025)"),
    "charge_yield": Parameter(0.99, "kWh/kWh", "PyPSA technology-data (PNNL)"),
    "heat_yield": Parameter(0.90, "kWh/kWh", "engineering value: 0.85 to 0.95"),
    "loss_per_day": Parameter(0.02, "1", "engineering value: 0.01 to 0.03 at 10 to 100 MWh"),
    "turbine_kw": Parameter(0.0, "kW", "no turbine unless given"),
    "electric_yield": Parameter(0.20, "kWh/kWh", "engineering value: small organic Rankine cycle 0.15 to 0.25"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the sand store; with `turbine_kw` it gives electricity and the turbine's waste heat too."""
    store = Store("sand", values["capacity_kwh"], 0.0, (1.0 - values["loss_per_day"]) ** (1 / 24))
    parts = [
        Converter("heater", ELECTRICITY, (("sand", values["charge_yield"]),), values["charge_kw"]),
        Converter("heat", "sand", ((HEAT, values["heat_yield"]),), values["heat_kw"] / max(values["heat_yield"], 0.01)),
    ]
    if values["turbine_kw"]:
        electric = values["electric_yield"]
        rest = (1.0 - electric) * values["heat_yield"]
        gives = ((ELECTRICITY, electric), (HEAT, rest))
        parts.append(Converter("turbine", "sand", gives, values["turbine_kw"] / electric))
    return Layer(KIND, (store,), tuple(parts))
