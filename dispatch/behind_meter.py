"""What happens behind one connection, from the meters there: grid, sun, wind and heat if they have their own, and each
metered device.

What the house uses is what was drawn, less what was fed in, plus the sun's and the wind's, less what devices drew.
Without a meter of its own the sun is not told apart: what is fed in beyond the devices counts as sun, the rest as use.
A heat meter counts what is needed; it may be slow, or away, and everything else goes on.
Units: Wh, W, UTC epoch seconds; all int. Refuses, with `ValueError`: a meter that the home does not have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dispatch.energy_meter import Energies, EnergyMeter, Reading

GRID: Final = "grid"
SUN: Final = "solar"
WIND: Final = "wind"
HEAT: Final = "heat"
HEAT_MOST: Final = 10
"""A heat pump gives several times what the connection carries."""


@dataclass(frozen=True, slots=True)
class Behind:
    """One stretch of time."""

    grid: Energies
    load_wh: int
    """Use before devices and sun, ≥ 0."""
    pv_wh: int
    """Of the sun, ≥ 0."""
    devices: Mapping[str, Energies]
    """Of each metered device: what it drew (import) and gave (export)."""

    wind_wh: int = 0
    """Of turbines, ≥ 0."""
    heat_wh: int | None = None
    """That was needed; None when the heat meter did not say."""

    @property
    def moved_wh(self) -> int:
        """Drawn by devices less given by them."""
        return sum(each.net_wh for each in self.devices.values())


class BehindMeter:
    """All meters of a home."""

    def __init__(self, most_w: int, own: Iterable[str], devices: Iterable[str]) -> None:
        """Begin.

        Args:
            most_w: Of the connection.
            own: Which of `SUN`, `WIND` and `HEAT` have a meter of their own.
            devices: Names of the metered ones.
        """
        names = (GRID, *own, *devices)
        self.meters = {name: EnergyMeter(most_w * (HEAT_MOST if name == HEAT else 1)) for name in names}

    def heard(self, meter: str, at: int, import_index_wh: int, export_index_wh: int) -> bool:
        """Take in what a meter shows, and return whether it is believed."""
        if meter not in self.meters:
            raise ValueError(f"no meter {meter!r}; there are {', '.join(self.meters)}")
        return self.meters[meter].heard(at, import_index_wh, export_index_wh)

    def between(self, start: int, end: int) -> Behind | None:
        """Return what happened from one instant to another; None unless every meter's readings, but the heat's, reach
        around it.
        """
        found = {name: meter.between(start, end) for name, meter in self.meters.items()}
        heat = found.pop(HEAT, None)
        known = {name: energies for name, energies in found.items() if energies is not None}
        if len(known) < len(found):
            return None
        grid, sun, wind = known.pop(GRID), known.pop(SUN, None), known.pop(WIND, None)
        wind_wh = 0 if wind is None else max(0, -wind.net_wh)
        net_wh = grid.net_wh - sum(each.net_wh for each in known.values()) + wind_wh
        pv_wh = max(0, -net_wh) if sun is None else max(0, -sun.net_wh)
        heat_wh = None if heat is None else max(0, heat.net_wh)
        return Behind(grid, max(0, net_wh + pv_wh), pv_wh, known, wind_wh, heat_wh)

    def net_w(self) -> int | None:
        """Return use less sun and wind now; None when a meter has not said enough."""
        powers = {name: meter.power_w() for name, meter in self.meters.items() if name not in (SUN, WIND, HEAT)}
        if any(power is None for power in powers.values()):
            return None
        return sum((power or 0) * (1 if name == GRID else -1) for name, power in powers.items())

    def kept_from(self, start: int) -> dict[str, list[Reading]]:
        """Return the readings of each meter with which, after a restart, counting goes on from an instant."""
        return {name: meter.kept_from(start) for name, meter in self.meters.items()}

    def heard_until(self) -> int | None:
        """Return up to when all meters but the heat's have spoken; None before that."""
        last = [meter.last_at for name, meter in self.meters.items() if name != HEAT]
        known = [at for at in last if at is not None]
        return min(known) if len(known) == len(last) else None
