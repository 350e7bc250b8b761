"""How a site follows the grid exchange that was agreed: its devices through one interval, or the rest of one.

Units: Wh, W, UTC epoch seconds; all int. Refuses: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dispatch.plant import Plant


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a site did in one interval."""

    import_wh: int
    """Drawn from the grid, ≥ 0."""
    export_wh: int
    """Fed into the grid, ≥ 0; never in the same interval as an import."""
    charge_wh: int
    """Into stores that follow the meter."""
    discharge_wh: int
    stored_milliwh: int
    """Content of all stores at the end."""


@dataclass(frozen=True, slots=True)
class Underway:
    """How an interval goes so far, by the meters."""

    net_w: int
    """Use less sun behind the connection now, without the devices."""
    exchange_wh: int
    """Drawn from the grid less fed in, since the interval began."""
    moved_wh: int
    """Drawn by stores that follow the meter less given by them, since the interval began."""
    position_wh: int
    """Contracted exchange of the whole interval, bought minus sold."""


STEERED_S_MIN: Final = 60
"""The rest of an interval is steered as if it were at least this long: 1 Wh is 60 W then."""


@dataclass(slots=True)
class Intention:
    """What was decided for an interval at quoting, for use at delivery."""

    net_wh: int
    """Forecast load minus sun."""
    setpoints_wh: dict[str, int]
    """Of the converters that keep to the plan."""
    forced_wh: int
    """What stores take (negative: give) at any price of the tariff band."""
    charges: bool
    """Whether charging more is worth at least the export tariff."""
    discharges: bool
    """Whether discharging more costs at most the import tariff."""
    quoted_position_wh: int
    """Bought minus sold when the quotes were made."""
    position_wh: int
    """Bought minus sold so far."""
    at_shared_wh: int | None = None
    """What stores take (negative: give) at the price that neighbours share at; None when it was not planned."""

    def filled_wh(self) -> int:
        """Return what was traded since the quotes were made; they are on one side, so it only grows."""
        return abs(self.position_wh - self.quoted_position_wh)


def drive(plant: Plant, start: int, length_s: int, kept: Intention, net_wh: int, position_wh: int) -> Exchange:
    """Run a plant through an interval, or the rest of one, and return what crosses the connection.

    The *grid exchange* that was agreed is followed, not the battery power that was planned: correcting by the meter
    recovers about half of what forecast errors cost. Beyond what was contracted, stores take surplus only where
    that is worth the export tariff, and give only where that costs no more than the import tariff; in between they
    rest, since moving them would cost more than the deviation.

    Args:
        plant: Its contents change.
        start: Begin, UTC epoch seconds.
        length_s: How long.
        kept: What was decided when the site quoted.
        net_wh: Use less sun behind the connection, without the devices.
        position_wh: Contracted exchange, bought minus sold.
    """
    plant.keep(length_s)
    net_wh += run_slow(plant, kept.setpoints_wh, start, length_s)
    must_wh = max(kept.forced_wh, plant.must_charge_wh(start, length_s))
    charge_wh = plant.charge(must_wh, -net_wh, start, length_s) if must_wh > 0 else 0
    discharge_wh = 0
    left_wh = net_wh + charge_wh
    if left_wh < position_wh and kept.forced_wh >= 0 and (position_wh > 0 or kept.charges):
        charge_wh += plant.charge(position_wh - left_wh, -left_wh, start, length_s)
    elif not charge_wh:
        wanted_wh = left_wh - position_wh if position_wh < 0 or kept.discharges else 0
        discharge_wh = plant.discharge(max(wanted_wh, -kept.forced_wh, 0), start, length_s)
    net_wh += charge_wh - discharge_wh
    return Exchange(max(0, net_wh), max(0, -net_wh), charge_wh, discharge_wh, plant.stored_milliwh)


def run_slow(plant: Plant, setpoints_wh: Mapping[str, int], start: int, length_s: int) -> int:
    """Run what keeps to the plan, and return what it adds to the site's use."""
    return sum(plant.draws_wh(name, plant.run(name, setpoints_wh.get(name, 0), start, length_s)) for name in plant.slow)
