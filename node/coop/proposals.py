"""What members propose and decide: the cooperative's proposals, read from the chain.

Units: UTC epoch seconds. What OpenZeppelin's Governor calls snapshot and deadline are here the last second before the
vote and its last second; until the vote begins, members and quorum are those of now.
Source: `contracts/src/Cooperative.sol`.
"""

from typing import Any, Final

from energy.identity import address_from_hex, hex_text
from node.api.decoding import decoded_call
from node.coop.community import Contracts
from node.coop.proposal_words import STATE_WORDS
from node.ledger import Ledger
from node.rpc.ports import JsonObject

SHOWN: Final = 50
"""Most proposals in one answer, the newest first."""
STATES: Final = tuple(STATE_WORDS)
"""By the contract's numbers."""


class Proposals:
    """The proposals of one community; none where it has no cooperative."""

    def __init__(self, ledger: Ledger, contracts: Contracts) -> None:
        self._ledger = ledger
        self._contracts = contracts

    async def newest(self) -> list[JsonObject]:
        """Return the newest proposals: what `energy_getProposals` answers."""
        if self._contracts.cooperative is None:
            return []
        logs = await self._ledger.events("Cooperative", "ProposalCreated")
        return [await self._shown(log["args"]) for log in reversed(logs[-SHOWN:])]

    async def _shown(self, created: Any) -> JsonObject:
        number = created["proposalId"]
        against, for_, abstained = await self._read("proposalVotes", number)
        begins = int(created["voteStart"])
        return {
            "id": f"0x{number:064x}",
            "proposer": hex_text(address_from_hex(created["proposer"].lower())),
            "description": created["description"],
            "state": STATES[await self._read("state", number)],
            "votesAfter": begins,
            "votesUntil": int(created["voteEnd"]),
            "executableAt": int(await self._read("proposalEta", number)) or None,
            "votes": {"for": for_, "against": against, "abstain": abstained},
            "quorum": int(await self._read("quorum", begins)),
            "members": int(await self._ledger.read("Registry", "memberCountAt", begins)),
            "calls": [
                self._call(target.lower(), value, bytes(data))
                for target, value, data in zip(created["targets"], created["values"], created["calldatas"], strict=True)
            ],
        }

    def _call(self, target: str, value: int, data: bytes) -> JsonObject:
        named = {name: hex_text(at) for name, at in self._contracts.named().items()}
        said = decoded_call(named, target, "0x" + data.hex())
        return {
            "address": target,
            "contract": said.contract,
            "function": said.name,
            "arguments": [{"name": name, "value": text} for name, text in said.values],
            "valueWei": str(value),
            "data": "0x" + data.hex(),
        }

    async def _read(self, function: str, *arguments: object) -> Any:
        return await self._ledger.read("Cooperative", function, *arguments, block="pending")
