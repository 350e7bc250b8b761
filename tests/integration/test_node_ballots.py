"""Ballots on a real cooperative: counted once, for their voter, while votes are taken; the operator pays the way."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from node.app import Node
from node.coop.ballots import Ballot, Ballots, NotCounted, Support
from node.coop.council import Council
from node.rpc import parameters
from node.signing.keys import KeyPair
from oracles.signatures import sign
from tests.support.council import propose
from tests.support.real_node import FIRST, KEYS, STRANGER, found, running, tick_at

COUNCIL = Council(quorum_percent=50, delay_s=60, period_s=300, grace_s=60)
START = FIRST - 3_000


async def vote(ballots: Ballots, proposal: int, key: KeyPair, signer: KeyPair | None = None, **changes: int) -> str:
    form = await ballots.form(proposal, Support.FOR, key.address)
    nonce = parameters.natural("nonce", form["message"]["nonce"])
    ballot = replace(Ballot(proposal, Support.FOR, key.address, nonce), **changes)  # type: ignore[arg-type]
    return await ballots.cast(ballot, sign((signer or key).private_key, ballots.digest(ballot)))


def test_a_ballot_counts_once_for_its_voter_while_votes_are_taken(tmp_path: Path) -> None:
    found(tmp_path / "node", council=COUNCIL)

    async def counted(node: Node, number: int) -> tuple[int, ...]:
        return tuple(await node.ledger.read("Cooperative", "proposalVotes", number))

    async def check() -> None:
        async with running(tmp_path / "node", START) as node:
            cooperative = node.community.contracts.cooperative
            assert cooperative is not None
            ballots = Ballots(node.ledger, node.community.chain_id, cooperative)
            number = await propose(node, ("registry", "admitMember", ["0x" + "77" * 20]))
            with pytest.raises(NotCounted, match="takes no votes now"):
                await vote(ballots, number, KEYS["H01"])
            await tick_at(node, START + 100)
            with pytest.raises(NotCounted, match="takes no votes now"):
                await vote(ballots, 1, KEYS["H01"])
            with pytest.raises(NotCounted, match="not signed by its voter"):
                await vote(ballots, number, KEYS["H01"], signer=STRANGER)
            with pytest.raises(NotCounted, match="not the next one"):
                await vote(ballots, number, KEYS["H01"], nonce=1)
            with pytest.raises(NotCounted, match="this account is none"):
                await vote(ballots, number, STRANGER)
            assert await counted(node, number) == (0, 0, 0)
            assert (await vote(ballots, number, KEYS["H01"])).startswith("0x")
            with pytest.raises(NotCounted, match="voted on the proposal already"):
                await vote(ballots, number, KEYS["H01"])
            await vote(ballots, number, KEYS["H02"], support=Support.ABSTAIN)
            assert await counted(node, number) == (0, 1, 1)

    asyncio.run(check())
