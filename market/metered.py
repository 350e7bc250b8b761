"""What settlement and certificates need to know of a meter's interval. Units: Wh, all int.

Whoever reads the meters turns a signed reading into a `Metered`; `final` says whether that reading may settle for good
and certify, `provisional` whether it may settle until it is corrected.
"""

from dataclasses import dataclass
from enum import IntEnum

from energy.identity import Address, MeterId
from energy.quantities import ENERGY_WH_MAX


class Source(IntEnum):
    """Where a device's export comes from, as certificates and the registry of meters write it."""

    UNKNOWN = 0
    """No proof of origin: the residual."""
    SOLAR = 1
    STORAGE = 2
    """Discharged from storage that was charged with certified energy."""
    WIND = 3
    BIOGAS = 4
    WASTE_HEAT = 5
    HYDROGEN = 6


@dataclass(frozen=True, slots=True)
class Metered:
    """Energy of one meter in one interval.

    Raises:
        ValueError: an energy below 0 or above ENERGY_WH_MAX.
    """

    account: Address
    """Who pays and is paid for this meter; an account may have several."""
    meter: MeterId
    source: Source
    """Of what the meter exports."""
    import_wh: int
    """Drawn from the grid, ≥ 0."""
    export_wh: int
    """Fed into the grid, ≥ 0."""
    final: bool
    """Validated by a trusted meter; False for anything else, which certifies nothing (O3)."""
    provisional: bool = False
    """Not final, and settles all the same until a reading corrects it: an estimate, or what a person has entered (S4).
    """

    @property
    def settles(self) -> bool:
        """Say whether money may rest on it."""
        return self.final or self.provisional

    def __post_init__(self) -> None:
        for name, wh in (("import_wh", self.import_wh), ("export_wh", self.export_wh)):
            if not 0 <= wh <= ENERGY_WH_MAX:
                raise ValueError(f"{name} is {wh}, but must be 0 to {ENERGY_WH_MAX} Wh")
