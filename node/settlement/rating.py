"""Rating: what a final run says of each member, counted by the market in its journal; sizes the member's collateral.

Nothing of it goes on the chain: single readings there would be a household's curve (P1). Whoever has the leaves of a
run computes the same. Units: Wh. A run counts when no dispute can void it any more, once, also after a crash between
two of its steps: the journal knows which run was counted last.
"""

from collections.abc import Sequence

from energy.identity import address_from_hex
from market.commands import RateAccount
from market.standing import Facts, facts_of
from node.coop.community import Community
from node.orders.trading import Trading
from node.readings.measuring import Measuring
from node.storage.projection import Projection


class Rating:
    """The counting of one node."""

    def __init__(self, community: Community, trading: Trading, measuring: Measuring, projection: Projection) -> None:
        self._members = [member.account for member in community.members]
        self._supplier = community.supplier
        self._trading = trading
        self._measuring = measuring
        self._projection = projection

    @property
    def last_run(self) -> int:
        """Number of the last run that was counted; 0 for none."""
        return max((account.rated_run for account in self._trading.state.accounts.values()), default=0)

    def rate(self, run_id: int, intervals: Sequence[int]) -> None:
        """Count a final run, whose intervals are in memory still; the caller waits for the journal."""
        self._projection.flush()
        lines = self._projection.failures_of(run_id)
        failures = [(address_from_hex(account), wh) for account, wh in lines]
        metered = [each for interval in intervals for each in self._measuring.metered(interval)]
        facts = facts_of(metered, [(account, wh) for account, wh in failures if account != self._supplier])
        known = [account for account in self._members if self._trading.state.account(account) is not None]
        each_says = [(account, facts.get(account, Facts())) for account in known]
        self._trading.execute_all(
            [RateAccount(account, run_id, says.kept_wh, says.failed_wh) for account, says in each_says]
        )
