"""Fast power balance of an island: batteries share every change by droop, and bring the frequency back slowly.

Each inverter gives more power the lower the frequency is, in proportion to its rating, so that they share without
talking; within each second the island settles where they balance. A slow integral brings the frequency back.
An inverter at its limit gives no more; what is missing after all of them is shed at once. `balance` is what inverters
that are set as `settings_of` says do by themselves; no loop of seconds runs over a network (docs/adr/0024).
Units: W, mHz; int. One step is a second. Refuses: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dispatch.plant import Plant

NOMINAL_MHZ: Final = 50_000
DROOP_MHZ: Final = 1_000
"""Drop of the frequency from no load to full load: 2 %."""
RESTORED_PER_STEP_PERMILLE: Final = 50
"""Share of the deviation that the slow control takes back each second."""
FREQUENCY_LOW_MHZ: Final = 49_000
FREQUENCY_HIGH_MHZ: Final = 51_000


@dataclass(frozen=True, slots=True)
class Inverter:
    """One grid-forming battery."""

    discharge_max_w: int
    """What it can give now: rating, content and temperature considered; ≥ 0."""
    charge_max_w: int


def settings_of(plant: Plant) -> list[dict[str, Any]]:
    """Return what each inverter that can form an island is to be set to, once: all int, by device."""
    return [
        {
            "name": name,
            "nominal_mhz": NOMINAL_MHZ,
            "droop_mhz": DROOP_MHZ,
            "restored_permille_per_s": RESTORED_PER_STEP_PERMILLE,
            "frequency_low_mhz": FREQUENCY_LOW_MHZ,
            "frequency_high_mhz": FREQUENCY_HIGH_MHZ,
            "discharge_max_w": plant.power_w(name)[1],
            "charge_max_w": plant.power_w(name)[0],
        }
        for name in plant.forming
    ]


@dataclass(frozen=True, slots=True)
class Balance:
    """One second of the island."""

    frequency_mhz: int
    power_w: tuple[int, ...]
    """Of each inverter, discharge positive; sums up to the net load less what is shed and curtailed."""
    shed_w: int
    """Load that must go off at once."""
    curtailed_w: int
    """Sources that must give less at once."""
    offset_mhz: int
    """State of the slow control for the next second."""


def balance(inverters: Sequence[Inverter], net_load_w: int, offset_mhz: int = 0) -> Balance:
    """Return how the inverters share a net load (load minus sun), and the frequency that this leaves.

    Args:
        inverters: All that form the island.
        net_load_w: Positive for a deficit.
        offset_mhz: What the slow control has added so far.
    """
    limits = [each.discharge_max_w if net_load_w > 0 else each.charge_max_w for each in inverters]
    total = sum(limits)
    served = min(abs(net_load_w), total)
    shares = [limit * served // total if total else 0 for limit in limits]
    for place, limit in enumerate(limits):
        more = min(served - sum(shares), limit - shares[place])
        shares[place] += more
    sign = 1 if net_load_w > 0 else -1
    droop = sign * (DROOP_MHZ * served // total if total else 0)
    frequency = min(max(NOMINAL_MHZ - droop + offset_mhz, FREQUENCY_LOW_MHZ), FREQUENCY_HIGH_MHZ)
    missing = abs(net_load_w) - served
    restored = offset_mhz + (NOMINAL_MHZ - frequency) * RESTORED_PER_STEP_PERMILLE // 1_000
    return Balance(
        frequency,
        tuple(sign * share for share in shares),
        missing if net_load_w > 0 else 0,
        missing if net_load_w < 0 else 0,
        min(max(restored, -DROOP_MHZ), DROOP_MHZ),
    )
