"""Why a plan does what it does now: facts for a sentence in any language.

A device charges because energy is cheaper now than when it gives it back, gives because energy is dearer now than what
it costs to have it again, and rests because nothing later is worth the way there and back. Prices are those of the plan
itself: what one more kWh is worth at the site in that step, the supplier's, the neighbours' or that of its own sun.
Units: Wh metered, µ€/kWh, g CO2e/kWh, UTC epoch seconds; all int. Refuses: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats
from dispatch.optimiser.parts import ELECTRICITY, NOWHERE, Converter
from dispatch.plant import Device, Plant
from dispatch.site_plan import SitePlan

LITTLE_KWH: Final = 0.005
"""Less than this in a step is no action."""


class Action(IntEnum):
    """What a device does in the first step."""

    CHARGE = 1
    GIVE = 2
    RUN = 3
    """A source or a converter without a store."""
    REST = 4


@dataclass(frozen=True, slots=True)
class Why:
    """One device, now."""

    device: str
    action: Action
    energy_wh: int
    """What it draws or gives in the first step; 0 at rest."""
    price_now_ueur_per_kwh: int
    """What energy is worth at the site now."""
    carbon_now_g_per_kwh: int | None
    """Of energy from the grid; None when nobody said."""
    then: int | None
    """When the plan turns it round: gives what it charges, or charges again; None when not within the plan."""
    price_then_ueur_per_kwh: int | None
    kept_until: int | None = None
    """Departure for which a car must be charged, when that is why."""


def explain(plant: Plant, plan: SitePlan, carbon_g_per_kwh: Sequence[int] | None = None) -> tuple[Why, ...]:
    """Return the reason of each device that has anything to do within the plan, in the plant's sequence.

    Args:
        plant: As it was when it was planned.
        plan: Of that plant.
        carbon_g_per_kwh: Of the grid, per step of the plan.
    """
    worth = plan.programme.price_eur_per_kwh[ELECTRICITY]
    carbon = None if carbon_g_per_kwh is None else carbon_g_per_kwh[0]
    return tuple(
        _why(plant, plan, device, layer.converters, worth, carbon)
        for device, layer in zip(plant.devices, plant.layers, strict=True)
    )


def _why(
    plant: Plant,
    plan: SitePlan,
    device: Device,
    converters: Sequence[Converter],
    worth: Floats,
    carbon: int | None,
) -> Why:
    into, out = np.zeros(len(worth)), np.zeros(len(worth))
    for part in converters:
        taken = plan.programme.taken_kwh[part.name]
        if part.takes == ELECTRICITY:
            into = into + taken
        else:
            given = [share for to, share in part.gives if to not in plant.stores]
            out = out + taken * max(given, default=0.0)
    stores = any(part.takes in plant.stores for part in converters)
    sources = any(part.takes == NOWHERE for part in converters) and not stores
    if into[0] > LITTLE_KWH:
        action, energy, turned = (Action.CHARGE if stores else Action.RUN), into[0], out
    elif out[0] > LITTLE_KWH:
        action, energy, turned = (Action.RUN if sources else Action.GIVE), out[0], into
    else:
        action, energy, turned = Action.REST, 0.0, np.maximum(into, out)
    later = np.flatnonzero(turned[1:] > LITTLE_KWH) + 1
    best: int | None = None
    if len(later):
        pick = later[np.argmax(worth[later])] if action is Action.CHARGE else later[0]
        best = int(pick)
    stay = plant.stays.get(device.name)
    must = stay is not None and action is Action.CHARGE and best is None
    return Why(
        device.name,
        action,
        round(1e3 * float(energy)),
        round(1e6 * float(worth[0])),
        carbon,
        None if best is None else plan.begins[best],
        None if best is None else round(1e6 * float(worth[best])),
        stay.until if must and stay is not None else None,
    )
