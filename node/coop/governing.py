"""What the members decide takes effect in the node: who signs and how many, who has a seat, terms, limits."""

import logging
from contextlib import suppress

from energy.errors import Unavailable
from energy.identity import Address, hex_text
from node.coop.agreed_terms import AgreedTerms
from node.coop.community import Community
from node.coop.council_watch import CouncilWatch
from node.coop.seats import Seats
from node.orders.trading import Trading
from node.storage.projection import Projection
from node.views.showing import account_rows

logger = logging.getLogger(__name__)


class Governing:
    """The way from the registry to everything that follows it."""

    def __init__(
        self,
        community: Community,
        council: CouncilWatch,
        seats: Seats,
        terms: AgreedTerms,
        trading: Trading,
        projection: Projection,
    ) -> None:
        self._community = community
        self._council = council
        self._seats = seats
        self._terms = terms
        self._trading = trading
        self._projection = projection

    async def recover(self, now: int) -> None:
        """Come to what holds now.

        Raises:
            Unavailable: the chain is away.
        """
        await self._council.recover(now)
        await self._terms.follow(self._council.state.terms, now)

    async def look(self, now: int) -> None:
        """Follow what was decided; while the chain is away, what was decided through the last block seen holds."""
        with suppress(Unavailable):
            await self._council.look(now)
            await self.seat(now)
            await self._terms.follow(self._council.state.terms, now)
            self._limit(now)

    def _limit(self, now: int) -> None:
        """Let the limits hold that the members have decided."""
        if (limits := self._terms.limits_at(now)) != self._trading.state.config.limits:
            self._trading.execute_all([limits])
            logger.warning("the market's limits are as the members have decided: %s", limits)

    async def seat(self, now: int) -> None:
        """Let in and out whom the members have decided on, and show who came.

        Raises:
            Unavailable: the chain is away.
        """
        if balances := await self._seats.look(now):
            self.show_accounts()
            self.show_balances(balances)

    def show_accounts(self) -> None:
        """Let the tables have every account that is there."""
        self._projection.put_accounts(account_rows(self._community, self._trading.admitted_at))

    def show_balances(self, balances: dict[Address, int]) -> None:
        """Let the tables know what accounts hold, n€."""
        self._projection.put_balances({hex_text(account): balance for account, balance in balances.items()})
