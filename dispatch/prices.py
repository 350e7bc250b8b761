"""Prices that a site faces: the supplier's tariff, and what it expects of the local market.

Units: µ€/kWh, Wh per interval; all int.
Refuses, with `ValueError`: prices that would pay for buying and selling back at once.
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

    @property
    def shared_ueur_per_kwh(self) -> int:
        """Price at which a community shares what trades and meters differ by, as `market.local_terms` has it."""
        return (self.import_ueur_per_kwh + self.export_ueur_per_kwh) // 2


@dataclass(frozen=True, slots=True)
class LocalOutlook:
    """What a site expects of the local market in one interval."""

    price_ueur_per_kwh: int
    spread_ueur_per_kwh: int
    """How far above the price buying and below it selling is planned, ≥ 0: the doubt about finding a partner at it."""
    depth_wh: int
    """Energy that can be traded near that price, ≥ 0; more goes at the supplier's tariff."""


@dataclass(frozen=True, slots=True)
class ExchangePrices:
    """What the grid exchange of one interval costs, as a convex function of four straight pieces.

    Fed in beyond the depth: `export`. Fed in within it: `sell`. Drawn within it: `buy`. Drawn beyond: `import`.
    """

    export_ueur_per_kwh: int
    sell_ueur_per_kwh: int
    buy_ueur_per_kwh: int
    import_ueur_per_kwh: int
    depth_wh: int
    """Length of each of the two inner pieces, ≥ 0."""

    def __post_init__(self) -> None:
        if list(self.tiers) != sorted(self.tiers) or self.depth_wh < 0:
            raise ValueError(f"exchange prices rise from export to import, and depth is at least 0: {self}")

    @property
    def tiers(self) -> tuple[int, int, int, int]:
        """The four prices, from the outermost export to the outermost import, µ€/kWh."""
        return self.export_ueur_per_kwh, self.sell_ueur_per_kwh, self.buy_ueur_per_kwh, self.import_ueur_per_kwh


def exchange_prices(tariffs: Sequence[GridTariff], local: Sequence[LocalOutlook]) -> tuple[ExchangePrices, ...]:
    """Return the prices to plan with: the local price with its spread, kept within the supplier's band."""
    return tuple(
        ExchangePrices(
            tariff.export_ueur_per_kwh,
            _within(tariff, market.price_ueur_per_kwh - market.spread_ueur_per_kwh),
            _within(tariff, market.price_ueur_per_kwh + market.spread_ueur_per_kwh),
            tariff.import_ueur_per_kwh,
            market.depth_wh,
        )
        for tariff, market in zip(tariffs, local, strict=True)
    )


def _within(tariff: GridTariff, price_ueur_per_kwh: int) -> int:
    return min(max(price_ueur_per_kwh, tariff.export_ueur_per_kwh), tariff.import_ueur_per_kwh)
