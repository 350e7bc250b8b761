"""A proposal of members as `energy_getProposals` tells it."""

from typing import Any

from tests.support.facts import carbon

NEWCOMER = "0x" + "77" * 20
NOW = 1_495_023_600
"""2017-05-17 12:20 UTC."""


def proposal(identity: str, proposer: str, contract: str, now: int, **changes: Any) -> dict[str, Any]:
    """Return a proposal to admit a newcomer, half of whose vote is over, unless told otherwise."""
    call = {
        "address": contract,
        "contract": "Registry",
        "function": "admitMember",
        "arguments": [{"name": "account", "value": NEWCOMER}],
        "valueWei": "0",
        "data": "0x" + "00" * 36,
    }
    return {
        "id": identity,
        "proposer": proposer,
        "description": "She moved in.",
        "state": "active",
        "votesAfter": now - 3_600,
        "votesUntil": now + 3_600,
        "executableAt": None,
        "votes": {"for": 2, "against": 1, "abstain": 0},
        "quorum": 2,
        "members": 4,
        "calls": [call],
    } | changes


class ProposalsDouble:
    """The part of a core that tells of proposals, and of facts."""

    def known_facts(self) -> list[dict[str, Any]]:
        """Return one series."""
        return [carbon()]

    async def proposals(self) -> list[dict[str, Any]]:
        """Return one proposal."""
        return [proposal(f"0xda{1:062x}", "0x" + "11" * 20, "0x" + "66" * 20, NOW)]

    async def decisions(self) -> dict[str, Any]:
        """Return a retired key, and the quorums."""
        facts = {"attestor": "0x" + "22" * 20, "validTo": NOW + 900}
        retired = {"at": NOW - 60, "decision": "AttestorRetired", "facts": facts}
        return {"oracleQuorum": 2, "attestorQuorum": 1, "items": [retired]}
