"""Trading: signed orders in, receipts out. The journal is the truth; nothing is acknowledged before it is on disk.

A command is applied to the engine first, in memory; only an accepted one is journaled. So the journal holds nothing but
what took effect, and replaying it gives the same market, byte for byte.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from energy.errors import Corrupt, Unavailable
from energy.identity import Address, Digest, hex_text
from energy.results import Accepted, Rejected
from market import journal
from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    HaltAccount,
    OpenInterval,
    PlaceOrder,
    ReleaseInterval,
    WakeOrders,
)
from market.engine import MarketState, apply
from market.events import AccountHalted, CancelReason, Event, MatchedTrade, OrderCancelled, OrderPlaced, Outcome, Trade
from market.orders import Order, intervals_of
from node.clock import Clock
from node.coop.community import Community
from node.orders.typed_data import cancel_digest, halt_digest, order_digest, receipt_digest
from node.rejections import NodeReject
from node.rpc.ports import Cancelled, Placed, Switched
from node.signing.keys import KeyPair
from node.storage.durable import require_space
from node.storage.log import AppendLog
from oracles.signatures import recover, sign
from oracles.typed_data import Domain

Observer = Callable[[int, int, Command, Sequence[Event]], None]
"""Is shown every accepted command: journal sequence, time, command, events."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an account's place in the market."""

    at: int
    """First second of delivery without it; 0 for at once."""
    successor: str = ""
    """Who has it now, as text; nothing for nobody."""


class Trading:
    """The market of one node with its journal."""

    def __init__(
        self,
        community: Community,
        domain: Domain,
        node_key: KeyPair,
        log: AppendLog,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self.state = MarketState(community.market)
        self.orders: dict[int, list[tuple[Order, bytes]]] = {}
        """Signed orders by interval, in journal sequence, until their run is settled."""
        self.trades: dict[int, list[MatchedTrade]] = {}
        """Trades by interval, in matching sequence, until their run is settled."""
        self.admitted_at: dict[Address, int] = {}
        """When each account was let in first."""
        self.ends: dict[Address, Ending] = {}
        """Accounts whose place in the market ends, by what the registry says (`node.coop.seats`)."""
        self._community = community
        self._domain = domain
        self._node_key = node_key
        self._log = log
        self._clock = clock
        self._observer = observer
        self._stopped = False

    @property
    def sequence(self) -> int:
        """Number of the latest record in the journal; 0 for none."""
        return self._log.count

    @property
    def durable(self) -> int:
        """Number of the latest record that counts: on disk, and on the standby's where one is waited for."""
        return self._log.acknowledged

    @property
    def journal_hash(self) -> bytes:
        """Chain hash of the journal through its latest record."""
        return self._log.hash

    def replay(self) -> None:
        """Rebuild the market from the journal.

        Raises:
            Corrupt: a record does not decode, or is no longer accepted.
        """
        for position, record in enumerate(self._log.records(), start=1):
            try:
                sequence, now, command = journal.decode(record)
            except ValueError as error:
                raise Corrupt(f"journal record {position} does not decode: {error}") from error
            result = apply(self.state, command, now)
            if sequence != position or isinstance(result, Rejected):
                raise Corrupt(f"journal record {position} does not replay: {result}")
            self._follow(position, now, command, result.events)

    async def place_order(self, order: Order, signature: bytes) -> Placed | Rejected:
        """Check, match and journal a signed order; return when it is on disk."""
        self._require_log()
        digest = order_digest(self._domain, order)
        refusal = self._check_signature(order.account, digest, signature) or self._check_seat(order)
        if refusal is not None:
            return refusal
        result = self.execute(PlaceOrder(order, digest, signature))
        if isinstance(result, Rejected):
            return result
        placed = next(event for event in result.events if isinstance(event, OrderPlaced))
        sequence, chain, now = self.sequence, self.journal_hash, self.state.now
        await self._log.synced()
        return Placed(
            digest,
            sequence,
            chain,
            placed.outcome,
            placed.filled_wh,
            placed.resting_wh,
            now,
            self._receipt(sequence, chain, digest, placed.outcome, now),
            self._node_key.address,
        )

    async def cancel_order(self, account: Address, digest: Digest, signature: bytes) -> Cancelled | Rejected:
        """Check and journal a signed cancellation; return when it is on disk."""
        self._require_log()
        refusal = self._check_signature(account, cancel_digest(self._domain, account, digest), signature)
        if refusal is not None:
            return refusal
        result = self.execute(CancelOrder(account, digest, signature))
        if isinstance(result, Rejected):
            return result
        cancelled = next(e for e in result.events if isinstance(e, OrderCancelled) and e.digest == digest)
        sequence, chain, now = self.sequence, self.journal_hash, self.state.now
        await self._log.synced()
        return Cancelled(
            digest,
            sequence,
            chain,
            Outcome.CANCELLED,
            cancelled.cancelled_wh,
            now,
            self._receipt(sequence, chain, digest, Outcome.CANCELLED, now),
            self._node_key.address,
        )

    async def drop_disconnected(self, digests: Iterable[Digest]) -> None:
        """Take out what still rests of the orders that a connection brought which has ended; return when it is on disk.

        Those that have left, or whose gate has closed, are left alone.
        """
        if self._stopped:
            return  # the next start drops them
        for digest in digests:
            self.execute(DropDisconnected(digest))
        await self._log.synced()

    def drop_all_disconnected(self) -> None:
        """Take out the resting orders that end with their connection: after a start of the node, none is left."""
        for each in self.state.resting_orders():
            if each.order.cancel_on_disconnect:
                self.execute(DropDisconnected(each.digest))

    async def halt_account(self, account: Address, halted: bool, nonce: int, signature: bytes) -> Switched | Rejected:
        """Check and journal a member's own switch; return when it is on disk."""
        digest = halt_digest(self._domain, account, halted, nonce)
        return self._check_signature(account, digest, signature) or await self._switch(
            HaltAccount(account, halted, False, nonce, signature)
        )

    async def halt_by_operator(self, account: Address, halted: bool) -> Switched | Rejected:
        """Journal the operator's switch; return when it is on disk."""
        return await self._switch(HaltAccount(account, halted, True, 0, bytes(65)))

    def stop(self) -> None:
        """Take nothing in any more: what is in the journal now is all."""
        self._stopped = True

    def _require_log(self) -> None:
        """Check that something new may be begun, so that nothing is applied that could not be acknowledged.

        Raises:
            Unavailable: the disk is full, the standby is away, or the node is about to stop.
        """
        require_space(self._log.path.parent)
        self._log.require_standby()
        if self._stopped:
            raise Unavailable("the node is stopping", retry_after_s=10)

    async def _switch(self, command: HaltAccount) -> Switched | Rejected:
        self._require_log()
        result = self.execute(command)
        if isinstance(result, Rejected):
            return result
        switched = next(event for event in result.events if isinstance(event, AccountHalted))
        gone = sum(isinstance(e, OrderCancelled) and e.reason is CancelReason.HALTED for e in result.events)
        sequence, chain = self.sequence, self.journal_hash
        await self._log.synced()
        return Switched(command.account, switched.by_member, switched.by_operator, gone, sequence, chain)

    def execute(self, command: Command) -> Accepted[Event] | Rejected:
        """Apply a command and, when accepted, append it to the journal; the caller waits for `synced`."""
        now = max(self._clock.now(), self.state.now)
        result = apply(self.state, command, now)
        if isinstance(result, Accepted):
            self._log.append(journal.encode(self.sequence + 1, now, command))
            self._follow(self.sequence, now, command, result.events)
        return result

    def execute_all(self, commands: Sequence[Command]) -> None:
        """Apply the node's own commands; they share one frame of the journal, so all of them last or none.

        Raises:
            Corrupt: one is refused, which only a broken invariant can bring about.
        """
        for command in commands:
            result = self.execute(command)
            if isinstance(result, Rejected):
                raise Corrupt(f"the market refused the node's own {command}: {result}")

    def sweep(self, account: Address) -> None:
        """Take out what rests of an account's orders; its own switch and the operator's stay as they are."""
        known = self.state.accounts.get(account)
        if known is not None and known.resting and not known.halted_by_operator:
            off = HaltAccount(account, True, True, 0, bytes(65))
            self.execute_all([off, replace(off, halted=False)])

    def rests_from(self, account: Address, instant: int) -> bool:
        """Say whether an order of an account rests that may be delivered from an instant on."""
        known = self.state.accounts.get(account)
        return known is not None and any(each.order.home >= instant for each in known.resting.values())

    def traded_through(self, account: Address) -> int:
        """Return the last interval that is not settled for good in which an account has traded; 0 for none."""
        return max(
            (
                interval
                for interval, trades in self.trades.items()
                if any(account in (each.trade.buyer, each.trade.seller) for each in trades)
            ),
            default=0,
        )

    async def synced(self) -> None:
        """Wait until the journal is on disk, and on the standby's where one has to have it."""
        await self._log.synced()

    async def flushed(self) -> None:
        """Wait until the journal is on this disk."""
        await self._log.flushed()

    def open_and_close(self, now: int) -> None:
        """Open the books and wake the orders whose time has come, and close the gates whose time is over."""
        config = self._community.market
        length = config.interval_length_s
        for interval in list(self.state.open_intervals()):
            if now >= config.gate_closure(interval):
                self.execute_all([CloseGate(interval)])
            elif self.state.sessions[interval].due(now):
                self.execute(WakeOrders(interval))  # refused when all that are due have expired
        start = now + config.gate_lead_s
        first = max(self._community.first_interval, start - start % length + length)
        is_open = set(self.state.open_intervals())
        for interval in range(first, first + self._community.open_ahead * length, length):
            if interval not in is_open and now < config.gate_closure(interval):
                self.execute_all([OpenInterval(interval)])

    def holds(self, intervals: Sequence[int]) -> bool:
        """Say whether some of these intervals, whose gates have closed, still hold collateral."""
        return any(interval in self.state.closed for interval in intervals)

    def release(self, intervals: Sequence[int], balances: Sequence[tuple[Address, int]]) -> None:
        """Free the collateral of settled intervals and take over the balances that the chain holds now.

        An interval whose gate had closed before the node came up was never open, and holds nothing.
        """
        held = [interval for interval in intervals if self.holds([interval])]
        self.execute_all(
            [*(AdmitAccount(account, balance) for account, balance in balances), *map(ReleaseInterval, held)]
        )

    def _follow(self, sequence: int, now: int, command: Command, events: Sequence[Event]) -> None:
        match command:
            case PlaceOrder(order, _, signature):
                for interval in intervals_of(order, self._community.market.interval_length_s):
                    self.orders.setdefault(interval, []).append((order, signature))
            case AdmitAccount(account):
                self.admitted_at.setdefault(account, now)
            case _:
                pass
        for event in events:
            if isinstance(event, Trade):
                self.trades.setdefault(event.interval, []).append(MatchedTrade(event, sequence, now))
        self._observer(sequence, now, command, events)

    def forget(self, through: int) -> None:
        """Drop the orders and trades of the intervals through one that is settled from memory."""
        self.orders = {interval: orders for interval, orders in self.orders.items() if interval > through}
        self.trades = {interval: trades for interval, trades in self.trades.items() if interval > through}

    def _receipt(self, sequence: int, chain: bytes, order: Digest, outcome: Outcome, now: int) -> bytes:
        return sign(self._node_key.private_key, receipt_digest(self._domain, sequence, chain, order, outcome, now))

    def _check_seat(self, order: Order) -> Rejected | None:
        ending = self.ends.get(order.account)
        if ending is None or order.home < ending.at:
            return None
        account = hex_text(order.account)
        return Rejected(
            NodeReject.NO_SEAT,
            {"account": account, "successor": ending.successor, "interval": order.home, "ends": ending.at},
        )

    def _check_signature(self, account: Address, digest: Digest, signature: bytes) -> Rejected | None:
        try:
            signer = hex_text(recover(digest, signature))
        except ValueError:
            signer = "none"
        if signer == hex_text(account):
            return None
        return Rejected(
            NodeReject.BAD_SIGNATURE,
            {
                "account": hex_text(account),
                "signer": signer,
                "chain_id": self._domain.chain_id,
                "verifying_contract": hex_text(self._domain.verifying_contract),
            },
        )
