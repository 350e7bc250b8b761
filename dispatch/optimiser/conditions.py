"""What a plan is made for: demands, prices, when things are there, and what the community cares for.

Units: kWh per step, kW, €/kWh, kg CO2e/kWh; arrays have one value per step, T steps. Refuses, with `ValueError`:
arrays of other lengths, and values that are no numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dispatch.forecasting.features import Floats


@dataclass(frozen=True, slots=True)
class LocalMarket:
    """What neighbours are expected to pay and to ask, inside the supplier's prices."""

    sell_eur_per_kwh: Floats
    buy_eur_per_kwh: Floats
    """Not below what they pay."""
    depth_kwh: Floats
    """Energy that finds a neighbour either way; more goes at the supplier's price."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a bus may buy and sell outside."""

    import_eur_per_kwh: Floats
    export_eur_per_kwh: Floats
    """Never planned above the import price: a plan does not live on buying and selling back at once."""
    import_max_kw: float
    export_max_kw: float
    carbon_kg_per_kwh: Floats | None = None
    """Of what is imported."""
    doubt_kwh: Floats | None = None
    """Equally likely forecast errors of the bus, shape (J, T), the same J in every plan of a model; the exchange is
    priced at its expectation over them."""
    local: LocalMarket | None = None
    """For models with a local market."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """One horizon."""

    demand_kwh: Mapping[str, Floats]
    """Of each bus: load minus what must be taken (solar); negative for surplus, which may be curtailed."""
    exchange: Mapping[str, Exchange]
    content_kwh: Mapping[str, float]
    """Of each store before the first step; brought within its limits."""
    end_value_eur_per_kwh: Mapping[str, float] = field(default_factory=dict)
    """Worth of what is left in a store at the end: the season's value of hydrogen, tomorrow's of a battery."""
    available: Mapping[str, Floats] = field(default_factory=dict)
    """Share of its power that a converter has, 0 to 1: sun, wind, a car that is parked."""
    floor_kwh: Mapping[str, Floats] = field(default_factory=dict)
    """Least content wanted at the end of each step, where it can be reached: a car at departure."""
    drained_kwh: Mapping[str, Floats] = field(default_factory=dict)
    """What leaves a store in each step for use elsewhere: a drive."""
    running: frozenset[str] = frozenset()
    """Switched converters that run before the first step."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the community cares for, in euros."""

    carbon_eur_per_kg: float = 0.0
    peak_eur_per_kw: float = 0.0
    """Of the highest joint import of the horizon."""
    unserved_eur_per_kwh: float = 10.0
    """Value of lost load."""
    reserve_kwh: float = 0.0
    """Energy that stores of electricity keep together for an island."""
    reserve_eur_per_kwh: float = 0.05
    """Price of a kWh missing in the reserve for an hour."""


def checked(values: Floats, steps: int, name: str) -> Floats:
    """Return an array of one value per step.

    Raises:
        ValueError: another length, or values that are no numbers; says which array.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape[-1:] != (steps,) or not np.isfinite(array).all():
        raise ValueError(f"{name} has {steps} finite values")
    return array
