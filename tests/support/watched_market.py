"""A market on both books under the eyes of auditors: after each command all that must hold is held against it."""

from energy.results import Accepted, Rejected
from market.audit import JournalAudit
from market.book import OrderBook, ReferenceBook
from market.commands import Command
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import Event, Trade
from market.journal import decode, encode
from node.orders.depth import Depth
from tests.support.market import accepted
from tests.support.market_auditor import Auditor


class WatchedMarket:
    """The engine, its twin on the slow book, an auditor of what it tells, and its journal."""

    def __init__(self, config: MarketConfig) -> None:
        self.config = config
        self.state, self.twin = MarketState(config, OrderBook), MarketState(config, ReferenceBook)
        self.auditor = Auditor(config)
        self.depth = Depth()
        self.journal: list[bytes] = []

    def do(self, command: Command, now: int) -> Accepted[Event] | Rejected:
        """Carry out a command on both, and check M1 to M4, the depth that is told, and the collateral."""
        before = self.state.digest()
        result = apply(self.state, command, now)
        assert result == apply(self.twin, command, now)
        if isinstance(result, Accepted):
            self.journal.append(encode(len(self.journal) + 1, max(now, 0), command))
            self.depth.follow(len(self.journal), result.events)
            self.auditor.follow(command, now, result.events)
        else:
            assert self.state.digest() == before, "a refusal changed the state"
        self._check()
        return result

    def replay(self) -> None:
        """Check M5: the journal gives the same market again."""
        replayed = MarketState(self.config)
        for number, record in enumerate(self.journal, start=1):
            sequence, when, command = decode(record)
            assert sequence == number
            accepted(apply(replayed, command, when))
        assert replayed.digest() == self.state.digest(), "M5"

    def _check(self) -> None:
        assert self.state.digest() == self.twin.digest()
        for interval in self.state.open_intervals():
            shown = self.depth.snapshot(interval, 99)
            assert shown is not None
            sides = [[tuple(level.values()) for level in shown[side]] for side in ("bids", "asks")]
            assert tuple(sides) == self.state.book_depth(interval, 99), "what is told is not what is there"
        for address, collateral_neur in self.auditor.collateral.items():
            view = self.state.account(address)
            assert view is not None
            expected = (self.auditor.needed_neur(address), collateral_neur)
            assert (view.needed_neur, view.collateral_neur) == expected
        resting = {(order.digest, order.open_wh) for order in self.state.resting_orders()}
        assert resting == {(order.digest, order.open_wh) for order in self.auditor.resting.values()}


class TwinnedMarket(WatchedMarket):
    """The same beside a slow twin that shares nothing with the engine, and replayed as it goes: M5 after each."""

    def __init__(self, config: MarketConfig) -> None:
        super().__init__(config)
        self.slow = JournalAudit(config, bytes(32))
        self.replayed = MarketState(config)

    def do(self, command: Command, now: int) -> Accepted[Event] | Rejected:
        """Carry out a command everywhere, and compare what came of it."""
        result = super().do(command, now)
        if isinstance(result, Rejected):
            return result
        self.slow.follow(self.journal[-1])
        assert self.slow.findings == [], "the slow twin would have refused it"
        trades = [event for event in result.events if isinstance(event, Trade)]
        for interval in {trade.interval for trade in trades}:
            told = [trade for trade in trades if trade.interval == interval]
            assert told == [each.trade for each in self.slow.trades[interval]][-len(told) :]
        for address in self.state.accounts:
            view = self.state.account(address)
            assert view is not None
            assert self.slow.holding.needed_neur.get(address, 0) == view.needed_neur
        _, when, again = decode(self.journal[-1])
        accepted(apply(self.replayed, again, when))
        assert self.replayed.digest() == self.state.digest(), "M5"
        return result
