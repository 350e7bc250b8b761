"""The demo as a process, as somebody at a terminal runs it; it can be watched, interrupted and killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

PATIENCE_S: Final = 400
"""For a whole demo on a busy machine; a quiet one needs a twentieth of it."""


def arguments(folder: Path, *more: str) -> list[str]:
    """Return the command line of a small demo that is kept in a folder."""
    common = ["--json", "--homes", "2", "--keep", str(folder), "--rpc-port", "0", "--web-port", "0"]
    return [sys.executable, "-m", "node.cli.main", "demo", *common, *more]


@dataclass
class Demo:
    """A running demo."""

    command: Sequence[str]
    lines: list[str] = field(default_factory=list)
    """What it has said to people so far."""

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip("\n"))

    @property
    def intervals(self) -> int:
        """How many intervals it has shown since it was started."""
        return sum(line.startswith(("0", "1", "2")) and line[2:3] == ":" for line in list(self.lines))

    def wait_for_intervals(self, count: int) -> bool:
        """Wait until it has shown some intervals; False when it ended before."""
        deadline = time.monotonic() + PATIENCE_S
        while self.intervals < count:
            if self._process.poll() is not None:
                return False
            assert time.monotonic() < deadline, "\n".join(self.lines[-20:])
            time.sleep(0.005)
        return True

    def kill(self, *, chain_too: bool) -> None:
        """End it as a power cut would; its chain at once, or by itself when it finds itself alone."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self._process.kill()
        for child in children if chain_too else ():
            os.kill(int(child), signal.SIGKILL)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def first_json(self) -> dict[str, Any]:
        """Wait for the summary of a demo that goes on serving."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def address(self, name: str) -> str:
        """Wait until it has told people where something is; return the URL."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for line in list(self.lines):
                if line.startswith(name):
                    return line.split()[1]
            assert time.monotonic() < deadline, "\n".join(self.lines[-20:])
            time.sleep(0.005)

    def wait(self, timeout_s: float = PATIENCE_S) -> tuple[int, str]:
        """Wait for its end; return the exit code and what it wrote to standard output."""
        code = self._process.wait(timeout_s)
        self._listening.join()
        assert self._process.stdout is not None
        return code, self._process.stdout.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._listening.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()


def finished(folder: Path, *more: str) -> tuple[dict[str, Any], list[str]]:
    """Run a demo to its end; return the summary and what it said to people."""
    with Demo(arguments(folder, "--exit", *more)) as demo:
        code, output = demo.wait()
        assert code == 0, "\n".join(demo.lines[-40:])
        (line,) = output.splitlines()
        return json.loads(line), demo.lines


def without_time(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what must be the same for the same seed, day and homes."""
    return {name: value for name, value in summary.items() if name != "wall_s"}
