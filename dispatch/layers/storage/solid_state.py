"""A solid-state battery: as `lithium`, with more power, less loss and less wear. A scenario: no mass market yet."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dispatch.layers.storage import lithium
from dispatch.optimiser.parts import Layer, Parameter

KIND: Final = "solid_state"
PARAMETERS: Final = lithium.PARAMETERS | {
    "power_kw": Parameter(15.0, "kW", "engineering value: 1 to 3 C"),
    "charge_yield": Parameter(0.97, "kWh/kWh", "engineering value: 0.93 to 0.95 both ways, AC"),
    "discharge_yield": Parameter(0.97, "kWh/kWh", "engineering value"),
    "loss_per_month": Parameter(0.01, "1", "engineering value"),
    "wear_eur_per_kwh": Parameter(0.015, "€/kWh given", "engineering value: 0.01 to 0.03"),
}


def layer(values: Mapping[str, float]) -> Layer:
    """Return the battery."""
    return replace(lithium.layer(values), kind=KIND)
