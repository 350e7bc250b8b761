"""The members' council: who decides, in which time; founded with the community, and handed its registry."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from energy.identity import address_from_hex
from node.coop.community import Contracts
from node.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Council:
    """How members decide, one vote each; see `contracts/src/Cooperative.sol`."""

    quorum_percent: int = 34
    """How many of the members must take part."""
    delay_s: int = 3_600
    """From a proposal to its vote."""
    period_s: int = 7 * 86_400
    """For the vote."""
    grace_s: int = 2 * 86_400
    """From the vote to the deed."""


USUAL: Final = Council()


async def elect(
    ledger: Ledger, council: Council, contracts: Contracts, step: Callable[[str], None], *, hand_over: bool
) -> Contracts:
    """Found the council, the purse for fees, reputation and badges; return all contracts.

    Args:
        ledger: The operator's, who owns the registry.
        council: How members decide.
        contracts: What was founded before.
        step: Is told what is done.
        hand_over: Whether the registry is the members' from now on.
    """
    terms = (council.quorum_percent, council.delay_s, council.period_s, council.grace_s)
    cooperative = await ledger.deploy("Cooperative", contracts.registry, *terms)
    timelock = address_from_hex((await ledger.read("Cooperative", "timelock")).lower())
    ledger.attach_at("Timelock", timelock)
    step("Cooperative")
    # Fees are the members' in common, until they decide on another contract with other shares.
    fees = await ledger.deploy("Fees", contracts.settlement, [(timelock, 1_000)], timelock)
    await ledger.send("Registry", "setCollector", fees, True)
    step("Fees")
    reputation = await ledger.deploy("Reputation", contracts.settlement)
    step("Reputation")
    badges = await ledger.deploy("Badges", reputation)
    step("Badges")
    if hand_over:
        await ledger.send("Registry", "transferOwnership", timelock)
        await ledger.send("Timelock", "accept", contracts.registry)
    step("council")
    return replace(
        contracts, cooperative=cooperative, timelock=timelock, fees=fees, reputation=reputation, badges=badges
    )
