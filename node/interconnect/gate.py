"""Puts what two communities have settled on the node's own chain: each run of a link, once, signed by both sides.

May be cut off anywhere: the contract says which run was the last, and the links' journal gives the others again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from energy.identity import Address, Digest
from interconnect.records import LinkRun, record_values
from node.interconnect.agreement import Agreement
from node.interconnect.links import Links
from node.interconnect.service import Attester
from node.ledger import ChainRefused, Ledger
from node.off_loop import off_loop

logger = logging.getLogger(__name__)

GATEWAY = "Gateway"
NO_ACCOUNT: Final = Address(bytes(20))
"""Whose bond is taken: the community names somebody by linking again, once it knows its neighbour's account here."""


@dataclass(frozen=True, slots=True)
class SignedRun:
    """A run that both sides agree on, with the other side's signatures."""

    other: Digest
    run: LinkRun
    signatures: tuple[bytes, ...]


class Gate:
    """The node's side of the contract `Gateway`."""

    def __init__(self, ledger: Ledger, links: Links, attest: Attester, payee: Address) -> None:
        """Take what is needed.

        Args:
            ledger: With the contract attached.
            links: Whom the community is linked to.
            attest: Has its attestors sign.
            payee: Who is paid from neighbours' bonds: the link's account.
        """
        self._ledger = ledger
        self._links = links
        self._attest = attest
        self._payee = payee
        self._waiting: list[SignedRun] = []
        self._linked: set[Digest] = set()
        self._refused_at: int | None = None

    def take(self, signed: SignedRun) -> None:
        """Take a run that is to be settled on chain."""
        self._waiting.append(signed)

    async def settle(self) -> int:
        """Settle what waits, and return how many runs are new on chain; what is refused waits for another block."""
        if not self._waiting or self._refused_at == (head := await self._ledger.head()):
            return 0
        settled = 0
        try:
            while self._waiting:
                settled += await self._settle(self._waiting[0])
                self._waiting.pop(0)
        except ChainRefused as refusal:
            logger.warning("the gateway refuses a run, which waits: %s", refusal)
            self._refused_at = head
        return settled

    async def _settle(self, signed: SignedRun) -> bool:
        await self._link(signed.other)
        last_run = (await self._ledger.read(GATEWAY, "neighbourOf", signed.other))[3]
        if signed.run.number <= last_run:
            return False
        own = await off_loop(self._attest, signed.run)
        await self._ledger.send(GATEWAY, "settle", record_values(signed.run), list(own), list(signed.signatures))
        return True

    async def _link(self, other: Digest) -> None:
        """Let the contract know a neighbour that is new to it."""
        if other in self._linked:
            return
        if (await self._ledger.read(GATEWAY, "neighbourOf", other))[0] == 0:
            agreed, is_child = self._agreement(other)
            card = agreed.child if is_child else agreed.parent
            attestors: Sequence[Address] = sorted(card.attestors.keys)
            price = agreed.conditions.void_ueur_per_kwh
            await self._ledger.send(
                GATEWAY, "link", other, is_child, attestors, card.attestors.quorum, self._payee, NO_ACCOUNT, price
            )
        self._linked.add(other)

    def _agreement(self, other: Digest) -> tuple[Agreement, bool]:
        if self._links.parent is not None and self._links.parent.parent.community == other:
            return self._links.parent, False
        return next((each, True) for each in self._links.children if each.child.community == other)
