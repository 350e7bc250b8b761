"""The link's account in the node: offers what the book can not match, and trades there what comes back.

What the zones above and below take from this node's homes, or give them, is traded by one ordinary account with
collateral, by signed orders in the ordinary book: so journal, audit and settlement need no rule for it. Its meter's
registers are the schedule that the zones have agreed on; what the account could not buy or sell in the book is its own
imbalance, like anybody's. What it earns between the book's prices and the zone's stays in it, the community's.
Units: Wh, µ€/kWh, UTC epoch seconds.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from energy.errors import Corrupt, Unavailable
from energy.identity import Digest, hex_text
from energy.results import Rejected
from interconnect.curves import Curve, Step, residual
from interconnect.evidence import Equivocated, SignedRun
from interconnect.modes import HearingRules, Watch
from interconnect.records import Export, LinkRun, link_word, record_digest
from interconnect.station import Coupled, Effect, GaveUp, Settled
from interconnect.terms import Attestors
from market.orders import Order, Side, TimeInForce
from market.rejections import MarketReject
from node.clock import Clock
from node.coop.community import Community, Member
from node.coop.decided import Role, SigningRules, chosen
from node.interconnect.carrier import Carrier
from node.interconnect.gate import Gate
from node.interconnect.links import Links
from node.interconnect.options import LinkOptions
from node.interconnect.registers import LinkRegisters
from node.interconnect.reports import Reports
from node.interconnect.service import LinkService
from node.ledger import Ledger
from node.orders.trading import Trading
from node.orders.typed_data import order_digest
from node.rpc.ports import JsonObject
from node.signing.keys import KeyPair, load_link_key
from node.storage.log import AppendLog
from node.views.concerns import Code, Concerns
from oracles.guarding import Guard
from oracles.signatures import sign
from oracles.typed_data import Domain, community_domain

logger = logging.getLogger(__name__)

LEVELS: Final = 1 << 20
"""More than a book has."""
LEASE_INTERVALS: Final = 14 * 96
"""A child's capacity is granted for so long; anew at every start, and when half of it is over."""


class LinkKey:
    """The key with which a node speaks to other communities."""

    def __init__(self, key: KeyPair) -> None:
        self._key = key

    def sign(self, digest: Digest) -> bytes:
        """Return the signature of the link's account."""
        return sign(self._key.private_key, digest)


@dataclass(frozen=True, slots=True)
class LinkAttestors:
    """A community's attestors, before other communities."""

    guards: Sequence[Guard]
    domain: Domain
    """Of the own Settlement contract."""
    rules: SigningRules
    """What the own members have decided."""
    card: Attestors
    """Whom the neighbours know, and how many of them they ask for."""
    clock: Clock

    def attest(self, record: LinkRun | Export) -> tuple[bytes, ...]:
        """Return as many signatures as the own members and the neighbours ask for, by ascending signer.

        Raises:
            Unavailable: too few keys can be reached, or may sign and are known to the neighbours.
            Corrupt: a guard has signed another content under that number: journal and guards contradict each other.
        """
        found: list[bytes] = []
        refused: Rejected | None = None
        known = [guard for guard in self.guards if guard.address in self.card.keys]
        valid, decided = chosen(self.rules, Role.ATTESTOR, known, self.clock.now())
        quorum = max(decided, self.card.quorum)
        for guard in sorted(valid, key=lambda each: each.address):
            with suppress(Unavailable):
                answer = guard.sign_link(self.domain, link_word(record))
                if isinstance(answer, Rejected):
                    refused = answer
                elif len(found) < quorum:
                    found += answer.events
        if len(found) >= quorum:
            return tuple(found)
        if refused is not None:
            raise Corrupt(f"attestors have signed something else for the link before: {refused}")
        raise Unavailable("too few attestors answer to sign for the link")


def coupling_of(
    folder: Path,
    community: Community,
    attestors: Sequence[Guard],
    rules: SigningRules,
    trading: Trading,
    ledger: Ledger,
    clock: Clock,
    options: LinkOptions,
    concerns: Concerns,
) -> "Coupling | None":
    """Return the links of a node's community; None of one without an account for links.

    Raises:
        Misconfigured: its key or its folder of links is not as it should be.
    """
    member = community.link_member()
    if member is None:
        return None
    key = load_link_key(folder / "keys")
    domain = community_domain(community.chain_id, community.contracts.settlement)
    return Coupling(folder, community, member, key, attestors, rules, trading, domain, clock, options, ledger, concerns)


class Coupling:
    """One node among its neighbours."""

    def __init__(
        self,
        folder: Path,
        community: Community,
        member: Member,
        key: KeyPair,
        attestors: Sequence[Guard],
        rules: SigningRules,
        trading: Trading,
        domain: Domain,
        clock: Clock,
        options: LinkOptions,
        ledger: Ledger,
        concerns: Concerns,
    ) -> None:
        """Read who the neighbours are; nothing is sent yet.

        Raises:
            Misconfigured: the folder of links is not as it should be.
        """
        links = Links.load(folder)
        self.links = links
        self.coupled: dict[int, Coupled] = {}
        """What came of each interval."""
        self._community = community
        self._member = member
        self._key = key
        self._trading = trading
        self._domain = domain
        self._clock = clock
        self._options = options
        self._timing = links.timing(community.market.gate_lead_s, options.offer_lead_s, options.close_lead_s)
        self.attest = LinkAttestors(attestors, domain, rules, links.own.attestors, clock).attest
        station = links.station(self._timing, LinkKey(key))
        above = links.parent.parent.name if links.parent else None
        self._carrier = Carrier(options.server, links.own.name, sorted(links.neighbours), links.seed, above)
        self.log = AppendLog(links.folder / "journal.log", community.digest())
        self.service = LinkService(station, self.log, self._carrier, links.neighbours, clock, self._follow, self.attest)
        steady_s = options.steady_s if links.parent is not None else 0
        self.service.watch = Watch(HearingRules(options.silence_s, steady_s))
        self._offered: set[int] = set()
        self._untraded: list[Coupled] = []
        self._registers = LinkRegisters(links.folder / "registers.csv", member.serial, community)
        self._concerns, self._reports = concerns, Reports(links.folder / "reports.json")
        gated = community.contracts.gateway is not None
        self._gate = Gate(ledger, links, self.attest, key.address, self._reports.paid) if gated else None
        self._task: asyncio.Task[None] | None = None

    # -- LIFE

    async def start(self) -> None:
        """Bring the station to where its journal ends, and begin to speak to the neighbours.

        Raises:
            Corrupt: the journal of the links does not replay.
        """
        await self.service.start()
        self._reports.begin(self.service.watch)
        with suppress(Unavailable):  # then it is done by the first step
            await self._catch_up(self._clock.now())
        if self.links.neighbours:
            self._task = asyncio.create_task(self._carrier.run(self.service.receive, self._heard, self._options.beat_s))
            self._task.add_done_callback(_told)

    async def stop(self) -> None:
        """Let go of the server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def close(self) -> None:
        """Let go of the server and of the files."""
        await self.stop()
        await self.log.close()

    # -- TIME

    async def step(self, now: int, *, grid_there: bool) -> None:
        """Do what has become due: grant, offer, clear, trade, and show the link's registers."""
        if self.links.parent is None:
            self.service.watch.hear(now)
        mode = self.service.watch.step(now, grid_there=grid_there)
        await self._catch_up(now)
        await self._grant(now)
        for interval in self._trading.state.open_intervals():
            if interval - now > self._timing.offer_lead_s:
                break
            closing = now >= interval - self._timing.close_lead_s
            if interval not in self._offered and (closing or mode.offers or self.links.parent is None):
                await self._offer(interval, closing=closing)
            if closing and interval not in self.coupled:
                await self.service.close(interval)
        for coupled in self._untraded:
            await self._trade(coupled)
        self._untraded.clear()
        self._offered = {each for each in self._offered if each > now}
        if self._gate is not None:
            with suppress(Unavailable):  # a chain that is away keeps no gate open; the runs wait
                await self._gate.settle()
                await self._export(self._gate)
        self._reports.step(self.service.watch, now, is_open=self._is_open())

    async def _catch_up(self, now: int) -> None:
        """Clear what began while the node was away, and show it: an award that was taken is owed, traded or not."""
        station = self.service.station
        waiting = {*station.own, *station.awarded, *(n for side in station.zone.children.values() for n in side.offers)}
        begun = [interval for interval in waiting if interval <= now]
        if begun:
            await self.service.close(max(begun))
        self._registers.write(now, self.coupled)

    async def _export(self, gate: Gate) -> None:
        """Have signed what the contract has let go; its numbers are the links' journal's, too."""
        for export in await gate.exported(len(self.service.station.exports.made)):
            refused = await self.service.export(export)
            if refused is not None:
                raise Corrupt(f"the links' journal and the gateway's exports contradict each other: {refused}")

    async def _grant(self, now: int) -> None:
        length = self._community.market.interval_length_s
        start = now - now % length
        for each in self.links.children:
            if self.service.station.is_closed(each.child.community):
                continue
            side = self.service.station.zone.children[each.child.community]
            wanted = each.conditions.capacity_wh
            held = side.lease
            fresh = held is not None and held.last_interval - start > LEASE_INTERVALS * length // 2
            if not fresh or held is None or held.export_max_wh != wanted:
                last = start + LEASE_INTERVALS * length
                await self.service.grant(each.child.community, start, last, wanted, wanted)

    async def _offer(self, interval: int, *, closing: bool) -> None:
        uplink = self.service.station.uplink
        if uplink is not None and uplink.refuse_interval(interval) is not None and not closing:
            return  # there is no lease yet
        self._offered.add(interval)
        await self.service.offer(interval, self._residual(interval))

    def _residual(self, interval: int) -> Curve:
        """Return what rests in a book, without anybody's name."""
        bids, asks = self._trading.state.book_depth(interval, LEVELS)
        return residual(*(tuple(Step(price, wh) for price, wh, _ in side if wh) for side in (asks, bids)))

    async def _trade(self, coupled: Coupled) -> None:
        """Trade in the book what the zones have agreed on; the nonce is the interval, so that it happens once."""
        market, net_wh = self._community.market, coupled.own_net_export_wh
        if not net_wh or coupled.price_ueur_per_kwh is None:
            return
        if coupled.interval not in self._trading.state.open_intervals():
            return
        price = min(max(coupled.price_ueur_per_kwh, market.price_floor_ueur_per_kwh), market.price_ceiling_ueur_per_kwh)
        order = Order(
            self._key.address,
            coupled.interval,
            Side.BUY if net_wh > 0 else Side.SELL,
            min(abs(net_wh), market.quantity_max_wh),
            price,
            TimeInForce.GOOD_TILL_GATE,
            coupled.interval,
            0,
        )
        placed = await self._trading.place_order(order, sign(self._key.private_key, order_digest(self._domain, order)))
        if isinstance(placed, Rejected) and placed.code is not MarketReject.DUPLICATE_NONCE:
            logger.warning("the link's order for %d is refused, and becomes imbalance: %s", coupled.interval, placed)

    # -- WHAT HAPPENS

    def _follow(self, effect: Effect) -> None:
        if isinstance(effect, Coupled):
            self.coupled[effect.interval] = effect
            self._untraded.append(effect)
        if isinstance(effect, Settled) and self._gate is not None:
            self._gate.take(SignedRun(effect.other, effect.run, effect.signatures))
        if isinstance(effect, Export) and self._gate is not None:
            imports, key = self.service.station.imports, (effect.origin, effect.number)
            self._gate.take(imports.held.get(key) or imports.given_up[key])
        if isinstance(effect, GaveUp) and self._gate is not None:
            self._gate.take(effect.conflict)
        if isinstance(effect, Equivocated):
            self._close(effect)
        self._reports.follow(effect)

    def _close(self, proof: Equivocated) -> None:
        """Tell the operator, and claim the bond: the contract closes the link as the station has."""
        label, run = self.links.known[proof.other], str(proof.first.run.number)
        self._concerns.raise_(Code.LINK_EQUIVOCATION, label, self._clock.now(), run=run)
        if self._gate is not None:
            self._gate.take(proof)

    def _heard(self, name: str) -> None:
        if self.links.parent is None or name == self.links.parent.parent.name:
            self.service.watch.hear(self._clock.now())

    def _is_open(self) -> bool:
        uplink = self.service.station.uplink
        undecided = uplink is not None and any(n not in uplink.ledger.outcomes for n in uplink.ledger.awards)
        unpaid = self._gate is not None and self._gate.has_proofs
        return undecided or unpaid or self._carrier.waiting > 0

    # -- ANSWERS

    def status(self) -> JsonObject:
        """Return what others may know of the links: totals, prices and capacities."""
        station, watch = self.service.station, self.service.watch
        latest = max(self.coupled, default=None)
        coupled = self.coupled[latest] if latest is not None else None
        uplink = station.uplink
        lease = uplink.lease if uplink is not None else None
        return {
            "name": self.links.own.name,
            "connected": self._carrier.is_connected,
            "heardAt": watch.heard_at,
            "parent": self.links.parent.parent.name if self.links.parent else None,
            "children": [each.child.name for each in self.links.children],
            "communities": [{"name": name, "community": hex_text(each)} for each, name in self.links.known.items()],
            "fee": self.links.parent.conditions.fee_ueur_per_kwh if self.links.parent else None,
            "exportMaxWh": lease.export_max_wh if lease else None,
            "importMaxWh": lease.import_max_wh if lease else None,
            "interval": latest,
            "price": coupled.price_ueur_per_kwh if coupled else None,
            "netExportWh": coupled.own_net_export_wh if coupled else None,
            "balanceNeur": self._balance_neur(),
            "refused": self.service.refused.total(),
            "refusals": [
                {"name": name, "code": code, "count": count}
                for (name, code), count in sorted(self.service.refused.items())
            ],
            "equivocations": [self._equivocation(each) for each in station.evidence.proofs.values()],
        }

    def _equivocation(self, proof: Equivocated) -> JsonObject:
        first, second = (hex_text(record_digest(each.run)) for each in (proof.first, proof.second))
        return {
            "name": self.links.known[proof.other],
            "run": proof.first.run.number,
            "first": first,
            "second": second,
            "proven": self._gate is not None and not self._gate.proves(proof.other),
        }

    async def import_status(self, name: Digest) -> int:
        """Return the contract's `ImportStatus` of a certificate by its nullifier."""
        return await self._gate.import_status(name) if self._gate is not None else 0

    def reports(self) -> list[JsonObject]:
        """Return what happened in every cut, to the Wh, oldest first."""
        return self._reports.to_json()

    def _balance_neur(self) -> int:
        """Return what the neighbours owe this community by settled runs."""
        station = self.service.station
        above = station.uplink.ledger.balance_neur if station.uplink is not None else 0
        return above - sum(side.ledger.balance_neur for side in station.zone.children.values())


def _told(task: "asyncio.Task[None]") -> None:
    with suppress(asyncio.CancelledError):
        if task.exception() is not None:
            logger.error("the links' carrier has ended", exc_info=task.exception())
