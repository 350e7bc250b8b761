"""Starts the chain's process and stops it; the process ends by itself when its starter is gone, and one that is just
ending is waited for.

Refuses: what the process refuses, as `Misconfigured` with its words; a process that does not come up, as `Unavailable`.
"""

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from energy.errors import Misconfigured, Unavailable
from node.chain.lock import wait_for_ending

LOG_FILE: Final = "chain.log"
"""In the chain's folder: what the process says about itself."""
STOP_S: Final = 10.0
"""How long a process may take to end in good order."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a chain is sealed."""

    every_s: float = 0.0
    """Seconds from a block to the next; 0 to seal at once what is submitted."""
    await_standby: bool = False
    """Whether nothing is acknowledged before a standby has it."""


AT_ONCE: Final = Sealing()


class ChainProcess:
    """A running chain."""

    def __init__(self, process: "subprocess.Popen[bytes]", ready: dict[str, Any]) -> None:
        self._process = process
        self.ipc_path = Path(ready["ready"])
        """The socket on which it answers."""
        self.resumed_at = int(ready["block"])
        """Height of the head when it came up."""

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, or None while it runs: 0 in good order, 70 an invariant broke, 78 misconfigured."""
        return self._process.poll()

    def stop(self) -> int:
        """End the process in good order, by force after `STOP_S`, and return its exit code."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_chain(
    datadir: Path,
    sealer_key_file: Path | None,
    *,
    clock: Literal["system", "manual"] = "system",
    interpreted: bool = False,
    follow: str | None = None,
    sealing: Sealing = AT_ONCE,
    timeout_s: float = 60.0,
) -> ChainProcess:
    """Start a chain that was initialised, and return when it answers.

    Args:
        datadir: Where `node.chain.datadir.init_chain` made it.
        sealer_key_file: The sealer's key in hexadecimal, mode 600; None for a follower that is no standby.
        clock: "manual" for blocks whose time is set by the private method `chain_setTime`.
        interpreted: Whether contracts run by py-evm's own loop instead of compiled blocks.
        follow: JSON-RPC of the node that seals; None to seal.
        sealing: When blocks are sealed, and when they count as done.
        timeout_s: How long it may take to come up.
    Raises:
        Misconfigured: the process refused to start.
        Unavailable: it did not come up in time.
    """
    wait_for_ending(datadir)
    command = [sys.executable, "-m", "node.chain", "--datadir", str(datadir)]
    command += ["--clock", clock, "--stop-with-stdin"]
    command += [] if sealer_key_file is None else ["--sealer-key-file", str(sealer_key_file)]
    command += ["--interpreted"] if interpreted else []
    command += [] if follow is None else ["--follow", follow]
    command += ["--await-standby"] if sealing.await_standby else []
    command += ["--seal-every", str(sealing.every_s)] if sealing.every_s else []
    with open(datadir / LOG_FILE, "ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(),
            start_new_session=True,  # Ctrl-C in the terminal is for the starter, which then stops us
        )
    announced = _first_line(process, timeout_s)
    if "ready" in announced:
        return ChainProcess(process, announced)
    process.kill()
    process.communicate()
    if "error" in announced:
        raise Misconfigured(announced["error"])
    raise Unavailable(f"the chain's process did not come up in {timeout_s:g} s")


def _environment() -> dict[str, str]:
    """Return an environment in which the process finds the same code as this one, installed or not."""
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    path = root if not inherited else f"{root}{os.pathsep}{inherited}"
    return {**os.environ, "PYTHONPATH": path, "ETH_HASH_BACKEND": "pysha3"}  # py-evm's keccak in C


def _first_line(process: "subprocess.Popen[bytes]", timeout_s: float) -> dict[str, Any]:
    assert process.stdout is not None
    deadline = time.monotonic() + timeout_s
    line = b""
    while not line.endswith(b"\n"):
        remaining = max(deadline - time.monotonic(), 0)
        readable, _, _ = select.select([process.stdout], [], [], remaining)
        chunk = os.read(process.stdout.fileno(), 4096) if readable else b""
        if not chunk:
            return {}
        line += chunk
    announced: dict[str, Any] = json.loads(line.splitlines()[0])
    return announced
