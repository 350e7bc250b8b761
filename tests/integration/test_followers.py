"""Followers in processes of their own: they keep level, refuse what does not verify, and take over without a fork."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from energy.errors import Misconfigured
from energy.identity import hex_text
from node.chain.datadir import init_chain
from node.chain.launcher import ChainProcess, Sealing, start_chain
from node.chain.role import take_over
from node.chain.upkeep.verifying import require_verified, verify_chain
from tests.support.chain import (
    ALICE,
    BOB,
    EMITTER,
    GENESIS,
    created,
    decoded,
    signed,
    write_sealer_key,
)
from tests.support.served_chain import ServedChain, served_process


def ask(served: ServedChain, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = httpx.post(served.http_url, json=body, timeout=30, trust_env=False).json()
    return answer["result"] if "result" in answer else answer["error"]["message"]


def send(served: ServedChain, raw: bytes) -> Any:
    return ask(served, "eth_sendRawTransaction", hex_text(raw))


def height(served: ServedChain) -> int:
    return int(ask(served, "eth_blockNumber"), 16)


def until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def folder(path: Path) -> Path:
    """Make a folder with the chain's genesis and its key."""
    init_chain(path, GENESIS)
    write_sealer_key(path)
    return path


def sealing(path: Path, **options: Any) -> ChainProcess:
    return start_chain(path, path / "sealer.key", **options)


@contextmanager
def by_hand(path: Path, followed: ServedChain) -> Iterator[ServedChain]:
    """Follow as an operator does, in a folder that is not there yet."""
    block_0 = ask(followed, "eth_getBlockByNumber", "0x0", False)["hash"]
    command = ["chain", "follow", str(path.parent), "--from", followed.http_url, "--genesis", block_0]
    process = subprocess.Popen(
        [sys.executable, "-m", "node.cli.main", *command, "--rpc-port", "0", "--json"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        yield ServedChain(announced["rpcUrl"], "", process.pid, path / "chain.ipc")
    finally:
        process.terminate()
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 0


def test_a_follower_keeps_level_and_answers_as_the_sealer_does(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "first"), folder(tmp_path / "second")
    third = tmp_path / "third" / "chain"
    with sealing(first) as process, served_process(process) as leader:
        send(leader, created(EMITTER, 0))
        for nonce in range(1, 40):
            assert send(leader, signed(nonce)) == hex_text(decoded(nonce).hash)
        with (
            start_chain(second, None, follow=leader.http_url) as follower,
            served_process(follower) as served,
            by_hand(third, served) as third_served,  # one follower follows another
        ):
            until(lambda: height(third_served) == 40)
            for one in (served, third_served):
                for method, params in (
                    ("eth_getBlockByNumber", ["0x28", True]),
                    ("eth_getBalance", [ALICE.address, "latest"]),
                    ("eth_getTransactionReceipt", [hex_text(decoded(7).hash)]),
                    ("eth_getProof", [ALICE.address, [], "latest"]),
                    ("resilia_getSeal", ["0x28"]),
                    ("eth_getLogs", [{"fromBlock": "0x0"}]),
                ):
                    assert ask(one, method, *params) == ask(leader, method, *params)
            assert "send transactions to the sealer" in send(served, signed(40))
            send(leader, signed(40))
            until(lambda: height(third_served) == 41)
    assert require_verified(verify_chain(third)).head == 41


def test_nothing_acknowledged_is_lost_with_the_sealers_machine(tmp_path: Path) -> None:
    """The sealer is killed in the middle of its work; the standby takes over with all that was answered."""
    first, second = (folder(tmp_path / name) for name in ("first", "second"))
    acknowledged: list[str] = []
    with (
        sealing(first, sealing=Sealing(await_standby=True)) as process,
        served_process(process) as leader,
        start_chain(second, second / "sealer.key", follow=leader.http_url) as standby,
        served_process(standby) as served,
    ):
        until(lambda: isinstance(ask(served, "eth_syncing"), bool))
        for nonce in range(20):
            acknowledged.append(send(leader, signed(nonce)))
            assert ask(served, "eth_getTransactionReceipt", acknowledged[-1])["status"] == "0x1"
        os.kill(process.pid, signal.SIGKILL)
        assert "does not answer" in send(leader, signed(20, BOB))
    assert len(set(acknowledged)) == 20
    head = take_over(second, None)
    # The old sealer comes back, not knowing, and nobody tells it to wait: alone, it seals nothing.
    with sealing(first) as process, served_process(process) as old:
        before = height(old)
        assert "no standby" in send(old, signed(20))
        assert height(old) == before
    with sealing(second) as process, served_process(process) as leader:
        assert height(leader) == head.number
        for transaction in acknowledged:
            assert ask(leader, "eth_getTransactionReceipt", transaction)["status"] == "0x1"
        assert send(leader, signed(20)) == hex_text(decoded(20).hash)
    assert require_verified(verify_chain(second)).head == head.number + 1


def test_a_follower_with_the_key_does_not_seal_beside_a_sealer_that_comes_back(tmp_path: Path) -> None:
    """Nobody waited for it: the sealer would go on from blocks that the follower never saw."""
    first, second = (folder(tmp_path / name) for name in ("first", "second"))
    with (
        sealing(first) as process,
        served_process(process) as leader,
        start_chain(second, second / "sealer.key", follow=leader.http_url) as standby,
        served_process(standby) as served,
    ):
        send(leader, signed(0))
        until(lambda: height(served) == 1)
        os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(Misconfigured, match="did not wait for this follower"):
        take_over(second, None)
    with sealing(first) as process, served_process(process) as leader:
        assert send(leader, signed(1)) == hex_text(decoded(1).hash)
