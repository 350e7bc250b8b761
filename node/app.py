"""The node: market, meters, oracles, settlement and chain of one community, put together.

Nothing here decides; it wires, opens in the right sequence, and lets time pass: `tick` does whatever has become due.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from energy.errors import Corrupt, Unavailable
from energy.identity import Address, Digest
from energy.results import Rejected
from interconnect.modes import Mode
from market.events import GateClosed
from market.orders import Order
from node.chain.launcher import AT_ONCE, Sealing
from node.chain_access import ChainAccess, open_chain_access, web3_over
from node.clock import Clock
from node.coop.admitted import load_community
from node.coop.agreed_terms import AgreedTerms
from node.coop.community import Community
from node.coop.council_watch import CouncilWatch
from node.coop.founding import COMMUNITY_FILE, SALTS, TARIFF_FILE
from node.coop.governing import Governing
from node.coop.proposals import Proposals
from node.coop.seats import Seats
from node.coop.tariffs import TariffSchedule
from node.external.settings import ExternalChain
from node.facts.adopting import FactBoard
from node.interconnect.border import Border
from node.interconnect.coupling import coupling_of
from node.interconnect.options import LinkOptions
from node.ledger import Ledger
from node.orders.holdings import Holdings
from node.orders.trading import Trading
from node.privacy.erasing import Erasing
from node.privacy.salt_files import open_salts
from node.readings.clock_discipline import Discipline, is_doubtful, unknown
from node.readings.grid import Grid
from node.readings.measuring import Measuring
from node.readings.neighbourhood import Neighbourhood
from node.rpc.ports import Cancelled, JsonObject, Placed, Switched
from node.settlement.answering import Answering
from node.settlement.certifying import Certifying
from node.settlement.pages import PAGE_ACCOUNTS
from node.settlement.settling import SettledRun, Settling
from node.signing.keys import KeyRing, load_keys
from node.signing.rotation import rotate
from node.signing.signers import SigningKeys
from node.sponsoring import sponsored
from node.standby.replication import Replication
from node.storage.database import open_database
from node.storage.log import AppendLog
from node.storage.projection import Projection
from node.views.concerns import Concerns
from node.views.events import Broadcaster
from node.views.present import Present
from node.views.queries import Queries
from node.views.showing import Showing
from oracles.answers import Topic
from oracles.typed_data import community_domain

EXIT_CORRUPT = 70
LOGS = ("journal.log", "readings.log")
USUAL_LINKS = LinkOptions()


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick brought about."""

    opened: tuple[int, ...]
    closed: tuple[GateClosed, ...]
    attested: tuple[int, ...]
    settled: tuple[SettledRun, ...]
    answered: tuple[Topic, ...] = ()
    """What was asked of the operator's open runs, and shown."""


class Node:
    """One running node. Make it with `open`; it implements `node.rpc.ports.NodeCommands`."""

    def __init__(
        self,
        folder: Path,
        community: Community,
        keys: KeyRing,
        clock: Clock,
        chain: ChainAccess,
        signing: SigningKeys,
        *,
        manual_time: bool,
        links: LinkOptions = USUAL_LINKS,
        discipline: Discipline = unknown,
        page_accounts: int = PAGE_ACCOUNTS,
    ) -> None:
        """Wire everything up; nothing is read or started yet."""
        self.folder, self.community, self.clock, self.now = folder, community, clock, clock.now
        self.events, self._head = Broadcaster(epoch=clock.now()), JsonObject()
        self.ledger = Ledger(web3_over(chain.client), community.chain_id, keys["operator"], chain.sender)
        self.ledger.attach(community.contracts)
        self.requests = sponsored(chain, self.ledger, community.contracts, clock)
        self.tariffs, self._keys, self._signing = TariffSchedule.load(folder / TARIFF_FILE), keys, signing
        self.projection = Projection(open_database(f"sqlite:///{folder / 'node.sqlite'}", follows=True), self.tariffs)
        self.queries, contracts = Queries(self.projection.engine), community.contracts
        self.settlement_domain = community_domain(community.chain_id, contracts.settlement)
        self.readings_domain = community_domain(community.chain_id, contracts.readings)
        self.salts = open_salts(folder / SALTS, community.salt_subjects(), clock.now())
        self._manual_time, self._discipline, self._chain, self.client = manual_time, discipline, chain, chain.client
        self._showing = Showing(self.projection, self.events)
        self.depth, show = self._showing.depth, self._showing.follow
        self._journal, self._readings = logs = [AppendLog(folder / name, community.digest()) for name in LOGS]
        self.concerns_open, attestors, guards = Concerns(), self._signing.attestors(), self._signing.stores
        self.erasing = Erasing(folder, community, self.projection, self.salts, self._readings, guards, self.ledger)
        self._terms = AgreedTerms(folder, community, self.ledger, self.tariffs, self.projection, self.concerns_open)
        self.trading = Trading(community, self.settlement_domain, keys["node"], self._journal, clock, show)
        self.holdings = Holdings(self.trading.state, self._journal.synced, self.settlement_domain)
        self.council = CouncilWatch(self.ledger, self._signing.addresses(), self.concerns_open, self.events)
        self.proposals, self.decisions = Proposals(self.ledger, community.contracts).newest, self.council.shown
        seats = Seats(community, self.trading, self.council, self.ledger, self.concerns_open)
        self._governing = Governing(community, self.council, seats, self._terms, self.trading, self.projection)
        self.measuring = Measuring(
            *(community, folder, self.readings_domain, self.salts, self.ledger, self._readings),
            *(self._signing.oracles(), self.projection, clock, self.council, self.concerns_open, seats),
        )
        self.facts, self.certifying = self._all_facts(), Certifying(community, self.salts, self.client, self.projection)
        self.settling = Settling(
            *(community, self.settlement_domain, self.salts, self.ledger, self.trading, self.tariffs),
            *(self._terms, self.projection, attestors, self.measuring, self.council, seats),
            page_accounts,
        )
        self.answering = Answering(self.ledger, self.settling) if community.contracts.questions else None
        self.coupling = coupling_of(
            *(folder, community, attestors, self.council, self.trading, self.ledger, clock, links, self.concerns_open)
        )
        self.neighbourhood = Neighbourhood(folder, community, self.projection, clock, self.concerns_open)
        self._present = Present(community, keys, clock, self.trading, self.measuring, self.queries, self.concerns_open)
        self.concerns, self.domain, self.book = self._present.concerns, self._present.domain, self._present.book
        self.border, self.balance = Border(self.coupling), self._present.balance
        self.known_facts, self.evidence, self.grid = self.facts.document, self.certifying.evidence, Grid(folder, clock)
        logs += [self.coupling.log] if self.coupling is not None else []
        self._replication = Replication(folder, community, keys["sealer"].address, logs, self.concerns_open)
        self.log_records, self.hear_taken_over = self._replication.records, self._replication.hear_taken_over

    @classmethod
    async def open(
        cls,
        folder: Path,
        clock: Clock,
        *,
        manual_time: bool = False,
        sealing: Sealing = AT_ONCE,
        links: LinkOptions = USUAL_LINKS,
        discipline: Discipline = unknown,
        page_accounts: int = PAGE_ACCOUNTS,
    ) -> Self:
        """Start a node on the folder of a founded community, and recover what a crash may have left half done.

        Args:
            folder: Where `node.coop.founding` put everything.
            clock: The node's time.
            manual_time: Whether blocks are stamped with this clock instead of the chain's own, for a demo that repeats.
            sealing: When the embedded chain seals blocks, and when they count as done.
            links: How it speaks to its neighbours, where the community has an account for links.
            discipline: Tells how well the node's clock is kept.
            page_accounts: How many accounts a transaction settles; the same as long as a run is not final.
        Raises:
            Misconfigured: the folder is not a community's, or another process runs on it.
            Corrupt: what is stored contradicts itself.
        """
        community = load_community(folder / COMMUNITY_FILE)
        keys = load_keys(folder / "keys")
        with ExitStack() as opened:
            signing = SigningKeys(folder, keys)  # one node's alone: before the tables are touched
            opened.callback(signing.close)
            external, operator = ExternalChain.load(folder), keys["operator"]
            chain = open_chain_access(
                folder, community.chain_id, operator, external, manual_time=manual_time, sealing=sealing
            )
            opened.callback(chain.stop)
            node = cls(
                *(folder, community, keys, clock, chain, signing),
                manual_time=manual_time,
                links=links,
                discipline=discipline,
                page_accounts=page_accounts,
            )
            opened.pop_all()  # the node lets go of them
        try:
            await node._recover()
        except BaseException:
            await node._let_go()
            raise
        return node

    async def close(self) -> None:
        """Stop listening, write everything, stop the chain."""
        self.events.close()
        try:
            await self.measuring.stop()
            await self._journal.close()
            self._show()
            self.projection.flush()
        finally:
            await self._let_go()

    async def wind_down(self) -> None:
        """Take nothing in any more, and let the standby have everything as long as it can still ask."""
        self.trading.stop()
        await self.measuring.stop()
        if self.coupling is not None:
            await self.coupling.stop()
        await self._replication.drain()

    async def _let_go(self) -> None:
        """Close every file and end the chain's process, whatever else fails."""
        async with AsyncExitStack() as stack:
            stack.callback(self._chain.stop)
            stack.push_async_callback(self.client.close)
            stack.callback(self._signing.close)
            stack.callback(self.projection.engine.dispose)
            stack.push_async_callback(self._readings.close)
            stack.push_async_callback(self._journal.close)
            stack.push_async_callback(self.neighbourhood.stop)
            stack.push_async_callback(self.measuring.stop)
            stack.push_async_callback(self.facts.stop)
            stack.push_async_callback(self.grid.stop)
            if self.coupling is not None:
                stack.push_async_callback(self.coupling.close)

    async def tick(self) -> TickReport:
        """Do whatever has become due: open books, close gates, sign and post readings, settle runs."""
        now = self.clock.now()
        self._replication.look(now)
        if self._manual_time:
            await self.client.call("chain_setTime", [now])
        self.grid.look(now)
        if self.coupling is not None:
            # Before gates close: what comes from beyond the border is an order like others.
            await self.coupling.step(now, grid_there=self.grid.is_there)
        self.trading.open_and_close(now)
        await self.trading.synced()
        self._show()
        self.measuring.clock_doubtful = is_doubtful(self._discipline, self.concerns_open, now)
        self.measuring.read_files()
        await self.measuring.synced()
        await self._governing.look(now)
        attested = await self.measuring.attest_due(now)
        self.neighbourhood.judge(self.measuring.attested_through)
        await self._chain.look_after()
        settled = await self.settling.settle_due(self.measuring.attested_through)
        answered = await self.answering.answer_due(now) if self.answering else []
        self._show()
        await self.projection.flushed()
        if attested or settled or not self._head:
            await self._read_head()
        self._showing.publish(attested, settled)
        return TickReport(*self._showing.take(), tuple(attested), tuple(settled), tuple(answered))

    async def run(self, period_s: float = 1.0) -> None:
        """Tick for ever, by the wall clock."""
        while True:
            try:
                await self.tick()
            except Unavailable:
                self._require_chain()
                await asyncio.sleep(period_s)
            self._replication.require_not_replaced()
            await asyncio.sleep(period_s)

    def _require_chain(self) -> None:
        """Stop the node when the chain's process has ended: whoever supervises the node starts both again."""
        code = self._chain.exit_code
        if code == EXIT_CORRUPT:
            raise Corrupt("the chain's process found its store corrupt and ended; its log says why")
        if code is not None:
            raise Unavailable(f"the chain's process has ended with code {code}: start the node again")

    # -- COMMANDS

    async def place_order(self, order: Order, signature: bytes) -> Placed | Rejected:
        """Check, journal and match a signed order; return when it is safely on disk."""
        placed = await self.trading.place_order(order, signature)
        self._show_at_once()
        return placed

    async def cancel_order(self, account: Address, digest: Digest, signature: bytes) -> Cancelled | Rejected:
        """Check and journal a signed cancellation; return when it is safely on disk."""
        cancelled = await self.trading.cancel_order(account, digest, signature)
        self._show_at_once()
        return cancelled

    async def drop_disconnected(self, digests: Iterable[Digest]) -> None:
        """Take out what still rests of the orders that a connection brought which has ended."""
        await self.trading.drop_disconnected(digests)
        self._show_at_once()

    async def halt_account(self, account: Address, halted: bool, nonce: int, signature: bytes) -> Switched | Rejected:
        """Turn a member's own switch; return when it is safely on disk."""
        switched = await self.trading.halt_account(account, halted, nonce, signature)
        self._show_at_once()
        return switched

    async def halt_by_operator(self, account: Address, halted: bool) -> Switched | Rejected:
        """Turn the operator's switch; return when it is safely on disk."""
        switched = await self.trading.halt_by_operator(account, halted)
        self._show_at_once()
        return switched

    def set_grid(self, lost: bool) -> JsonObject:
        """Take the operator's word that the grid was lost, or is back; return the mode that holds now."""
        now = self.clock.now()
        self.grid.say(lost, now)
        if self.coupling is not None:
            self.coupling.service.watch.step(now, grid_there=not lost)
        return self.mode()

    # -- QUERIES

    def mode(self) -> JsonObject:
        """Return how the community lives: what it has lost of grid and links."""
        if self.coupling is not None:
            mode = self.coupling.service.watch.mode
        else:
            mode = Mode.TOGETHER if self.grid.is_there else Mode.ISLAND
        return {"mode": mode.name.lower().replace("_", "-"), "gridLostAt": self.grid.lost_at}

    @property
    def sealer(self) -> Address:
        """Whose seal makes the chain's blocks valid."""
        return self._keys["sealer"].address

    def status(self) -> JsonObject:
        """Return what `energy_getStatus` answers."""
        link = self.coupling.status() if self.coupling is not None else None
        members = {"members": len(self.council.state.members)}
        return {**self._present.status(self._head), **members, **self.mode(), "link": link}

    # -- INSIDE

    async def _recover(self) -> None:
        now = self.clock.now()
        await self._chain.prepare(self.community)
        if self._manual_time:
            await self.client.call("chain_setTime", [now])
        await self.erasing.finish()
        self.trading.replay()
        self._governing.show_accounts()
        if self._showing.projected > self.trading.sequence:
            raise Corrupt(
                f"the journal ends at record {self.trading.sequence}, but the tables have seen record "
                f"{self._showing.projected}: it has lost its end; restore a backup"
            )
        # What no standby has told of may be shown: this disk has it, and it counts unless a standby has taken over.
        self._showing.show(self._journal.durable)
        await rotate(self.ledger, self._signing.rotations, now)
        await self._governing.recover(now)
        await self.measuring.recover()
        self.facts.recover(self.measuring.facts_kept)
        await self.settling.recover()
        await self._governing.seat(now)
        self._governing.show_balances(await self.ledger.balances([self.community.supplier]))
        self.trading.drop_all_disconnected()
        await self._journal.flushed()  # a standby can not ask before the node serves
        self._showing.show(self._journal.durable)
        self.projection.flush()
        self._showing.take()
        if self.coupling is not None:
            await self.coupling.start()
        self.neighbourhood.start()
        self.measuring.clock_doubtful = is_doubtful(self._discipline, self.concerns_open, now)
        await self.measuring.start()
        self.facts.start()
        await self._read_head()

    def _all_facts(self) -> FactBoard:
        return FactBoard(
            *(self.folder, self.community, self.readings_domain, self._signing.oracles(), self.council),
            *(self._readings, self.tariffs, self.projection, self.clock, self.concerns_open),
        )

    def _show(self) -> None:
        """Let the tables and the watchers know what is on disk."""
        self._showing.show(self.trading.durable)

    def _show_at_once(self) -> None:
        """Show a member what it has just done; its receipt does not wait for the tables."""
        self._show()
        self.projection.ready()

    async def _read_head(self) -> None:
        block = await self.client.call("eth_getBlockByNumber", ["latest", False])
        number, timestamp = int(block["number"], 16), int(block["timestamp"], 16)
        self._head = {"number": number, "hash": block["hash"], "timestamp": timestamp}
