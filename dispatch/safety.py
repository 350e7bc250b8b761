"""The last layer before a device: follow the grid exchange that was agreed, and never leave the battery's limits.

A plan is made for forecast energies; what comes is different. Correcting the battery so that the *grid exchange*
keeps to what was contracted recovers about half of what forecast errors cost. The correction has a dead band: between
two exchanges the battery rests, because moving it would cost more than the deviation.
Units: Wh per interval, AC side; exchange is positive for import (passive sign convention); all int.
Refuses nothing: any band, however wrong, ends in a step that the battery can do (invariant D1).
"""

from dataclasses import dataclass
from typing import Final

from dispatch.storage import Battery
from energy.interval import QUARTER_HOUR_S

UNBOUNDED_WH: Final = 2**62


@dataclass(frozen=True, slots=True)
class GridBand:
    """Grid exchanges at which the battery rests."""

    low_wh: int = -UNBOUNDED_WH
    """Below it the battery charges; an export is negative."""
    high_wh: int = UNBOUNDED_WH
    """Above it the battery discharges; ≥ `low_wh`."""

    def __post_init__(self) -> None:
        if self.low_wh > self.high_wh:
            raise ValueError(f"a band runs from low to high, not from {self.low_wh} to {self.high_wh} Wh")


def actuate(
    battery: Battery, band: GridBand, load_wh: int, pv_wh: int, length_s: int = QUARTER_HOUR_S
) -> tuple[int, int]:
    """Return the AC charge and discharge (Wh) that bring the grid exchange into a band as far as allowed.

    The result always passes `Battery.step`: within power, room and reserve, never both ways at once. A battery that
    may not charge from the grid takes at most the solar surplus of the moment.

    Args:
        battery: As it is when the interval begins.
        band: Where the exchange should lie.
        load_wh: Energy used, ≥ 0.
        pv_wh: Solar energy produced, ≥ 0.
        length_s: Length of the interval.
    """
    net_wh = load_wh - pv_wh
    if net_wh > band.high_wh:
        return 0, min(net_wh - band.high_wh, battery.discharge_max_wh(length_s))
    if net_wh < band.low_wh:
        charge_wh = min(band.low_wh - net_wh, battery.charge_max_wh(length_s))
        return (charge_wh if battery.spec.charge_from_grid else min(charge_wh, max(0, -net_wh))), 0
    return 0, 0
