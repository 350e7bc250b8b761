"""Mending: what a dispute has voided is unwound, taken out of the tables, and made ready to be settled anew.

May be cut off between any two steps: the chain says what is void, and the tables follow it.
"""

import logging
from typing import Final

from energy.identity import Digest, hex_text
from node.coop.community import Community
from node.coop.decided import NO_END
from node.coop.seats import Seats
from node.ledger import ChainRefused, Ledger
from node.orders.trading import Trading
from node.settlement.pages import PagedLedger
from node.storage.projection import Projection

logger = logging.getLogger(__name__)

UNANSWERED: Final = 15
"""Kind of a fraud, in the contract: a question was not answered in time."""


class Mending:
    """What the operator's node does about disputes against its runs, and about runs that were not finished."""

    def __init__(
        self,
        community: Community,
        ledger: Ledger,
        paged: PagedLedger,
        projection: Projection,
        trading: Trading,
        seats: Seats,
    ) -> None:
        self._community = community
        self._ledger = ledger
        self._paged = paged
        self._projection = projection
        self._trading = trading
        self._seats = seats

    async def take_back(self) -> None:
        """Unwind what a dispute has voided or nobody finished, on the chain and in the tables; it is due again then.

        Whoever comes first unwinds; the tables follow the chain.
        """
        try:
            await self._paged.take_back()
        except ChainRefused as refusal:
            logger.warning("unwinding waits: %s", refusal)
        if self._community.contracts.disputes is None:
            return  # runs are final at once
        self._projection.flush()
        chain = await self._ledger.last_run()
        dropped = False
        while (written := self._projection.last_run()) is not None:
            run_id, run_hash = written
            if run_id <= chain.run_id and hex_text(await self._ledger.run_hash_at(run_id)) == run_hash:
                break
            self._projection.drop_run(run_id)
            self._projection.flush()
            dropped = True
        if dropped:
            balances = await self._ledger.balances(self._seats.parties(NO_END - 1))
            self._projection.put_balances({hex_text(account): balance for account, balance in balances.items()})
            self._trading.release([], [each for each in balances.items() if each[0] != self._community.supplier])
            await self._trading.synced()

    async def unwound(self, run_id: int) -> set[Digest]:
        """Return the hashes of runs of a number that the chain has unwound."""
        if self._community.contracts.disputes is None:
            return set()
        logs = await self._ledger.events("Settlement", "RunUnwound", runId=run_id)
        return {Digest(bytes(log["args"]["runHash"])) for log in logs}

    async def require_unrefuted(self, run_id: int, run_hash: Digest) -> None:
        """Refuse to settle the very run that was proven wrong: it would be void again, and cost another bond.

        A run that was lost for want of an answer is right, and comes again.
        """
        if self._community.contracts.disputes is None:
            return
        logs = await self._ledger.events("Disputes", "FraudProven", runId=run_id)
        if any(log["args"]["runHash"] == run_hash and log["args"]["kind"] != UNANSWERED for log in logs):
            raise ChainRefused(f"run {run_id} was proven wrong, and comes out the same: mend the program")

    async def fill_bond(self) -> None:
        """Fill the operator's bond up from the purse, where that suffices: without a full bond no run settles."""
        disputes = self._community.contracts.disputes
        if disputes is None or await self._ledger.read("Disputes", "isBonded"):
            return
        operator = await self._ledger.read("Disputes", "operator")
        held = await self._ledger.read("Disputes", "bondOf", operator)
        missing = await self._ledger.read("Disputes", "bondRequired") - held
        if await self._ledger.purse() >= missing:
            logger.warning("%d n€ are missing in the operator's bond, and come from its purse", missing)
            await self._ledger.send("CommunityToken", "approve", disputes, missing)
            await self._ledger.send("Disputes", "postBond", operator, missing)
