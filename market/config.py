"""Parameters of the market. Consensus: part of the community's genesis, the same on every machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """Bounds and timing of the books of one community."""

    interval_length_s: int = 900
    """Length of a delivery interval; one of 300, 900, 1800, 3600 s."""
    gate_lead_s: int = 300
    """The gate closes this long before delivery starts, ≥ 0 s."""
    tick_ueur_per_kwh: int = 1_000
    """Every price is a multiple of it, ≥ 1 µ€/kWh."""
    price_floor_ueur_per_kwh: int = -500_000
    price_ceiling_ueur_per_kwh: int = 1_000_000
    quantity_max_wh: int = 1_000_000
    """Largest single order, Wh."""
    shortfall_price_max_ueur_per_kwh: int = 1_000_000
    """Highest price at which a seller can be charged for energy not delivered; sizes a seller's collateral."""
    open_orders_max: int = 65_536
    """Resting orders one interval's book can hold."""
    accounts_max: int = 65_536

    def gate_closure(self, interval: int) -> int:
        """Return the first second at which orders for an interval are refused."""
        return interval - self.gate_lead_s
