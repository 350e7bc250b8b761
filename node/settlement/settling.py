"""Settling: when the intervals of a run are attested, compute it, have it signed, put it on chain, free the collateral.

May be cut off between any two steps: what the chain already holds is not sent again, and everything else is computed
anew from the journal and the readings, to the same bytes.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from web3.types import TxReceipt

from energy.errors import Corrupt, Unavailable
from energy.identity import Address, Digest, MeterId, hex_text
from energy.results import Rejected
from market.certificates import Store
from market.metered import Source
from market.settlement import Tariff
from market.terms import Terms
from node.coop.agreed_terms import AgreedTerms
from node.coop.community import Community
from node.coop.decided import Role, SigningRules, TooFewKeys, chosen
from node.coop.seats import Seats
from node.coop.tariffs import TariffSchedule
from node.ledger import ChainRefused, Ledger
from node.off_loop import off_loop
from node.orders.trading import Trading
from node.readings.measuring import Measuring
from node.settlement.mending import Mending
from node.settlement.pages import PAGE_ACCOUNTS, PagedLedger
from node.settlement.rating import Rating
from node.settlement.rows import certificate_rows, entry_rows, run_row
from node.settlement.run import Carry, IntervalInput, PreparedRun, open_run, prepare_run
from node.storage.projection import Projection
from oracles.answers import Signatures
from oracles.disputes import OpenedRun
from oracles.guarding import Guard
from oracles.openings import Opening
from oracles.records import record_values
from oracles.salts import Salts
from oracles.typed_data import Domain

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SettledRun:
    """A run that is on chain."""

    run_id: int
    intervals: tuple[int, ...]
    accounts: int
    traded_wh: int
    certified_wh: int
    certificates: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class OpenedOwnRun:
    """A run of this node, opened."""

    run: OpenedRun
    run_hash: Digest
    signatures: Signatures


class Settling:
    """The settlement of one node."""

    def __init__(
        self,
        community: Community,
        domain: Domain,
        salts: Salts,
        ledger: Ledger,
        trading: Trading,
        tariffs: TariffSchedule,
        terms: AgreedTerms,
        projection: Projection,
        attestors: Sequence[Guard],
        measuring: Measuring,
        rules: SigningRules,
        seats: Seats,
        page_accounts: int = PAGE_ACCOUNTS,
    ) -> None:
        self._community = community
        self._domain = domain
        self._salts = salts
        self._ledger = ledger
        self._trading = trading
        self._tariffs = tariffs
        self._terms = terms
        self._projection = projection
        self._attestors = attestors
        self._rules = rules
        self._measuring = measuring
        self._refused_at: int | None = None
        self._seen_head: int | None = None
        self._final = 0
        """Last run that no dispute can void any more; what it rests on is no longer in memory."""
        self._seats = seats
        self._paged = PagedLedger(ledger)
        self._page_accounts = page_accounts
        self._rating = Rating(community, trading, measuring, projection)
        self._mending = Mending(community, ledger, self._paged, projection, trading, seats)

    def genesis_carry(self) -> Carry:
        """Return what the first run starts from."""
        return Carry(0, Digest(bytes(32)), 0, {}, self._stores({}))

    def _stores(self, before: Mapping[MeterId, Store]) -> dict[MeterId, Store]:
        """Return the storages, those that came later empty."""
        every = {
            member.meter: Store(member.account, member.meter, member.efficiency_permille, 0)
            for member in self._community.members
            if member.source is Source.STORAGE
        }
        return {**every, **before}

    async def recover(self) -> None:
        """Bring the projection up to the runs that are on chain, and whose collateral the journal shows as free."""
        await self._mending.take_back()
        while True:
            run_id = self._carry().run_id + 1
            intervals = self._intervals(run_id)
            if self._trading.holds(intervals) or await self._settled_in(run_id) is None:
                break
            await self._settle(intervals, release=False)
        await self._forget_final()

    async def settle_due(self, attested_through: int) -> list[SettledRun]:
        """Settle every run whose last interval is attested; return them.

        A run that the contract refuses, such as for a debt that nobody covers, stays due: it is tried again when the
        chain has grown, for only a transaction, such as a deposit, can change the contract's mind.
        """
        settled: list[SettledRun] = []
        if self._seen_head != (head := await self._ledger.head()):
            await self._mending.take_back()
            await self._forget_final()
            self._seen_head = head
        while (intervals := self._intervals(self._carry().run_id + 1))[-1] <= attested_through:
            if self._refused_at == await self._ledger.head():
                break
            if self._terms.unknown_from is not None and intervals[-1] >= self._terms.unknown_from:
                break
            try:
                settled.append(await self._settle(intervals, release=True))
            except TooFewKeys:  # the council's watch has said so
                break
            except ChainRefused as refusal:
                logger.warning("run %d is refused, and waits: %s", self._carry().run_id + 1, refusal)
                self._refused_at = await self._ledger.head()
        return settled

    async def _settle(self, intervals: tuple[int, ...], *, release: bool) -> SettledRun:
        carry = self._carry()
        run_id = carry.run_id + 1
        receipt = await self._settled_in(run_id)
        accounts = self._seats.parties(intervals[-1])
        balances = await self._ledger.balances(accounts, await self._start_block(run_id, intervals[-1]))
        history = await self._ledger.history_at(intervals[-1])
        prepared = self._prepare(carry, self._inputs(intervals), history, balances)
        unwound = await self._mending.unwound(run_id)
        signatures = await self._sign(
            prepared, carry, intervals, history, balances, unwound, settled=receipt is not None
        )
        if receipt is None:
            await self._mending.require_unrefuted(run_id, prepared.run_hash)
            await self._mending.fill_bond()
            signed = [signature for _, signature in signatures]
            run = record_values(prepared.run)
            receipt = await self._paged.settle(run, prepared.run_hash, prepared.pages, signed)
        if await self._ledger.run_hash_at(run_id) != prepared.run_hash:
            raise Corrupt(f"run {run_id} on chain is not the one that journal and readings give")
        # What the chain says, not what the run adds up to: the guarantee fund may have paid, and deposits come in.
        after = await self._ledger.balances(accounts, receipt["blockNumber"])
        if release:
            members = [(account, after[account]) for account in prepared.nets if account != self._community.supplier]
            self._trading.release(intervals, members)
            await self._trading.synced()
        gas_used = receipt["gasUsed"]
        if len(prepared.pages) > 1:
            gas_used = await self._paged.gas_of(run_id, prepared.run_hash, receipt)
        self._project(prepared, signatures, receipt, gas_used, after)
        await self._forget_final()
        return SettledRun(
            run_id,
            intervals,
            len(prepared.nets),
            prepared.run.traded_wh,
            prepared.run.certified_wh,
            len(prepared.certificates),
            gas_used,
        )

    async def opened(self, run_id: int) -> OpenedOwnRun | None:
        """Return a run of this node with all its leaves, or None when it is final, or not settled."""
        if not self._final < run_id <= self._carry().run_id:
            return None
        carry = self._carry_of(self._projection.carry_of(run_id - 1))
        intervals = self._intervals(run_id)
        accounts = self._seats.parties(intervals[-1])
        balances = await self._ledger.balances(accounts, await self._start_block(run_id, intervals[-1]))
        inputs = self._inputs(intervals)
        prepared = self._prepare(carry, inputs, await self._ledger.history_at(intervals[-1]), balances)
        readings: list[Opening] = []
        signatures: dict[Digest, tuple[bytes, ...]] = {}
        for interval in intervals:
            openings, signed = self._measuring.opened(interval)
            readings += openings
            signatures |= signed
        meters = {member.account: frozenset([member.meter]) for member in self._community.members}
        length = self._community.market.interval_length_s
        run = open_run(self._domain, self._salts, self._community.supplier, prepared, inputs, readings, meters, length)
        return OpenedOwnRun(run, prepared.run_hash, signatures)

    def _inputs(self, intervals: Sequence[int]) -> list[IntervalInput]:
        return [
            IntervalInput(
                self._tariffs.at(interval).tariff,
                self._trading.orders.get(interval, ()),
                self._trading.trades.get(interval, ()),
                self._measuring.metered(interval),
                self._known(interval)[1],
            )
            for interval in intervals
        ]

    def _known(self, interval: int) -> tuple[Tariff, Terms]:
        terms = Terms(self._terms.charges.at(interval), self._community.wedge_owner, self._community.market.sharing)
        return self._tariffs.at(interval).tariff, terms

    def _prepare(
        self, carry: Carry, inputs: Sequence[IntervalInput], history: Digest, balances: dict[Address, int]
    ) -> PreparedRun:
        again = self._measuring.correcting.settled_again([each.tariff.interval for each in inputs], self._known)
        prepared = prepare_run(
            self._domain,
            self._salts,
            self._community.supplier,
            carry,
            history,
            inputs,
            balances,
            again,
            self._page_accounts,
        )
        if isinstance(prepared, Rejected):
            first, last = inputs[0].tariff.interval, inputs[-1].tariff.interval
            raise Corrupt(f"the run of {first} to {last} can not be settled: {prepared}")
        return prepared

    async def _sign(
        self,
        prepared: PreparedRun,
        carry: Carry,
        intervals: Sequence[int],
        history: Digest,
        balances: dict[Address, int],
        unwound: Collection[Digest],
        *,
        settled: bool,
    ) -> list[tuple[Address, bytes]]:
        """Let each attestor compute the run for itself; return a quorum of signatures by ascending signer.

        Keys and quorum are those that the registry has now; a run that is `settled` already needs none any more.
        """
        signatures: list[tuple[Address, bytes]] = []
        away: Unavailable | None = None
        enough, last = self._rules.quorum(Role.ATTESTOR), intervals[-1]
        if settled:
            needed = 0
            valid = [each for each in self._attestors if self._rules.is_valid(Role.ATTESTOR, each.address, last)]
        else:
            valid, needed = chosen(self._rules, Role.ATTESTOR, self._attestors, last)
        for attestor in sorted(valid, key=lambda each: each.address):
            own = self._prepare(carry, self._inputs(intervals), history, balances)
            if own.run_hash != prepared.run_hash:
                continue
            try:
                signed = await off_loop(attestor.sign_run, self._domain, own.run, unwound)
            except Unavailable as error:
                away = error
                continue
            if not isinstance(signed, Rejected):
                signatures.append((attestor.address, signed.events[0]))
            if len(signatures) == enough:
                break
        if len(signatures) >= needed:
            return signatures
        problem = f"{len(signatures)} of {needed} attestors signed the run"
        raise Unavailable(f"{problem}: {away}") if away else Corrupt(problem)

    async def _start_block(self, run_id: int, last_interval: int) -> int:
        """Return the block whose balances the run starts from: when all it settles was on chain, and the run before.

        Whenever the run is computed, it comes out the same: what is deposited later belongs to the next one.
        """
        attested = await self._ledger.event_receipt("Readings", "Attested", interval=last_interval)
        if attested is None:
            raise Corrupt(f"the chain does not show interval {last_interval}, which it has attested")
        previous = await self._settled_in(run_id - 1)
        return max(attested["blockNumber"], previous["blockNumber"] if previous else 0)

    async def _settled_in(self, run_id: int) -> TxReceipt | None:
        """Return the receipt of the transaction that settled a run, or None when it is not on chain."""
        if run_id > (await self._ledger.last_run()).run_id:
            return None  # it may have been there, and been unwound
        return await self._ledger.event_receipt("Settlement", "RunSettled", runId=run_id)

    async def _forget_final(self) -> None:
        """Count what no dispute can bring back for and against its accounts, and drop it from memory."""
        last = self._carry().run_id
        if self._community.contracts.disputes is None:
            self._final = last
        while self._final < last and await self._ledger.read("Settlement", "isFinal", self._final + 1):
            self._final += 1
        for run_id in range(self._rating.last_run + 1, self._final + 1):
            self._rating.rate(run_id, self._intervals(run_id))
        await self._trading.flushed()  # nobody was told of it: a standby that lacks it counts the run itself
        through = self._intervals(self._final + 1)[0] - 1
        self._trading.forget(through)
        self._measuring.forget(through)

    def _carry(self) -> Carry:
        self._projection.flush()
        return self._carry_of(self._projection.last_carry())

    def _carry_of(self, text: str | None) -> Carry:
        if not text:
            return self.genesis_carry()
        carry = Carry.from_json(text)
        return replace(carry, stores=self._stores(carry.stores))

    def _intervals(self, run_id: int) -> tuple[int, ...]:
        length = self._community.market.interval_length_s
        first = self._community.first_interval + (run_id - 1) * self._community.run_intervals * length
        return tuple(range(first, first + self._community.run_intervals * length, length))

    def _project(
        self,
        prepared: PreparedRun,
        signatures: Sequence[tuple[Address, bytes]],
        receipt: TxReceipt,
        gas_used: int,
        balances: Mapping[Address, int],
    ) -> None:
        run = prepared.run
        row = run_row(prepared, signatures, receipt, gas_used)
        length = self._community.market.interval_length_s
        certified = dict.fromkeys(range(run.first_interval, run.last_interval + length, length), 0)
        for certificate, _ in prepared.certificates:
            certified[certificate.interval] += certificate.to_wh - certificate.from_wh
        self._projection.apply_run(
            row,
            entry_rows(prepared),
            certificate_rows(prepared),
            {hex_text(account): balance for account, balance in balances.items()},
            certified,
        )
        self._projection.flush()
