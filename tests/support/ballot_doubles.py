"""Votes without a chain: a cooperative that takes ballots as the contract does, and counts them."""

from collections.abc import Mapping
from typing import Any, Final

from energy.identity import Address, address_from_hex
from node.coop.ballots import Ballots
from node.ledger import ChainRefused
from oracles.hashing import keccak

PROPOSAL: Final = 0xDA << 248 | 1
"""The one proposal that takes votes: that of `tests.support.proposals`."""
CHAIN_ID: Final = 1_904_113_327
COOPERATIVE: Final = Address(b"\x66" * 20)


class CooperativeDouble:
    """The parts of `node.ledger.Ledger` that votes need."""

    def __init__(self, *members: Address) -> None:
        self._members = members
        self.votes: dict[Address, int] = {}

    def ballots(self) -> Ballots:
        """Return the votes over it."""
        ledger: Any = self
        return Ballots(ledger, CHAIN_ID, COOPERATIVE)

    async def read(self, name: str, function: str, *arguments: Any) -> Any:
        voter = address_from_hex(arguments[0].lower())
        return voter in self._members if function == "isMember" else int(voter in self.votes)

    async def require_passing(self, name: str, function: str, *arguments: Any) -> None:
        proposal, _, voter, _ = arguments
        if proposal != PROPOSAL:
            raise ChainRefused("Cooperative: GovernorNonexistentProposal(1,)")
        if address_from_hex(voter.lower()) in self.votes:
            raise ChainRefused(f"Cooperative: GovernorAlreadyCastVote('{voter}',)")

    async def send(self, name: str, function: str, *arguments: Any) -> Mapping[str, Any]:
        _, support, voter, _ = arguments
        self.votes[address_from_hex(voter.lower())] = support
        return {"transactionHash": keccak(repr(arguments).encode())}
