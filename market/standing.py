"""How far an account has kept to what it sold and bought, from facts alone; it sizes the account's collateral.

Metered energy speaks for an account; energy that it sold and did not deliver or bought and did not draw speaks
against it fourfold, and so does a reading that could not settle. Both fade: half is left after `HALF_LIFE_S`. An
unknown account needs all of the collateral, as the worst one does, so that a new name gains nothing; a trade without
metered energy speaks for nobody, so that trading with oneself gains nothing either. Never decides who may trade.

The figures are those of the contract `Reputation`, to the Wh. Units: Wh, permille, UTC epoch seconds; all int.
Source: `contracts/src/Reputation.sol`, docs/adr/0017-reputation-stays-off-the-chain.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from energy.identity import Address
from energy.quantities import ratio_down
from market.entries import EntryKind
from market.metered import Metered

HALF_LIFE_S: Final = 30 * 86_400
TRUST_WH: Final = 100_000
"""Kept energy that earns half of the discount."""
FAILURE_WEIGHT: Final = 4
"""A Wh that failed outweighs so many that were kept."""
DISCOUNT_PERMILLE: Final = 500
INTERVAL_WH_MAX: Final = 10_000
"""Most that one reading counts."""
FAULT_WH: Final = 1_000
"""What a reading that could not settle for good counts against its account."""
WHOLE_PERMILLE: Final = 1_000
FAILURES: Final = (EntryKind.SHORTFALL, EntryKind.UNUSED, EntryKind.SHORTFALL_COVERED, EntryKind.UNUSED_GIVEN)
"""Lines that speak against a member, even where neighbours evened it out; the supplier's are their mirror image."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one run says of one account."""

    kept_wh: int = 0
    failed_wh: int = 0

    def __add__(self, other: "Facts") -> "Facts":
        return Facts(self.kept_wh + other.kept_wh, self.failed_wh + other.failed_wh)


@dataclass(frozen=True, slots=True)
class Standing:
    """What was left of an account's facts at an instant."""

    kept_wh: int = 0
    failed_wh: int = 0
    instant: int = 0

    def at(self, now: int) -> "Standing":
        """Return what is left of it at a later instant."""
        elapsed = max(0, now - self.instant)
        return Standing(_faded(self.kept_wh, elapsed), _faded(self.failed_wh, elapsed), max(now, self.instant))

    def with_facts(self, facts: Facts, now: int) -> "Standing":
        """Return it with more facts, as of an instant."""
        left = self.at(now)
        return Standing(left.kept_wh + facts.kept_wh, left.failed_wh + facts.failed_wh, left.instant)

    @property
    def collateral_permille(self) -> int:
        """What of the full collateral its account needed then: 1000 for an unknown one, towards 500 with proof."""
        weighed_wh = self.kept_wh + TRUST_WH + FAILURE_WEIGHT * self.failed_wh
        return WHOLE_PERMILLE - ratio_down(self.kept_wh, DISCOUNT_PERMILLE, weighed_wh)


NEWCOMER: Final = Standing()
"""Of an account of which nothing is known."""


def facts_of(metered: Iterable[Metered], failures: Iterable[tuple[Address, int]]) -> dict[Address, Facts]:
    """Return what readings and failed energy say of their accounts."""
    found: dict[Address, Facts] = {}
    for reading in metered:
        wh = min(reading.import_wh + reading.export_wh, INTERVAL_WH_MAX)
        facts = Facts(kept_wh=wh) if reading.final else Facts(failed_wh=FAULT_WH)
        found[reading.account] = found.get(reading.account, Facts()) + facts
    for account, quantity_wh in failures:
        found[account] = found.get(account, Facts()) + Facts(failed_wh=quantity_wh)
    return found


def _faded(wh: int, elapsed_s: int) -> int:
    """Halve once for each half-life, and along a straight line in between; rounded down."""
    halved = wh >> ratio_down(elapsed_s, 1, HALF_LIFE_S)
    return halved - ratio_down(halved, elapsed_s % HALF_LIFE_S, 2 * HALF_LIFE_S)
