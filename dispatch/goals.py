"""What a community, or a home, cares for besides the bill, at the prices that it gives to it.

Units: µ€, g CO2e, kW, thousandths; all int.
Refuses, with `ValueError`: a goal that is no whole number, below zero or above `GOALS_MAX`.
"""

from dataclasses import dataclass
from typing import Final

PERMILLE: Final = 1_000
GOALS_MAX: Final = {"carbon_ueur_per_g": 10_000, "peak_ueur_per_kw": 10**9, "reserve_permille": PERMILLE}
"""The most that is taken for each goal."""


@dataclass(frozen=True, slots=True)
class Goals:
    """Nothing but the bill, unless told."""

    carbon_ueur_per_g: int = 0
    """Of the grid's CO2e behind what is drawn from the supplier; 100 are 100 €/t."""
    peak_ueur_per_kw: int = 0
    """Of the highest import that is planned."""
    reserve_permille: int = 0
    """Of what stores of electricity can hold, kept for an island."""

    def __post_init__(self) -> None:
        for name, most in GOALS_MAX.items():
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= most:
                raise ValueError(f"{name} is a whole number from 0 to {most}, not {value!r}")


BILL_ALONE: Final = Goals()
