"""Electrolyser, tank and fuel cell: days to seasons. The heat of both conversions is used where there is a need."""

from collections.abc import Mapping
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, HEAT, Converter, Layer, Parameter, Store

KIND: Final = "hydrogen"
DEA: Final = "PyPSA technology-data, costs_2025.csv"
PARAMETERS: Final = {
    "capacity_kwh": Parameter(3_000.0, "kWh LHV", "of the tank"),
    "electrolyser_kw": Parameter(50.0, "kW electric", "of the device"),
    "fuel_cell_kw": Parameter(25.0, "kW electric", "of the device"),
    "hydrogen_yield": Parameter(0.587, "kWh LHV/kWh", DEA + ", PEM"),
    "compressed_share": Parameter(0.93, "1", "engineering value: compression takes 0.05 to 0.10"),
    "electrolyser_heat_yield": Parameter(0.264, "kWh/kWh", DEA),
    "electric_yield": Parameter(0.50, "kWh/kWh LHV", DEA + ", fuel cell CHP"),
    "fuel_cell_heat_yield": Parameter(0.40, "kWh/kWh LHV", DEA + ", c_b 1.25"),
    "electrolyser_least_share": Parameter(0.05, "1", "IRENA, PMC9332215: PEM 0.05, alkaline 0.15"),
    "fuel_cell_least_share": Parameter(0.10, "1", "engineering value"),
    "stack_wear_eur_per_kwh": Parameter(0.02, "€/kWh electric", "engineering value: 0.02 to 0.03 at 50 to 80 kh"),
    "electrolyser_start_eur_per_kw": Parameter(0.3, "€/kW", "engineering value"),
    "fuel_cell_start_eur_per_kw": Parameter(0.2, "€/kW", "engineering value"),
    "floor_share": Parameter(0.06, "1", DEA + ", type 1 tank"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the chain; `start` costs are of the whole device."""
    capacity, electric = values["capacity_kwh"], values["electric_yield"]
    electrolyser = Converter(
        "electrolyser",
        ELECTRICITY,
        (("tank", values["hydrogen_yield"] * values["compressed_share"]), (HEAT, values["electrolyser_heat_yield"])),
        values["electrolyser_kw"],
        values["stack_wear_eur_per_kwh"],
        least_share=values["electrolyser_least_share"],
        start_cost_eur=values["electrolyser_start_eur_per_kw"] * values["electrolyser_kw"],
        least_on_h=1.0,
    )
    fuel_cell = Converter(
        "fuel_cell",
        "tank",
        ((ELECTRICITY, electric), (HEAT, values["fuel_cell_heat_yield"])),
        values["fuel_cell_kw"] / electric,
        values["stack_wear_eur_per_kwh"] * electric,
        least_share=values["fuel_cell_least_share"],
        start_cost_eur=values["fuel_cell_start_eur_per_kw"] * values["fuel_cell_kw"],
        least_on_h=1.0,
    )
    return Layer(KIND, (Store("tank", capacity, capacity * values["floor_share"]),), (electrolyser, fuel_cell))
