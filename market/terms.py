"""What a community and its grid have agreed on beyond the supplier's tariff: charges, who gets what is left, sharing.

Nothing here is a price by itself: the node reads charges with their dates from a file (`node.coop.charges`), and hands
over those that hold in the interval. Units: Wh, µ€/kWh.
Refuses: two charges of one name on the same energy, with ValueError.
"""

from dataclasses import dataclass
from enum import StrEnum

from energy.identity import Address
from market.mechanism import Sharing


class ChargeOn(StrEnum):
    """Which energy of an account is charged."""

    SUPPLY = "supply"
    """Drawn from the supplier: what was neither bought from neighbours nor shared."""
    NEIGHBOURS = "neighbours"
    """Bought from neighbours and drawn, or shared by them."""
    FEED = "feed"
    """All that was fed in."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A grid tariff, a levy, or a discount, as it holds in one interval."""

    name: str
    """For people: "network", "excise", "local discount"."""
    on: ChargeOn
    price_ueur_per_kwh: int
    """What the account pays for each kWh; below zero for a discount."""
    owner: Address
    """Who gets it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything that settles an interval beside the supplier's tariff."""

    charges: tuple[Charge, ...] = ()
    wedge_owner: Address | None = None
    """Who gets congestion income and what an auction keeps of a trade's price; None for the supplier."""
    sharing: Sharing = Sharing.NONE

    def __post_init__(self) -> None:
        named = [(charge.on, charge.name) for charge in self.charges]
        if len(set(named)) < len(named):
            raise ValueError(f"two charges on the same energy have one name: {named}")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Energy that one account gave to another after the fact; for certificates it is as good as a trade."""

    seller: Address
    buyer: Address
    quantity_wh: int
