"""The switched loads of a home: what they may draw without the grid, what they are told, and what they say.

Units: W, Wh, UTC epoch seconds. What can not be understood of what switches say is passed over.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dispatch.island.ramp import Ramp
from dispatch.island.restart import Restart, Supply, SwitchedLoad
from dispatch.island.sharing import reserve_for_critical
from dispatch.plant import Plant
from dispatch.site_plan import SiteForecast

DISCHARGED_OVER_S: Final = 60
"""Power of the stores is what they can give for so long."""
WHOLE_S: Final = 10**7
"""Long enough for any store to give all that it has."""
DAY_S: Final = 86_400
EFFICIENCY_PERMILLE: Final = 850
"""Of a battery, there and back."""


class Switches:
    """One home's."""

    def __init__(self, loads: Sequence[SwitchedLoad], import_max_w: int, saved: Mapping[str, bool]) -> None:
        self.restart = Restart(loads, saved)
        self._import_max_w = import_max_w

    def said(self, words: Mapping[str, Any]) -> None:
        """Take in what switches say: true for on."""
        for name, on in words.items():
            if type(on) is bool:
                self.restart.acknowledged(name, on)

    def step(
        self,
        now: int,
        plant: Plant,
        net_w: int,
        allowed_w: int,
        forecast: SiteForecast | None,
        *,
        island: bool,
        ramp: Ramp | None,
    ) -> bool:
        """Decide what is on, and return whether that is something else than before.

        Args:
            now: UTC epoch seconds.
            plant: The home's devices.
            net_w: Use less sun now, switched loads that run included.
            allowed_w: What neighbours give in an island; negative for what they get.
            forecast: The newest one.
            island: Whether there is no grid.
            ramp: The way back; None when it is over.
        """
        before = dict(self.restart.on)
        return self.restart.step(now, self._supply(now, plant, net_w, allowed_w, forecast, island, ramp)) != before

    def _supply(
        self,
        now: int,
        plant: Plant,
        net_w: int,
        allowed_w: int,
        forecast: SiteForecast | None,
        island: bool,
        ramp: Ramp | None,
    ) -> Supply:
        base_w = net_w - self.restart.running_w
        if not island and ramp is None:
            return Supply(self._import_max_w - base_w, sheds=False)
        given_w = plant.copy().discharge(10**9, now, DISCHARGED_OVER_S) * 3_600 // DISCHARGED_OVER_S
        if ramp is not None and not island:
            return Supply(given_w + ramp.within(now, self._import_max_w) - base_w, sheds=False)
        stored_wh = plant.copy().discharge(10**12, now, WHOLE_S)
        others_w = None if stored_wh > self._reserve_wh(forecast) else allowed_w - base_w
        return Supply(given_w + allowed_w - base_w, sheds=True, others_w=others_w)

    @staticmethod
    def _reserve_wh(forecast: SiteForecast | None) -> int:
        """Return what the home's own use of the next day needs of the stores."""
        if forecast is None:
            return 0
        wind = forecast.wind_wh or (0,) * len(forecast.pv_wh)
        sources = [sun + blown for sun, blown in zip(forecast.pv_wh, wind, strict=True)]
        steps = len(sources) // 2 or 1
        return reserve_for_critical(forecast.load_wh[:steps], sources[:steps], EFFICIENCY_PERMILLE)

    def commands(self) -> list[dict[str, Any]]:
        """Return what switches are told, as JSON values."""
        return [{"name": name, "on": on} for name, on in self.restart.on.items()]

    def document(self) -> list[dict[str, Any]]:
        """Return each load by its place in the published sequence, and how it stands."""
        return [
            {
                "name": load.name,
                "priority": load.priority,
                "power_w": load.power_w,
                "on": self.restart.on[load.name],
                "acknowledged": self.restart.said[load.name] is self.restart.on[load.name],
            }
            for load in self.restart.loads
        ]
