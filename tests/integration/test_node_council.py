"""A real node whose members decide: they admit a neighbour from the command line, and the operator alone can not."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from web3 import Web3

from energy.identity import hex_text
from node.app import Node
from node.cli.cooperative import call_data
from node.cli.main import main
from node.coop.council import Council
from node.ledger import ChainRefused
from oracles.disputes import find_frauds
from tests.support.council import BASE_FEE, sent
from tests.support.real_node import (
    FIRST,
    KEYS,
    LENGTH_S,
    STRANGER,
    copy_of,
    found,
    hear,
    homes_of,
    running,
    serving,
    tick_at,
    trade,
)

COUNCIL = Council(quorum_percent=50, delay_s=60, period_s=300, grace_s=60)
START = FIRST - 3_000
NEWCOMER = STRANGER


@pytest.fixture(scope="module")
def founded_council(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("council") / "node"
    found(folder, council=COUNCIL)
    return folder


@pytest.fixture
def folder(founded_council: Path, tmp_path: Path) -> Path:
    return copy_of(founded_council, tmp_path / "node")


class Members:
    """Runs `resilia coop` as one member or another."""

    def __init__(self, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._url, self._capsys = folder, url, capsys
        (folder / "password").write_text("p\n")
        for label, key in (*KEYS.items(), ("stranger", STRANGER)):
            keystore = Account.encrypt(key.private_key, "p", kdf="pbkdf2", iterations=1)
            (folder / f"{label}.json").write_text(json.dumps(keystore))

    async def run(self, who: str, *words: str) -> int:
        signing = ["--key", str(self._folder / f"{who}.json"), "--password-file", str(self._folder / "password")]
        return await asyncio.to_thread(main, ["--rpc", self._url, "coop", *words, *signing])

    async def listed(self, *options: str) -> str:
        self._capsys.readouterr()
        assert await asyncio.to_thread(main, ["--rpc", self._url, *options, "coop", "list"]) == 0
        return self._capsys.readouterr().out


def test_members_admit_a_neighbour_and_the_operator_alone_can_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newcomer = hex_text(NEWCOMER.address)

    async def check() -> None:
        async with running(folder, START) as node, serving(node) as (url, client):
            registry = node.ledger
            assert await registry.read("Registry", "owner") == await registry.read("Cooperative", "timelock")
            with pytest.raises(ChainRefused, match="OwnableUnauthorizedAccount"):
                await registry.send("Registry", "admitMember", NEWCOMER.address)
            members = Members(folder, url, capsys)
            wish = ["propose", "registry", "admitMember", newcomer, "--why", "She moved in."]
            assert await members.run("stranger", *wish) == 1
            assert await members.run("H01", "propose", "registry", "admitMember", "0x12") == 2
            assert await members.run("H01", "propose", "registry", "isMember", newcomer) == 2, "a view decides nothing"
            assert await members.run("H01", *wish) == 0
            (proposal,) = await _proposals(url, client)
            assert proposal["calls"][0]["function"] == "admitMember"
            assert proposal["calls"][0]["arguments"] == [{"name": "account", "value": newcomer}]
            assert (proposal["state"], proposal["quorum"], proposal["members"]) == ("pending", 2, 3)
            number = proposal["id"][:8]
            assert await members.run("H01", "vote", number, "for") == 1, "the vote is not open yet"
            await tick_at(node, START + 100)
            assert await members.run("H01", "vote", number, "for") == 0
            assert await members.run("H01", "vote", number, "for") == 1, "once"
            assert await members.run("H02", "vote", number, "for") == 0
            assert await members.run("H03", "vote", number, "maybe") == 2
            await tick_at(node, START + 100 + COUNCIL.period_s)
            assert "2/3" in await members.listed()
            assert "acceptée" in await members.listed("--lang", "fr")
            assert await members.run("stranger", "queue", number) == 1, "nobody pays for a stranger's call"
            assert await members.run("H03", "queue", number) == 0
            assert await members.run("H03", "execute", number) == 1, "its time has not come"
            await tick_at(node, START + 200 + COUNCIL.period_s + COUNCIL.grace_s)
            assert await members.run("H03", "execute", number) == 0
            assert await registry.read("Registry", "isMember", NEWCOMER.address)
            (done,) = json.loads(await members.listed("--json"))["items"]
            assert (done["state"], done["votes"]) == ("executed", {"for": 2, "against": 0, "abstain": 0})

    asyncio.run(check())


async def _proposals(url: str, client: httpx.AsyncClient) -> list[Any]:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "energy_getProposals", "params": []}
    found: list[Any] = (await client.post(url, json=asked)).json()["result"]
    return found


def test_who_has_no_money_is_sponsored_by_the_rule_and_not_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.sponsoring.PARTY_GAS_PER_DAY", 450_000)
    guardians = [hex_text(pair.address) for pair in KEYS.values()]
    naming = call_data("registry", "nameGuardians", [json.dumps(guardians)])
    found(tmp_path / "node", members_decide=False)

    async def check() -> None:
        async with running(tmp_path / "node", START) as node:
            registry, token = node.community.contracts.registry, node.community.contracts.token

            async def refused(to: bytes, data: bytes, **other: int) -> bool:
                return "insufficient funds" in await sent(node, NEWCOMER, to, data, **other)

            assert await refused(registry, naming), "a stranger"
            await node.ledger.send("Registry", "admitMember", NEWCOMER.address)
            assert await refused(registry, naming, fee=5 * BASE_FEE), "at any price"
            assert await refused(registry, naming, gas=3_000_001), "for any gas"
            assert await refused(registry, call_data("registry", "cancelRotation", [])), "what fails"
            assert await refused(registry, Web3.keccak(text="owner()")[:4]), "a view"
            assert await refused(NEWCOMER.address, b""), "no contract of the community"
            for _ in range(2):
                assert (await sent(node, NEWCOMER, registry, naming)).startswith("0x")
            assert await node.ledger.read("Registry", "isMember", NEWCOMER.address)
            granted = await sent(node, NEWCOMER, token, call_data("token", "approve", [hex_text(registry), "1"]))
            assert "insufficient funds" in granted, "beyond a day's gas"
            await tick_at(node, START + 86_400)
            assert (await sent(node, NEWCOMER, registry, naming)).startswith("0x")

    asyncio.run(check())


def test_fees_come_to_the_members_purse(folder: Path) -> None:
    (folder / "charges.csv").write_text(
        "valid_from,valid_to,name,on,price_ueur_per_kwh,owner\n2025-01-01,,local levy,neighbours,10000,fees\n"
    )

    async def run_of(node: Node, homes: Any, first: int) -> None:
        for number in (1, 2):
            homes.use("H01", export_wh=500)
            homes.use("H02", import_wh=400)
            await hear(node, homes, first + number * LENGTH_S)

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                fees, timelock = node.community.contracts.fees, node.community.contracts.timelock
                await tick_at(node, FIRST - 1_200)
                await trade(node, homes, "H01", "H02", 400, FIRST)
                await hear(node, homes, FIRST)
                await run_of(node, homes, FIRST)
                levied = 400 * 10_000
                assert await node.ledger.read("Settlement", "balanceOf", fees) == levied
                await node.ledger.send("Fees", "collect")
                await run_of(node, homes, FIRST + 2 * LENGTH_S)
                await node.ledger.send("Fees", "share")
                assert await node.ledger.read("CommunityToken", "balanceOf", timelock) == levied
                accounts: Sequence[Any] = node.queries.accounts()
                assert {row["label"] for row in accounts} == {*KEYS, "Supplier", "Fees"}

    asyncio.run(check())


def test_an_honest_run_with_fees_contradicts_no_rule(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    found(folder, challenge_window_s=10_800, answer_time_s=3_600)
    (folder / "charges.csv").write_text(
        "valid_from,valid_to,name,on,price_ueur_per_kwh,owner\n2025-01-01,,local levy,neighbours,10000,fees\n"
    )

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await trade(node, homes, "H01", "H02", 400, FIRST)
                await hear(node, homes, FIRST)
                for number in (1, 2):
                    homes.use("H01", export_wh=500)
                    homes.use("H02", import_wh=400)
                    await hear(node, homes, FIRST + number * LENGTH_S)
                own = await node.settling.opened(1)
                assert own is not None
                fees = node.community.contracts.fees
                assert fees is not None
                assert any(line.data("account") == bytes(fees) for line in own.run.entries)
                assert list(find_frauds(own.run)) == []

    asyncio.run(check())
