"""Which mechanism a community has chosen for its market, by the name that its agreement holds.

`docs/MARKET_RULES.md` tells what each does; `market.clearing` does it. Refuses: names of none, with ValueError.
"""

from enum import StrEnum


class Mechanism(StrEnum):
    """How orders of one interval meet."""

    CONTINUOUS = "continuous"
    """At once, one by one, at the resting order's price; what is left meets in a call at the gate."""
    CALL = "call"
    """All at the gate, at one price."""
    PAY_AS_BID = "pay-as-bid"
    """All at the gate, each buyer at its own bid."""
    HUANG = "huang"
    """All at the gate; no lie about a price pays; the community keeps a small difference."""
    MCAFEE = "mcafee"
    """As Huang's, for orders of one size."""

    @property
    def collects(self) -> bool:
        """Say whether orders wait for the gate, and none is matched before."""
        return self is not Mechanism.CONTINUOUS

    @property
    def takes_one_order_each(self) -> bool:
        """Say whether an account may have one order per interval: its second one would set the price of its first."""
        return self in (Mechanism.HUANG, Mechanism.MCAFEE)


class Sharing(StrEnum):
    """What becomes of energy drawn and fed in beside the trades, once the meters have told."""

    NONE = "none"
    """All of it goes to and comes from the supplier."""
    IN_PROPORTION = "in-proportion"
    """Netted among neighbours, who take in proportion to need."""
    IN_EQUAL_PARTS = "in-equal-parts"
    """Netted among neighbours, who take the same each, up to the need."""
