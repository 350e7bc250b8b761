"""Communities on machines of their own: folder, NATS server, node process; founded, and linked by the command line."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.cli.main import main as resilia
from tests.support.linked_node import found
from tests.support.nats_servers import BINARY, free_port
from tests.support.real_node import FIRST
from tests.support.source_tree import ROOT

FEE, VOID = 10_000, 50_000
BOND_NEUR, TRUSTED_BOND_NEUR = 10**11, 10**9
NAMES = ("city", "north", "south")


@dataclass
class Place:
    """One community's machine: its folder, its NATS server, its node."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    server: "subprocess.Popen[bytes] | None" = None
    node: "subprocess.Popen[str] | None" = None
    awaits: bool = False
    """Whether its node waits for a standby."""

    def start_server(self) -> None:
        self.server = subprocess.Popen(
            [BINARY, "-c", str(self.folder / "links" / "nats.conf"), "-l", str(self.folder / "nats.log")]
        )

    def start_node(self, now: int) -> None:
        place = [str(self.folder), f"nats://127.0.0.1:{self.port}", str(now), *["await"] * self.awaits]
        self.node = subprocess.Popen(
            [sys.executable, "-m", "tests.support.linked_node", *place],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ready(self) -> None:
        assert self.answer() == "ready"

    def answer(self) -> Any:
        assert self.node is not None
        assert self.node.stdout is not None
        return json.loads(self.node.stdout.readline())

    def ask(self, *command: Any) -> Any:
        assert self.node is not None
        assert self.node.stdin is not None
        self.node.stdin.write(json.dumps(command) + "\n")
        self.node.stdin.flush()
        return self.answer()

    def waiting(self, instant: int, *words: str) -> "subprocess.CompletedProcess[str]":
        """Give a command to the node by the command line, and let the node tick until it ends."""
        url = self.ask("serve")
        command = [sys.executable, "-m", "node.cli.main", *words, "--rpc", url, "--lang", "en"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=ROOT, **pipes) as process:  # type: ignore[call-overload]
            while process.poll() is None:
                self.ask("at", instant)
                time.sleep(0.1)
            out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def kill(self) -> None:
        self.stop_node()
        if self.server is not None:
            self.server.kill()
            self.server.wait()

    def stop_node(self) -> None:
        """Kill the node; its disk stays."""
        if self.node is not None:
            self.node.kill()
            self.node.wait()
        for pipe in (self.node.stdin, self.node.stdout) if self.node is not None else ():
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def until(self, instant: int, true: Callable[[dict[str, Any]], object], wait_s: float = 60) -> dict[str, Any]:
        """Tick at an instant until the status shows something."""
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            status: dict[str, Any] = self.ask("at", instant)
            if true(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"{self.name} did not come to it: {status}")


def link(capsys: pytest.CaptureFixture[str], tmp_path: Path, city: Place, child: Place, hub: int) -> None:
    """Link a child to the city by the command line, as two operators do."""
    card, terms = tmp_path / f"{child.name}.card", tmp_path / f"{child.name}.terms"
    assert resilia(["link", "card", "--dir", str(child.folder)]) == 0
    card.write_text(capsys.readouterr().out)
    conditions = [
        "--fee",
        str(FEE),
        "--void",
        str(VOID),
        "--capacity",
        "5000",
        "--bond",
        str(BOND_NEUR),
        "--run-awards",
        "1",
        "--hub",
        f"127.0.0.1:{hub}",
    ]
    listening = ["--listen", f"127.0.0.1:{city.port}"]
    assert resilia(["link", "add", str(card), "--dir", str(city.folder), *conditions, *listening]) == 0
    terms.write_text(capsys.readouterr().out)
    assert resilia(["link", "add", str(terms), "--dir", str(child.folder), "--listen", f"127.0.0.1:{child.port}"]) == 0
    capsys.readouterr()


@contextmanager
def linked_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, trusting: bool = False, awaiting: str = ""
) -> Iterator[dict[str, Place]]:
    """Found a city with two neighbourhoods, link them, and let all run.

    Args:
        tmp_path: For their folders.
        capsys: Takes what the commands print.
        trusting: Whether the two trust each other's cards.
        awaiting: Name of the one whose node waits for a standby.
    """
    found_places = {name: Place(name, tmp_path / name) for name in NAMES}
    for number, place in enumerate(found_places.values()):
        found(place.folder, place.name, number)
    city, hub = found_places["city"], free_port()
    for name in ("north", "south"):
        link(capsys, tmp_path, city, found_places[name], hub)
    for name, other in (("north", "south"), ("south", "north")) if trusting else ():
        trusting_it = ["--dir", str(found_places[name].folder), "--bond", str(TRUSTED_BOND_NEUR)]
        assert resilia(["link", "trust", str(tmp_path / f"{other}.card"), *trusting_it]) == 0
    capsys.readouterr()
    try:
        for place in found_places.values():
            place.awaits = place.name == awaiting
            place.start_server()
            place.start_node(FIRST - 3_600)
        for place in found_places.values():
            place.ready()
        yield found_places
    finally:
        for place in found_places.values():
            place.kill()
