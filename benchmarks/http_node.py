"""Nodes to compare, each behind its own JSON-RPC port on loopback, and a client that costs next to nothing itself."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

from energy.identity import hex_text
from node.chain.genesis import Genesis
from tests.support.anvil import CHAIN_ID, running_anvil
from tests.support.served_chain import served_genesis

_END: Final = b"\r\n\r\n"


class HttpNode:
    """One kept-alive connection to a node."""

    def __init__(self, url: str, pid: int, set_time: Callable[[int], object]) -> None:
        """Connect.

        Args:
            url: Of its JSON-RPC.
            pid: Of the process that executes.
            set_time: Sets the timestamp of its next block.
        """
        self.set_time = set_time
        self.url = url
        """Of its JSON-RPC."""
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"{parts.hostname}:{parts.port}"
        self._pid = pid

    def ask(self, *calls: tuple[str, list[Any]]) -> list[Any]:
        """Return the results of calls made as one request or batch.

        Raises:
            RuntimeError: the node refused one.
        """
        requests = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        answers = json.loads(self.exchange(json.dumps(requests if len(calls) > 1 else requests[0]).encode()))
        listed = answers if isinstance(answers, list) else [answers]
        if wrong := [answer["error"] for answer in listed if "error" in answer]:
            raise RuntimeError(wrong[0])
        return [answer["result"] for answer in sorted(listed, key=lambda answer: answer["id"])]

    def exchange(self, body: bytes) -> bytes:
        """Return the body of the answer to a POST."""
        self._socket.sendall(
            b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % (self._host.encode(), len(body))
            + body
        )
        received = self._socket.recv(1 << 16)
        while _END not in received:
            received += self._received()
        head, _, rest = received.partition(_END)
        length = next(
            int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        parts, have = [rest], len(rest)
        while have < length:
            parts.append(self._received())
            have += len(parts[-1])
        return b"".join(parts)

    def _received(self) -> bytes:
        chunk = self._socket.recv(1 << 20)
        if not chunk:
            raise RuntimeError("the node hung up")
        return chunk

    def cpu_s(self) -> float:
        """Return the CPU time of the process that executes, in steps of 10 ms."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Return the memory of the process that executes."""
        return resident_mib(self._pid)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def resident_mib(pid: int) -> float:
    """Return how much memory a process holds, MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _executing(pid: int) -> int:
    """Return the child of a process that only starts another one, as npm's anvil does."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0]) if children else pid


def _set_time(ipc_path: Path, instant: int) -> None:
    """Set our chain's clock over its own socket, the only place where that is allowed."""
    request = {"jsonrpc": "2.0", "id": 1, "method": "chain_setTime", "params": [instant]}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(ipc_path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        assert json.loads(connection.recv(1 << 16))["result"]


@contextmanager
def ours(genesis: Genesis, key: bytes) -> Iterator[HttpNode]:
    """Run a new chain of ours behind the node's port."""
    with TemporaryDirectory() as name, served_genesis(Path(name), genesis, key) as served:
        node = HttpNode(served.http_url, served.pid, lambda instant: _set_time(served.ipc_path, instant))
        yield node
        node.close()


@contextmanager
def anvil(genesis: Genesis, *options: str, funded: bool = True) -> Iterator[HttpNode]:
    """Run anvil as it is started by everybody, one block per transaction, with the same chain id and rich accounts.

    Args:
        genesis: Whose chain id, gas limit and accounts it has.
        options: More of its own.
        funded: Whether to give the accounts their money, which a stored state has already.
    """
    assert genesis.chain_id == CHAIN_ID, "anvil is started with this one"
    settings = (
        "--base-fee", "7", "--timestamp", str(genesis.timestamp), "--gas-limit", str(genesis.gas_limit),
        "--accounts", "1",
    )  # fmt: skip
    with running_anvil(*settings, *options) as process:
        node = HttpNode(process.url, _executing(process.pid), lambda at: process.ask("evm_setNextBlockTimestamp", at))
        for address, balance in genesis.alloc.items() if funded else ():
            node.ask(("anvil_setBalance", [hex_text(address), hex(balance)]))
        yield node
        node.close()
