"""Votes by signature: a member signs a ballot, with a wallet or a passkey, and the operator brings it to the contract.

A ballot is the typed data that OpenZeppelin's Governor takes from whoever brings it: nobody can change it, and its
number makes it count once. So a vote needs neither gas nor a way to the chain. Units: votes.
Refuses, with `BadParameter`: what is no ballot; with `NotCounted`: ballots of others than members, with another
signature, or that the contract does not take.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Self

from eth_utils.address import to_checksum_address

from energy.identity import Address, Digest, hex_text
from node.i18n import gettext
from node.ledger import ChainRefused, Ledger
from node.rpc import parameters
from node.rpc.parameters import BadParameter
from node.rpc.ports import JsonObject
from oracles.signatures import recover
from oracles.typed_data import BALLOT, community_domain, digest, eip712_json


class Support(IntEnum):
    """What a vote says, by the contract's numbers."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


_WHOLE: Final = re.compile(r"[0-9]{1,78}|0x[0-9a-fA-F]{1,64}")
_FIELDS: Final = ("proposalId", "support", "voter", "nonce")


class NotCounted(Exception):
    """A vote that is refused; says why in the reader's words."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote."""

    proposal: int
    support: Support
    voter: Address
    nonce: int
    """How many ballots the contract has counted for the voter."""

    @property
    def values(self) -> tuple[int, int, bytes, int]:
        """The values of the signed struct."""
        return self.proposal, self.support, self.voter, self.nonce

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return the ballot in ``{proposalId, support, voter, nonce}``.

        Raises:
            BadParameter: it is none.
        """
        if not isinstance(value, dict) or sorted(value) != sorted(_FIELDS):
            raise BadParameter("ballot", f"must be an object with exactly the fields {', '.join(_FIELDS)}")
        support = _number("support", value["support"])
        if support not in tuple(Support):
            raise BadParameter("support", "must be 0 (against), 1 (for) or 2 (abstain)")
        return cls(
            _number("proposalId", value["proposalId"]),
            Support(support),
            parameters.address("voter", value["voter"]),
            _number("nonce", value["nonce"]),
        )


class Ballots:
    """The votes of one community."""

    def __init__(self, ledger: Ledger, chain_id: int, cooperative: Address) -> None:
        """Take who reads and sends, and where the contract is."""
        self._ledger = ledger
        self._domain = community_domain(chain_id, cooperative)

    async def form(self, proposal: int, support: Support, voter: Address) -> JsonObject:
        """Return the next ballot of a voter, as a wallet signs it (EIP-712)."""
        nonce = int(await self._ledger.read("Cooperative", "nonces", to_checksum_address(voter)))
        return eip712_json(self._domain, BALLOT, Ballot(proposal, support, voter, nonce).values)

    def digest(self, ballot: Ballot) -> Digest:
        """Return what a voter signs."""
        return digest(self._domain, BALLOT.hash(ballot.values))

    async def cast(self, ballot: Ballot, signature: bytes) -> str:
        """Bring a ballot to the contract; return the hash of the transaction once it counts.

        Raises:
            NotCounted: says why.
        """
        try:
            signer = recover(self.digest(ballot), signature)
        except ValueError:
            signer = None
        if signer != ballot.voter:
            raise NotCounted(gettext("The ballot is not signed by its voter, or is not the next one."))
        voter = to_checksum_address(ballot.voter)
        if not await self._ledger.read("Registry", "isMember", voter):
            raise NotCounted(gettext("Members vote, and this account is none."))
        call = ("Cooperative", "castVoteBySig", ballot.proposal, int(ballot.support), voter, signature)
        try:
            await self._ledger.require_passing(*call)
            receipt = await self._ledger.send(*call)
        except ChainRefused as refused:
            raise NotCounted(_words(str(refused))) from refused
        return hex_text(receipt["transactionHash"])


def _number(field: str, value: Any) -> int:
    """Return an unsigned integer of 256 bits: a proposal's number is a hash."""
    text = str(value)
    number = int(text, 16 if text.startswith("0x") else 10) if _WHOLE.fullmatch(text) else 2**256
    if number >= 2**256:
        raise BadParameter(field, "must be a whole number of up to 256 bits, decimal or 0x")
    return number


def _words(refused: str) -> str:
    if "GovernorAlreadyCastVote" in refused:
        return gettext("This account has voted on the proposal already.")
    if "GovernorUnexpectedProposalState" in refused or "GovernorNonexistentProposal" in refused:
        return gettext("The proposal takes no votes now.")
    if "GovernorInvalidSignature" in refused:
        return gettext("The ballot is not signed by its voter, or is not the next one.")
    return refused
