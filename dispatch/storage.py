"""A battery and its energy, exactly.

Charge and discharge are metered on the AC side in Wh; the store is kept in milliwatt-hours (1/1000 Wh), so that a
whole Wh times an efficiency in per mille is exact. What a discharge takes from the store is rounded up, so a battery
never gives back more than its efficiencies allow. Self-discharge (about 2 % a month) is left out.
Units: Wh, W, milli-Wh, per mille, µ€/kWh; all int. Refuses, with `ValueError`: any step outside the limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Final

from energy.interval import QUARTER_HOUR_S

MILLIWH_PER_WH: Final = 1_000
WEAR_UEUR_PER_KWH: Final = 20_000
"""Default wear of a lithium battery per kWh given back: 0.02 €, the lower end of cell price over cycle life."""


@dataclass(frozen=True, slots=True)
class BatterySpec:
    """What a battery can do."""

    capacity_wh: int
    """Usable energy of the store, ≥ 1."""
    power_w: int
    """Largest power either way, on the AC side, ≥ 1."""
    charge_efficiency_permille: int
    """Stored per AC energy taken, 1 to 1000."""
    discharge_efficiency_permille: int
    """AC energy given per energy taken from the store, 1 to 1000."""
    wear_ueur_per_kwh: int = WEAR_UEUR_PER_KWH
    """Cost of ageing per AC kWh discharged, ≥ 0."""
    charge_from_grid: bool = False
    """Whether it may charge from more than the site's own solar surplus. Home batteries may not: their energy stays
    solar."""
    reserve_wh: int = 0
    """Stored energy that trading never touches, 0 to `capacity_wh`."""

    def __post_init__(self) -> None:
        for efficiency in (self.charge_efficiency_permille, self.discharge_efficiency_permille):
            if not 1 <= efficiency <= 1_000:
                raise ValueError(f"an efficiency is 1 to 1000 per mille, not {efficiency}")
        if self.capacity_wh < 1 or self.power_w < 1 or self.wear_ueur_per_kwh < 0:
            raise ValueError("capacity and power are at least 1, wear is at least 0")
        if not 0 <= self.reserve_wh <= self.capacity_wh:
            raise ValueError(f"the reserve is 0 to {self.capacity_wh} Wh, not {self.reserve_wh}")

    @property
    def capacity_milliwh(self) -> int:
        """Usable energy of the store in milli-Wh."""
        return self.capacity_wh * MILLIWH_PER_WH

    @property
    def reserve_milliwh(self) -> int:
        """Reserve in milli-Wh."""
        return self.reserve_wh * MILLIWH_PER_WH

    def energy_max_wh(self, length_s: int) -> int:
        """Return the AC energy at full power in an interval, rounded down."""
        return self.power_w * length_s // 3_600

    def stored_by(self, charge_wh: int) -> int:
        """Return the milli-Wh that an AC charge adds to the store; exact."""
        return charge_wh * self.charge_efficiency_permille

    def taken_by(self, discharge_wh: int) -> int:
        """Return the milli-Wh that an AC discharge takes from the store, rounded up."""
        return -(-discharge_wh * 1_000_000 // self.discharge_efficiency_permille)

    def charge_down(self, milliwh: int) -> int:
        """Return the AC Wh that charge at most so many milli-Wh, rounded down."""
        return milliwh // self.charge_efficiency_permille

    def discharge_down(self, milliwh: int) -> int:
        """Return the AC Wh that at most so many milli-Wh of the store give, rounded down."""
        return milliwh * self.discharge_efficiency_permille // 1_000_000


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery at one moment."""

    spec: BatterySpec
    stored_milliwh: int
    """Energy in the store, 0 to capacity."""

    def __post_init__(self) -> None:
        if not 0 <= self.stored_milliwh <= self.spec.capacity_milliwh:
            raise ValueError(f"stored energy is 0 to {self.spec.capacity_milliwh} milli-Wh, not {self.stored_milliwh}")

    @property
    def stored_wh(self) -> int:
        """Energy in the store, whole Wh, rounded down."""
        return self.stored_milliwh // MILLIWH_PER_WH

    def charge_max_wh(self, length_s: int = QUARTER_HOUR_S) -> int:
        """Return the largest AC charge of an interval: power and room."""
        room = self.spec.capacity_milliwh - self.stored_milliwh
        return min(self.spec.energy_max_wh(length_s), self.spec.charge_down(room))

    def discharge_max_wh(self, length_s: int = QUARTER_HOUR_S) -> int:
        """Return the largest AC discharge of an interval: power, and energy above the reserve."""
        above_reserve = max(0, self.stored_milliwh - self.spec.reserve_milliwh)
        return min(self.spec.energy_max_wh(length_s), self.spec.discharge_down(above_reserve))

    def step(self, charge_wh: int, discharge_wh: int, length_s: int = QUARTER_HOUR_S) -> "Battery":
        """Return the battery after an interval of charging or discharging.

        Raises:
            ValueError: both at once, negative, or beyond `charge_max_wh` / `discharge_max_wh` (invariant D1).
        """
        if charge_wh and discharge_wh:
            raise ValueError("a battery does not charge and discharge in the same interval")
        if not 0 <= charge_wh <= self.charge_max_wh(length_s):
            raise ValueError(f"charge is 0 to {self.charge_max_wh(length_s)} Wh, not {charge_wh}")
        if not 0 <= discharge_wh <= self.discharge_max_wh(length_s):
            raise ValueError(f"discharge is 0 to {self.discharge_max_wh(length_s)} Wh, not {discharge_wh}")
        change = self.spec.stored_by(charge_wh) - self.spec.taken_by(discharge_wh)
        return Battery(self.spec, self.stored_milliwh + change)


def default_home_battery(row: Mapping[str, str]) -> BatterySpec | None:
    """Return the battery in a row of the homes table, or None where the home has none.

    Args:
        row: Columns `battery_wh`, `battery_w` and `battery_efficiency_permille` (for the round trip, split into two
            nearly equal ways whose product does not exceed it).
    """
    capacity_wh = int(row["battery_wh"] or 0)
    if not capacity_wh:
        return None
    round_trip = int(row["battery_efficiency_permille"])
    charge = isqrt(round_trip * 1_000)
    return BatterySpec(capacity_wh, int(row["battery_w"]), charge, round_trip * 1_000 // charge)
