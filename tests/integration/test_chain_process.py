"""The chain's process: how it starts, ends, is spoken to, and survives being killed."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured, Unavailable
from energy.identity import hex_text
from node.chain.client import AsyncChainClient
from node.chain.datadir import init_chain
from node.chain.errors import BODY_SIZE_MAX, ChainError
from node.chain.ipc_path import ipc_path
from node.chain.launcher import ChainProcess, start_chain
from node.chain.lock import wait_for_ending
from node.chain.store import ChainStore
from tests.support.chain import CHAIN_ID, GENESIS, START, audit, decoded, new_chain, signed, write_sealer_key

ROOT = Path(__file__).parents[2]


@pytest.fixture
def datadir(tmp_path: Path) -> Path:
    """A directory with a chain and its key."""
    init_chain(tmp_path, GENESIS)
    write_sealer_key(tmp_path)
    return tmp_path


def start(datadir: Path) -> ChainProcess:
    return start_chain(datadir, datadir / "sealer.key", clock="manual")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChainProcess]:
    """A chain for tests that leave it running."""
    datadir = tmp_path_factory.mktemp("running")
    init_chain(datadir, GENESIS)
    with start_chain(datadir, write_sealer_key(datadir), clock="manual") as process:
        yield process


def converse(path: Path, *chunks: bytes) -> list[Any]:
    """Send bytes as they are, hang up, and return the answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        for chunk in chunks:
            connection.sendall(chunk)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    return [json.loads(line) for line in received.splitlines()]


CHAIN_ID_REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
CHAIN_ID_ANSWER = {"jsonrpc": "2.0", "id": 1, "result": hex(CHAIN_ID)}


def test_resumes_after_a_stop_in_good_order(datadir: Path) -> None:
    with start(datadir) as process:
        assert process.resumed_at == 0
        converse(process.ipc_path, _send(signed(0)))
        assert process.stop() == 0
        assert not process.ipc_path.exists()
    with start(datadir) as process:
        assert process.resumed_at == 1


def _send(raw: bytes) -> bytes:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [hex_text(raw)]}
    return json.dumps(request).encode()


def test_ends_on_a_signal(datadir: Path) -> None:
    with start(datadir) as process:
        os.kill(process.pid, signal.SIGTERM)
        assert _exit_code(process) == 0


def _exit_code(process: ChainProcess) -> int | None:
    deadline = time.monotonic() + 10
    while process.exit_code is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.exit_code


def test_ends_when_its_starter_is_killed(datadir: Path) -> None:
    code = (
        "import pathlib, sys, time; from node.chain.launcher import start_chain; d = pathlib.Path(sys.argv[1]);"
        "p = start_chain(d, d / 'sealer.key', clock='manual'); print(p.pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(datadir)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    with starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and b"node.chain" in _command(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert b"node.chain" not in _command(pid)
    new_chain(datadir).close()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_refuses_to_start_with_the_reason(datadir: Path) -> None:
    with start(datadir) as process, pytest.raises(Misconfigured, match=rf"in use .*pid {process.pid}"):
        start(datadir)
    (datadir / "sealer.key").chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        start(datadir)


def test_listens_elsewhere_when_the_path_is_too_long(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    datadir = tmp_path / ("x" * 100)
    init_chain(datadir, GENESIS)
    with start_chain(datadir, write_sealer_key(datadir)) as process:
        assert process.ipc_path == ipc_path(datadir)
        assert converse(process.ipc_path, CHAIN_ID_REQUEST) == [CHAIN_ID_ANSWER]


def test_answers_however_the_stream_is_cut(running: ChainProcess) -> None:
    path = running.ipc_path
    assert path.stat().st_mode & 0o777 == 0o600
    assert converse(path, CHAIN_ID_REQUEST) == [CHAIN_ID_ANSWER]
    assert converse(path, CHAIN_ID_REQUEST * 3) == [CHAIN_ID_ANSWER] * 3
    assert converse(path, CHAIN_ID_REQUEST[:20], CHAIN_ID_REQUEST[20:] + b"\n[", CHAIN_ID_REQUEST + b"]") == [
        CHAIN_ID_ANSWER,
        [CHAIN_ID_ANSWER],
    ]
    assert converse(path, CHAIN_ID_REQUEST[:-1]) == []


def test_hangs_up_on_garbage(running: ChainProcess) -> None:
    (answer,) = converse(running.ipc_path, b"GET / HTTP/1.1\r\n\r\n" + CHAIN_ID_REQUEST)
    assert answer["error"]["code"] == -32700


def test_a_client_that_hangs_up_disturbs_nobody(running: ChainProcess) -> None:
    for _ in range(5):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(running.ipc_path))
            connection.sendall(CHAIN_ID_REQUEST * 50)
    assert converse(running.ipc_path, CHAIN_ID_REQUEST) == [CHAIN_ID_ANSWER]


def test_the_client_pipelines_and_types_its_errors(running: ChainProcess) -> None:
    async def talk() -> None:
        client = AsyncChainClient(running.ipc_path)
        requests = [client.call("web3_sha3", [hex_text(bytes([n]))]) for n in range(50)]
        answers = await asyncio.gather(*requests)
        assert answers == [await client.call("web3_sha3", [hex_text(bytes([n]))]) for n in range(50)]
        with pytest.raises(ChainError, match="does not exist") as caught:
            await client.call("eth_nothing")
        assert caught.value.code == -32601
        assert await client.call("chain_setTime", [START + 900]) is True
        await client.close()

    asyncio.run(talk())


def test_strangers_bytes_are_forwarded_and_get_public_methods_only(running: ChainProcess) -> None:
    async def talk() -> None:
        client = AsyncChainClient(running.ipc_path)
        set_time = b'{"jsonrpc":"2.0","id":1,"method":"chain_setTime","params":[5]}'
        frames = b'{"jsonrpc":"2.0","id":1,"method":"chain_frames","params":[false]}'
        for forbidden in (set_time, frames, b"[" + set_time + b"]"):
            assert b"-32601" in await client.request_bytes(forbidden)
        assert b"-32700" in await client.request_bytes(b"garbage")
        assert b"-32700" in await client.request_bytes(b"")
        assert b"-32700" in await client.request_bytes(b"[" * BODY_SIZE_MAX)
        assert b"-32600" in await client.request_bytes(b" " * (BODY_SIZE_MAX + 1))
        assert await client.request_bytes(b'{"jsonrpc":"2.0","method":"eth_chainId"}') == b""
        assert json.loads(await client.request_bytes(CHAIN_ID_REQUEST)) == CHAIN_ID_ANSWER
        await client.close()

    asyncio.run(talk())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_dear_calls_of_strangers_leave_the_chain_to_others_half_of_the_time(running: ChainProcess) -> None:
    hashes_for_ever = {"data": "0x5b6180005f20505f56", "gas": hex(10_000_000)}
    request = {"jsonrpc": "2.0", "id": 0, "method": "eth_call", "params": [hashes_for_ever, "latest"]}
    dear = json.dumps(request, separators=(",", ":")).encode()

    async def talk() -> None:
        client = AsyncChainClient(running.ipc_path)
        answered = []

        async def ask(what: str, answer: Awaitable[Any]) -> None:
            await answer
            answered.append(what)

        began, spent = time.monotonic(), cpu_seconds(running.pid)
        asking = [asyncio.create_task(ask("dear", client.request_bytes(dear))) for _ in range(8)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(
            ask("cheap", client.request_bytes(CHAIN_ID_REQUEST)), ask("own", client.call("eth_blockNumber"))
        )
        assert answered.count("dear") <= 2, "they stand in no line with dear ones"
        await asyncio.gather(*asking)
        took = time.monotonic() - began
        assert (cpu_seconds(running.pid) - spent) < 0.75 * took, "the last one is followed by no rest here"
        await client.close()

    asyncio.run(talk())


def test_a_cancelled_request_does_not_shift_the_answers(running: ChainProcess) -> None:
    async def talk() -> None:
        client = AsyncChainClient(running.ipc_path)
        await client.call("eth_chainId")
        cancelled = asyncio.create_task(client.call("net_version"))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert await client.call("eth_chainId") == hex(CHAIN_ID)
        await client.close()

    asyncio.run(talk())


def test_the_client_reconnects(datadir: Path) -> None:
    async def talk() -> None:
        client = AsyncChainClient(ipc_path(datadir))
        with pytest.raises(Unavailable):
            await client.call("eth_chainId")
        for _ in range(2):
            process = await asyncio.to_thread(start, datadir)
            assert await client.call("eth_chainId") == hex(CHAIN_ID)
            await asyncio.to_thread(process.stop)
            with pytest.raises(Unavailable):
                await client.call("eth_chainId")
        await client.close()

    asyncio.run(talk())


def test_nothing_acknowledged_is_lost_when_it_is_killed(datadir: Path) -> None:
    chance = random.Random(20_260)
    nonce = 0
    for _ in range(5):
        process = start(datadir)
        threading.Timer(chance.uniform(0.05, 0.5), os.kill, (process.pid, signal.SIGKILL)).start()
        acknowledged = _send_until_gone(process.ipc_path, nonce)
        assert process.stop() == -signal.SIGKILL
        chain = new_chain(datadir)
        audit(chain)
        assert all(chain.store.transaction_by_hash(decoded(nonce + i).hash) for i in range(acknowledged))
        stored = sum(chain.store.transaction_count(number) for number in range(chain.head.header.number + 1))
        assert stored - nonce in (acknowledged, acknowledged + 1)  # the last one may be stored and not yet answered
        nonce = stored
        chain.close()
    assert nonce > 0


def _send_until_gone(path: Path, nonce: int) -> int:
    """Send transactions one after the other until the chain is gone; return how many were acknowledged."""
    acknowledged = 0
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        answers = connection.makefile("rb")
        while True:
            connection.sendall(_send(signed(nonce + acknowledged)))
            line = answers.readline()
            if not line.endswith(b"\n"):
                break
            assert "result" in json.loads(line)
            acknowledged += 1
    return acknowledged


def _killed_starter(datadir: Path) -> int:
    """Let a program start the chain and kill it; return the chain's process, which is held still meanwhile."""
    code = (
        "import sys, time; from pathlib import Path; from node.chain.launcher import start_chain; "
        "d = Path(sys.argv[1]); print(start_chain(d, d / 'sealer.key', clock='manual').pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(datadir)], cwd=ROOT, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    os.kill(pid, signal.SIGSTOP)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    return pid


def test_a_process_that_is_ending_is_waited_for(datadir: Path, caplog: pytest.LogCaptureFixture) -> None:
    pid = _killed_starter(datadir)
    threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()
    with start(datadir) as process:
        assert process.pid != pid
    assert f"waiting for the chain's last process (pid {pid}) to end" in caplog.text


def test_one_that_does_not_end_is_named_in_the_end(datadir: Path) -> None:
    pid = _killed_starter(datadir)
    try:
        wait_for_ending(datadir, 0.3)
        with pytest.raises(Misconfigured, match=rf"in use by another chain process \(pid {pid}\)"):
            ChainStore(datadir)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_one_that_somebody_runs_is_named_at_once(datadir: Path) -> None:
    with start(datadir) as process:
        began = time.monotonic()
        wait_for_ending(datadir, 30)
        assert time.monotonic() - began < 10
        with pytest.raises(Misconfigured, match=rf"pid {process.pid}"):
            start(datadir)
