"""Nodes and standbys as processes: a node with time as it is told, and a standby as an operator begins it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from node.chain.role import read_role
from tests.support.source_tree import ROOT


@dataclass
class Process:
    """A node or a standby that runs."""

    folder: Path
    process: "subprocess.Popen[str]"
    url: str

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def at(self, instant: int) -> Any:
        """Let a node's time pass; return the runs that were settled."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{instant}\n")
        self.process.stdin.flush()
        return self.line()

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer: dict[str, Any] = httpx.post(self.url, json=body, timeout=60, trust_env=False).json()
        return answer

    def stop(self) -> None:
        """End in good order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(60) == 0


@contextmanager
def running(folder: Path, *command: str, url: str = "") -> Iterator[Process]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Process(folder, process, url)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def node(folder: Path, port: int, now: int, *words: str) -> Iterator[Process]:
    url = f"http://127.0.0.1:{port}"
    with running(folder, "tests.support.standing_node", str(folder), str(port), str(now), *words, url=url) as process:
        assert process.line() == "ready"
        yield process


@contextmanager
def standby(folder: Path, followed: str) -> Iterator[Process]:
    """Follow as an operator does; give it when the other node may be lost."""
    key = str(folder / "keys" / "sealer.key")
    words = ["chain", "follow", str(folder), "--from", followed, "--standby", key, "--rpc-port", "0", "--json"]
    with running(folder, "node.cli.main", *words) as process:
        process.url = process.line()["rpcUrl"]
        deadline = time.monotonic() + 60
        while not ((role := read_role(folder / "chain")).logs and role.awaited):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
        process.process.terminate()
        assert process.process.wait(60) == 0
