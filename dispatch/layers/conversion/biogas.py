"""A biogas engine that makes electricity and heat, with the gas that a digester gives it."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, HEAT, NOWHERE, Converter, Layer, Parameter, Store

KIND: Final = "biogas"
DEA: Final = "PyPSA technology-data, costs_2025.csv"
PARAMETERS: Final = {
    "engine_kw": Parameter(20.0, "kW electric", "of the engine"),
    "digester_kw": Parameter(25.0, "kW gas", "what the digester gives at all hours"),
    "gas_store_kwh": Parameter(250.0, "kWh gas", "engineering value: 4 to 12 h"),
    "electric_yield": Parameter(0.35, "kWh/kWh", DEA + ", micro; large 0.40"),
    "heat_yield": Parameter(0.60, "kWh/kWh", DEA),
    "upkeep_eur_per_kwh": Parameter(0.0057, "€/kWh electric", DEA),
    "gas_eur_per_kwh": Parameter(0.0, "€/kWh gas", "own residues; the price where substrate is bought"),
    "least_share": Parameter(0.5, "1", "engineering value"),
    "start_eur_per_kw": Parameter(0.5, "€/kW", "engineering value"),
    "least_on_h": Parameter(2.0, "h", "engineering value"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return digester, gas store and engine; the digester may flare, so its gas is not forced into the store."""
    electric = values["electric_yield"]
    engine = Converter(
        "engine",
        "gas",
        ((ELECTRICITY, electric), (HEAT, values["heat_yield"])),
        values["engine_kw"] / electric,
        values["upkeep_eur_per_kwh"] * electric,
        least_share=values["least_share"],
        start_cost_eur=values["start_eur_per_kw"] * values["engine_kw"],
        least_on_h=values["least_on_h"],
    )
    digester = Converter("digester", NOWHERE, (("gas", 1.0),), values["digester_kw"], values["gas_eur_per_kwh"])
    return Layer(KIND, (Store("gas", values["gas_store_kwh"]),), (digester, engine))
