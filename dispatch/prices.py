"""Prices that a site faces: the supplier's tariff, and what it expects of the local market.

Units: µ€/kWh; all int. Refuses, with `ValueError`: tariffs that would pay for buying and selling back at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GridTariff:
    """The supplier's prices for one interval."""

    import_ueur_per_kwh: int
    """Price of energy drawn beyond what was bought locally."""
    export_ueur_per_kwh: int
    """Price paid for energy fed in beyond what was sold locally; at most the import price."""
    short_ueur_per_kwh: int
    """Price charged for energy sold but not delivered; at least the import price."""
    long_ueur_per_kwh: int
    """Price paid for energy bought but not drawn; at most the export price."""

    def __post_init__(self) -> None:
        prices = (self.long_ueur_per_kwh, self.export_ueur_per_kwh, self.import_ueur_per_kwh, self.short_ueur_per_kwh)
        if list(prices) != sorted(prices):
            raise ValueError(f"a tariff has long ≤ export ≤ import ≤ short, not {prices}")

    @property
    def band_ueur_per_kwh(self) -> int:
        """Width between export and import price: what neighbours can share by trading."""
        return self.import_ueur_per_kwh - self.export_ueur_per_kwh


@dataclass(frozen=True, slots=True)
class LocalPrice:
    """What a site expects of the local market in one interval."""

    expected_ueur_per_kwh: int
    spread_ueur_per_kwh: int
    """How far above it buying and below it selling is planned, ≥ 0: the doubt about finding a partner at it."""


@dataclass(frozen=True, slots=True)
class PriceOutlook:
    """Prices that storage is planned against, one per step; the buying price is at least the selling price."""

    buy_ueur_per_kwh: tuple[int, ...]
    """Expected price of one more Wh drawn: the local market's, at worst the import tariff."""
    sell_ueur_per_kwh: tuple[int, ...]
    """Expected price of one more Wh fed in: the local market's, at worst the export tariff."""

    def __post_init__(self) -> None:
        if len(self.buy_ueur_per_kwh) != len(self.sell_ueur_per_kwh) or not self.buy_ueur_per_kwh:
            raise ValueError("an outlook has at least one step, and as many buying as selling prices")
        if any(buy < sell for buy, sell in zip(self.buy_ueur_per_kwh, self.sell_ueur_per_kwh, strict=True)):
            raise ValueError("an outlook never sells for more than it buys")


def outlook(tariffs: Sequence[GridTariff], local: Sequence[LocalPrice]) -> PriceOutlook:
    """Return the planning prices: the local price with its spread, kept within the supplier's band."""
    buy, sell = [], []
    for tariff, price in zip(tariffs, local, strict=True):
        high = price.expected_ueur_per_kwh + price.spread_ueur_per_kwh
        low = price.expected_ueur_per_kwh - price.spread_ueur_per_kwh
        buy.append(min(tariff.import_ueur_per_kwh, max(high, tariff.export_ueur_per_kwh)))
        sell.append(max(tariff.export_ueur_per_kwh, min(low, tariff.import_ueur_per_kwh)))
    return PriceOutlook(tuple(buy), tuple(sell))
