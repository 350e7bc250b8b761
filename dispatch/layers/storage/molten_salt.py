"""Molten salt heated by electricity, with a steam turbine whose waste heat warms houses: hours to a day."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, HEAT, Converter, Layer, Parameter, Store

KIND: Final = "molten_salt"
PARAMETERS: Final = {
    "capacity_kwh": Parameter(1_000.0, "kWh heat", "of the plant"),
    "charge_kw": Parameter(100.0, "kW", "of the heater"),
    "turbine_kw": Parameter(40.0, "kW electric", "of the turbine"),
    "heat_kw": Parameter(60.0, "kW heat", "of the heat exchanger"),
    "charge_yield": Parameter(0.99, "kWh/kWh", "PyPSA technology-data (PNNL)"),
    "electric_yield": Parameter(0.44, "kWh/kWh", "PyPSA technology-data: low temperature; high temperature 0.54"),
    "waste_heat_yield": Parameter(0.40, "kWh/kWh", "engineering value: what a back-pressure turbine leaves"),
    "heat_yield": Parameter(0.96, "kWh/kWh", "engineering value: 0.95 to 0.98"),
    "loss_per_day": Parameter(0.015, "1", "engineering value: 0.01 to 0.02 at 10 MWh, more when small"),
    "floor_share": Parameter(0.10, "1", "engineering value: guard against freezing"),
    "least_share": Parameter(0.25, "1", "engineering value: turn-down 0.2 to 0.3"),
    "start_cost_eur": Parameter(2.0, "€", "engineering value: half an hour of full-power heat"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the salt store with heater, turbine and heat exchanger."""
    capacity, electric = values["capacity_kwh"], values["electric_yield"]
    store = Store("salt", capacity, capacity * values["floor_share"], (1.0 - values["loss_per_day"]) ** (1 / 24))
    turbine = Converter(
        "turbine",
        "salt",
        ((ELECTRICITY, electric), (HEAT, values["waste_heat_yield"])),
        values["turbine_kw"] / electric,
        least_share=values["least_share"],
        start_cost_eur=values["start_cost_eur"],
        least_on_h=1.0,
    )
    return Layer(
        KIND,
        (store,),
        (
            Converter("heater", ELECTRICITY, (("salt", values["charge_yield"]),), values["charge_kw"]),
            turbine,
            Converter("heat", "salt", ((HEAT, values["heat_yield"]),), values["heat_kw"] / values["heat_yield"]),
        ),
    )
