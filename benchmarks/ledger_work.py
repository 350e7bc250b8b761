"""Transactions that each of the compared ledgers executes, and how much of them it does in a second.

A `Work` is a chain and the blocks that come on it; the first of them only prepare. The same signed bytes go to ours, to
anvil and to eth-tester. Units: gas; CPU seconds are those of the process that executes.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount

from benchmarks.http_node import HttpNode, anvil, ours
from benchmarks.settled_blocks import SettledChain, selector
from energy.identity import Address, hex_text
from node.chain.building import contract_address
from node.chain.genesis import Genesis
from node.chain.seal import Sealer
from node.chain.transactions import decode_transaction
from tests.support.source_tree import ROOT

CHAIN_ID: Final = 1_904_113_327
START: Final = 1_767_225_600
SEALER_KEY: Final = b"\x5e" * 32
SENDERS: Final = tuple(Account.from_key((10**6 + number).to_bytes(32, "big")) for number in range(300))
OPERATOR: Final = Account.from_key(b"\x0d" * 32)
TOKEN: Final = contract_address(Address(bytes.fromhex(OPERATOR.address[2:])), 0)
MILLION: Final = 10**6

Blocks = Sequence[tuple[int | None, Sequence[bytes]]]
"""Timestamp and transactions of each; without a timestamp a block comes when it comes."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is executed."""

    genesis: Genesis
    sealer_key: bytes
    blocks: Blocks
    prepared_by: int
    """Blocks at the beginning that are not measured."""


def rich_genesis() -> Genesis:
    """Return a chain on which every sender has money."""
    alloc = {Address(bytes.fromhex(each.address[2:])): 10**20 for each in (*SENDERS, OPERATOR)}
    return Genesis(CHAIN_ID, START, Sealer(SEALER_KEY).address, alloc)


def _signed(account: LocalAccount, nonce: int, to: bytes | None, gas: int, value: int = 0, data: bytes = b"") -> bytes:
    transaction: dict[str, Any] = {
        "type": 2, "chainId": CHAIN_ID, "nonce": nonce, "gas": gas, "value": value, "data": data,
        "maxFeePerGas": 10**4, "maxPriorityFeePerGas": 0,
    }  # fmt: skip
    return bytes(account.sign_transaction(transaction | ({} if to is None else {"to": to})).raw_transaction)


def _stranger(number: int) -> bytes:
    return (number * 2_654_435_761 + 2**80).to_bytes(20, "big")


def transfers(block: int = 0) -> list[bytes]:
    """Return one signed transfer of each sender, to an account that does not exist yet."""
    return [
        _signed(sender, block, _stranger(block * len(SENDERS) + number), 21_000, value=1)
        for number, sender in enumerate(SENDERS)
    ]


def plain_transfers(blocks: int) -> Work:
    """Return blocks of 300 transfers of the chain's own money."""
    return Work(rich_genesis(), SEALER_KEY, [(None, transfers(block)) for block in range(blocks)], 0)


def token_transfers(blocks: int) -> Work:
    """Return blocks of 300 transfers of the community's token, each to an account that had none."""
    artifact = json.loads((ROOT / "contracts" / "artifacts" / "CommunityToken.json").read_text(encoding="utf-8"))
    creation = bytes.fromhex(artifact["bytecode"][2:]) + encode(["address"], [OPERATOR.address])
    mint, transfer = selector("CommunityToken", "mint"), selector("CommunityToken", "transfer")
    minted = [
        _signed(OPERATOR, 1 + place, TOKEN, 120_000, data=mint + encode(["address", "uint256"], [each.address, 10**9]))
        for place, each in enumerate(SENDERS)
    ]
    prepared: list[tuple[int | None, Sequence[bytes]]] = [
        (None, [_signed(OPERATOR, 0, None, 5_000_000, data=creation)])
    ]
    prepared += [(None, minted[start : start + 100]) for start in range(0, len(minted), 100)]
    sent = [
        [
            _signed(
                sender, block, TOKEN, 60_000,
                data=transfer + encode(["address", "uint256"], [_stranger(block * len(SENDERS) + number), 5]),
            )
            for number, sender in enumerate(SENDERS)
        ]
        for block in range(blocks)
    ]  # fmt: skip
    return Work(rich_genesis(), SEALER_KEY, [*prepared, *((None, raws) for raws in sent)], len(prepared))


def settlement_runs(chain: SettledChain) -> Work:
    """Return the `settle` transactions of a community, a block each, after all that was there before the first."""
    settle = selector("Settlement", "settle")
    runs = [place for place, (_, raws) in enumerate(chain.blocks) if decode_transaction(raws[-1]).data[:4] == settle]
    return Work(chain.genesis, chain.sealer_key, chain.blocks[: runs[-1] + 1], runs[0])


@dataclass(slots=True)
class Done:
    """What a ledger has executed, and what it took."""

    transactions: float = 0
    gas: float = 0
    cpu_s: float = 0
    wall_s: float = 0

    def rates(self) -> dict[str, float]:
        """Return transactions and Mgas per second, by the clock and by the processor."""
        cpu_s = max(self.cpu_s, 0.01)
        return {
            "per_s": self.transactions / self.wall_s,
            "mgas_per_s": self.gas / self.wall_s / MILLION,
            "per_cpu_s": self.transactions / cpu_s,
            "mgas_per_cpu_s": self.gas / cpu_s / MILLION,
        }


def on_a_node(node: HttpNode, work: Work, counted: Callable[[bytes], bool], *, mine: bool) -> Done:
    """Execute a work on a node, a batch for each block.

    Args:
        node: Where.
        work: Not yet there.
        counted: Whether a block counts, by the data of its last transaction.
        mine: Whether the node waits to be told that a block is whole.
    """
    done = Done()
    for place, (timestamp, raws) in enumerate(work.blocks):
        if timestamp is not None:
            node.set_time(timestamp)
        calls = [("eth_sendRawTransaction", [hex_text(raw)]) for raw in raws]
        cpu, wall = node.cpu_s(), time.perf_counter()
        hashes = node.ask(*calls)
        if mine:
            node.ask(("evm_mine", []))
        wall = time.perf_counter() - wall
        if place < work.prepared_by or not counted(decode_transaction(raws[-1]).data):
            continue
        done.cpu_s += node.cpu_s() - cpu
        done.wall_s += wall
        receipts = node.ask(*(("eth_getTransactionReceipt", [each]) for each in hashes))
        assert all(receipt["status"] == "0x1" for receipt in receipts)
        assert len({receipt["blockNumber"] for receipt in receipts}) == 1
        done.transactions += len(receipts)
        done.gas += sum(int(receipt["gasUsed"], 16) for receipt in receipts)
    return done


def on_eth_tester(python: Path, work: Work, counted: Sequence[int]) -> Done | None:
    """Execute a work on eth-tester, or return None when it is not installed.

    Args:
        python: Of an environment with eth-tester.
        work: What; blocks behind the last that counts are left out.
        counted: Places of the blocks that count.
    """
    told = replay_on_eth_tester(python, work, work.blocks[: counted[-1] + 1], counted)
    return None if told is None else Done(told["transactions"], told["gas"], told["cpu_s"], told["wall_s"])


def replay_on_eth_tester(python: Path, work: Work, blocks: Blocks, counted: Sequence[int]) -> dict[str, float] | None:
    """Return what `benchmarks.eth_tester_replay` says of blocks, or None when eth-tester is not installed."""
    if not python.exists():
        return None
    given = {
        "chain_id": work.genesis.chain_id,
        "timestamp": work.genesis.timestamp,
        "gas_limit": work.genesis.gas_limit,
        "alloc": {hex_text(address): wei for address, wei in work.genesis.alloc.items()},
        "blocks": [[timestamp, [hex_text(raw) for raw in raws]] for timestamp, raws in blocks],
        "counted": list(counted),
    }
    script = Path(__file__).with_name("eth_tester_replay.py")
    environment = {**os.environ, "ETH_HASH_BACKEND": "pysha3"}
    done = subprocess.run(
        [str(python), str(script)],
        input=json.dumps(given),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def compared(
    work: Work, eth_tester: Path, *, with_anvil: bool, only: bytes = b""
) -> dict[str, dict[str, float] | None]:
    """Return the rates of a work by ledger; None for one that is not there.

    Args:
        work: Of which eth-tester, which is slow, is given what there is up to the first block that counts.
        eth_tester: Python of its environment.
        with_anvil: Whether anvil is installed.
        only: First bytes of the data of the transactions that count.
    """

    def counted(data: bytes) -> bool:
        return data.startswith(only)

    places = [
        place
        for place, (_, raws) in enumerate(work.blocks)
        if place >= work.prepared_by and counted(decode_transaction(raws[-1]).data)
    ]
    found: dict[str, dict[str, float] | None] = {}
    nodes: dict[str, AbstractContextManager[HttpNode]] = {"ours": ours(work.genesis, work.sealer_key)}
    if with_anvil:
        nodes["anvil"] = anvil(work.genesis, "--no-mining")
    for name, started in nodes.items():
        with started as node:
            found[name] = on_a_node(node, work, counted, mine=name == "anvil").rates()
    theirs = on_eth_tester(eth_tester, work, places[:1])
    return {"anvil": None, **found, "eth_tester": None if theirs is None else theirs.rates()}
