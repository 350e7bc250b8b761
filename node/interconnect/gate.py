"""The node's side of the contract `Gateway`: what was let go there, and what is to be put there, once each.

Put there are runs of a link, signed by both sides; certificates that came in; proofs that one was sold twice, by which
the one that falls is given up and paid for from the origin's bond; and proofs that a neighbour's attestors signed two
runs under one number, by which its link is closed and its bond paid out whole. May be cut off anywhere: the contract
says what it has, and the links' journal gives the others again.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from web3.types import TxReceipt

from energy.identity import Address, Digest, address_from_hex, hex_text
from interconnect.evidence import Equivocated, SignedRun
from interconnect.origin import Conflict, SignedExport
from interconnect.records import EXPORT, Export, nullifier, record_values
from node.interconnect.agreement import Card
from node.interconnect.links import Links
from node.interconnect.service import Attester
from node.ledger import ChainRefused, Ledger
from node.off_loop import off_loop

logger = logging.getLogger(__name__)

GATEWAY = "Gateway"
CLOSED: Final = 2
LAST_RUN: Final = 3
BOND_OWNER: Final = 9
"""Places of fields in the contract's `Neighbour`."""
HELD: Final = 1
"""The contract's `ImportStatus` of a certificate that is neither claimed nor given up."""


Due = SignedRun | SignedExport | Conflict | Equivocated
"""What the contract is to take."""
Paid = Callable[[int], None]
"""Is told what a neighbour's bond has paid out here, n€."""


class Gate:
    """What goes in and out."""

    def __init__(self, ledger: Ledger, links: Links, attest: Attester, payee: Address, paid: Paid) -> None:
        """Take what is needed.

        Args:
            ledger: With the contract attached.
            links: Whom the community is linked to.
            attest: Has its attestors sign.
            payee: Who is paid from neighbours' bonds: the link's account.
            paid: Is told of every payment from a bond that this node brings about.
        """
        self._ledger = ledger
        self._links = links
        self._attest = attest
        self._payee = payee
        self._paid = paid
        self._waiting: list[Due] = []
        self._linked: set[Digest] = set()
        self._refused_at: int | None = None

    def take(self, due: Due) -> None:
        """Take what is to be put on chain."""
        self._waiting.append(due)

    @property
    def has_proofs(self) -> bool:
        """Whether a proof waits for the contract: a bond has still to pay."""
        return any(isinstance(each, Conflict | Equivocated) for each in self._waiting)

    def proves(self, other: Digest) -> bool:
        """Say whether the proof against a neighbour is still on its way to the contract."""
        return any(isinstance(each, Equivocated) and each.other == other for each in self._waiting)

    async def exported(self, known: int) -> list[Export]:
        """Return what the contract has let go after the first `known` exports, and no block takes back any more."""
        if await self._ledger.read(GATEWAY, "exports", block="finalized") <= known:
            return []
        head = await self._ledger.final()
        logs = await self._ledger.events(GATEWAY, "Exported")
        found = [_export(log["args"]["exported"]) for log in logs if log["blockNumber"] <= head]
        return [each for each in found if each.number > known]

    async def import_status(self, name: Digest) -> int:
        """Return the contract's `ImportStatus` of a certificate by its nullifier."""
        return int((await self._ledger.read(GATEWAY, "importOf", name))[2])

    async def settle(self) -> int:
        """Put there what waits, and return how much is new on chain; what is refused waits for another block."""
        if not self._waiting or self._refused_at == await self._ledger.head():
            return 0
        put, refused = 0, list[Due]()
        try:
            while self._waiting:
                put += await self._try(self._waiting[0], refused)
                self._waiting.pop(0)
        finally:
            self._waiting[:0] = refused
        if refused:
            self._refused_at = await self._ledger.head()  # with the refused transactions' own blocks
        return put

    async def _try(self, due: Due, refused: list[Due]) -> bool:
        """Return whether something is new on chain; a run waits unasked behind a refused one of its link."""
        behind = [each.other for each in refused if isinstance(each, SignedRun)]
        if isinstance(due, SignedRun) and due.other in behind:
            refused.append(due)
            return False
        try:
            return await self._put(due)
        except ChainRefused as refusal:
            logger.warning("the gateway refuses something, which waits: %s", refusal)
            refused.append(due)
            return False

    async def _put(self, due: Due) -> bool:
        match due:
            case SignedRun():
                return await self._settle(due)
            case SignedExport():
                return await self._import(due)
            case Conflict():
                return await self._give_up(due)
            case Equivocated():
                return await self._prove(due)

    async def _settle(self, signed: SignedRun) -> bool:
        await self._link(signed.other)
        neighbour = await self._ledger.read(GATEWAY, "neighbourOf", signed.other)
        if neighbour[CLOSED] or signed.run.number <= neighbour[LAST_RUN]:
            return False
        own = await off_loop(self._attest, signed.run)
        await self._send(signed.other, "settle", record_values(signed.run), list(own), list(signed.signatures))
        return True

    async def _import(self, signed: SignedExport) -> bool:
        await self._link(signed.export.origin)
        if await self.import_status(nullifier(signed.export)):
            return False
        await self._ledger.send(GATEWAY, "importCertificate", *_signed(signed))
        return True

    async def _give_up(self, conflict: Conflict) -> bool:
        if await self.import_status(nullifier(conflict.falls.export)) != HELD:
            return False
        origin = conflict.falls.export.origin
        await self._send(origin, "proveDoubleExport", *_signed(conflict.stands), *_signed(conflict.falls))
        return True

    async def _prove(self, proof: Equivocated) -> bool:
        await self._link(proof.other)
        if (await self._ledger.read(GATEWAY, "neighbourOf", proof.other))[CLOSED]:
            return False
        runs = [(record_values(each.run), list(each.signatures)) for each in (proof.first, proof.second)]
        await self._send(proof.other, "proveEquivocation", *runs[0], *runs[1])
        return True

    async def _send(self, other: Digest, function: str, *arguments: object) -> None:
        """Call the contract, and tell what the bond of a neighbour has paid by it."""
        receipt: TxReceipt = await self._ledger.send(GATEWAY, function, *arguments)
        block, transaction = receipt["blockNumber"], receipt["transactionHash"]
        for log in await self._ledger.events(GATEWAY, "BondPaid", since=block, other=other):
            if log["transactionHash"] == transaction:
                self._paid(log["args"]["amount"])

    async def _link(self, other: Digest) -> None:
        """Let the contract know a neighbour that is new to it."""
        if other in self._linked:
            return
        if (await self._ledger.read(GATEWAY, "neighbourOf", other))[0] == 0:
            card, is_child, price = self._neighbour(other)
            attestors: Sequence[Address] = sorted(card.attestors.keys)
            await self._ledger.send(
                GATEWAY,
                "link",
                *(other, is_child, attestors, card.attestors.quorum, self._payee, self._ledger.operator, price),
            )
        try:
            await self._bond(other)
        except ChainRefused as refusal:
            logger.warning("a neighbour's bond is not on the contract: %s", refusal)
        self._linked.add(other)

    async def _bond(self, other: Digest) -> None:
        """Put the bond of a neighbour on the contract, once: its operator has paid it in to this community's.

        Where the members have named somebody else for it, it is theirs to post.
        """
        bond_neur, operator = self._links.bond_neur(other), self._ledger.operator
        if not bond_neur or await self._ledger.events(GATEWAY, "BondPosted", other=other):
            return
        if (await self._ledger.read(GATEWAY, "neighbourOf", other))[BOND_OWNER].lower() != hex_text(operator):
            return
        await self._ledger.send("CommunityToken", "mint", operator, bond_neur)
        await self._ledger.send("CommunityToken", "approve", self._ledger.at(GATEWAY), bond_neur)
        await self._ledger.send(GATEWAY, "postBond", other, bond_neur)

    def _neighbour(self, other: Digest) -> tuple[Card, bool, int]:
        """Return who a community is, whether it is below, and what its bond pays for a kWh that is given up, µ€."""
        below = {each.child.community: each.child for each in self._links.children}
        above = [self._links.parent.parent] if self._links.parent is not None else []
        beside = {card.community: card for card in (*above, *self._links.trusted)}
        return {**beside, **below}[other], other in below, self._links.certificate_price(other)


def _signed(signed: SignedExport) -> tuple[object, ...]:
    return record_values(signed.export), list(signed.signatures)


def _export(logged: Mapping[str, Any]) -> Export:
    recipient = address_from_hex(str(logged["recipient"]).lower())
    values: list[Any] = [recipient if kind == "address" else logged[name] for kind, name in EXPORT.fields]
    return Export(*values)
