"""Shows the plan of a home's storage on the page of the node beside it, for an agent that was told to.

A home's plan is its own: nothing is shown unless its owner names the node's folder, as whoever runs the community's
battery does. See `node.planning.storage_plan`. Refuses, with `Misconfigured`: a folder that is none, a home without a
storage.
"""

import logging
from pathlib import Path

from dispatch.plant import Plant
from dispatch.site_plan import SitePlan
from energy.errors import Misconfigured
from node.planning.storage_plan import write

logger = logging.getLogger(__name__)


class PagePlan:
    """One storage's."""

    def __init__(self, folder: Path, plant: Plant) -> None:
        """Choose what is shown: the first device that stores anything.

        Raises:
            Misconfigured: no such folder, or no such device.
        """
        stores = (device.name for device, layer in zip(plant.devices, plant.layers, strict=True) if layer.stores)
        device = next(stores, None)
        if device is None:
            raise Misconfigured("the home has no storage whose plan could be shown")
        if not folder.is_dir():
            raise Misconfigured(f"{folder} is no folder of a node on this machine")
        self._folder, self._device = folder, device

    def show(self, now: int, plant: Plant, plan: SitePlan | None) -> None:
        """Tell the newest plan; None takes it off the page. A disk that refuses stops no device."""
        try:
            write(self._folder, self._device, now, plant, plan, self._device)
        except OSError as error:
            logger.warning("the page is not told the plan: %s", error)
