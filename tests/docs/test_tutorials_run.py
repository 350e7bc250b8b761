"""The tutorials are lived: every command in them runs as it is written, in its sequence, and does what is said of it.

What stands for something of the reader's is put in its place: the addresses where the demo is, the number of the order
that was just placed, the sealer, the line to a meter. The demo has two homes instead of seventeen. The French
tutorials have the same commands (`test_languages`), so both are lived.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from energy.errors import Unavailable
from metering.sources.simulators.linky import LinkySimulator
from node.cli.keystore import create_key
from node.coop.tariffs import TariffSchedule
from tests.support.documents import README, TUTORIALS, blocks
from tests.support.source_tree import ROOT

DEMO: Final = "resilia demo --keep day"
PAGE, LINE, SEALER, ORDER = (
    "http://127.0.0.1:8080",
    "/dev/ttyUSB0",
    "0x5aba8c0be40519f26abd84825406f47a25b93999",
    "0x7f3a",
)
"""What stands in the tutorials for something of the reader's."""
UNTIL_STOPPED: Final = ("curl -N ", "resilia meter watch ", "resilia node ", DEMO)
"""What goes on until Ctrl-C."""
PATIENCE_S: Final = 400
PASSWORD: Final = "a long password"


def sections() -> dict[str, list[str]]:
    """Return the command lines of each tutorial by the first word of its heading; before the first one, of all."""
    parts = re.split(r"^## (\w+)", TUTORIALS.read_text(), flags=re.MULTILINE)
    named = zip(["All", *parts[1::2]], parts[::2], strict=True)
    found = {}
    for name, text in named:
        fenced = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        found[name] = [line for block in fenced for line in block.splitlines() if line.strip()]
    return found


@dataclass
class Reader:
    """Somebody at a terminal, in a folder of their own."""

    folder: Path
    stands_for: dict[str, str] = field(default_factory=dict)
    rpc_url: str = "http://127.0.0.1:1"
    said: str = ""
    """What the last command wrote to standard output."""

    def __post_init__(self) -> None:
        self._lasting: list[subprocess.Popen[str]] = []
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "LC_ALL": "C.UTF-8",
            "RESILIA_PASSWORD_FILE": str(self.folder / "password"),
        }

    def written(self, line: str) -> str:
        """Return a command line with what the reader puts in."""
        for text, meant in self.stands_for.items():
            line = line.replace(text, meant)
        return line

    def types(self, line: str, code: int = 0) -> None:
        """Type a command and wait for its end; for its first words, when it goes on."""
        environment = {**self.environment, "RESILIA_RPC": self.rpc_url}
        if line.startswith(UNTIL_STOPPED):
            self.starts(self.written(line), environment)
            return
        done = subprocess.run(
            ["bash", "-c", self.written(line)],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        self.said = done.stdout
        if "order place" in line:
            self.stands_for[ORDER] = done.stdout.strip()[: len(ORDER)]

    def starts(self, line: str, environment: dict[str, str]) -> None:
        """Start what goes on, and wait until it has said something."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=self.folder, env=environment, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._lasting.append(process)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, f"{line} said nothing and ended with {process.wait()}"
        self.said = first

    def hears(self, beginning: str) -> str:
        """Wait until what goes on says a line that begins so; return the line."""
        stream = self._lasting[-1].stdout
        assert stream is not None
        for line in stream:
            if line.startswith(beginning):
                return line
        raise AssertionError(f"it never said {beginning}")

    def stops(self) -> None:
        """Press Ctrl-C, and wait."""
        process = self._lasting.pop()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)

    def leaves(self) -> None:
        """Stop whatever still goes on."""
        while self._lasting:
            self.stops()


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    """Give somebody a folder with a password in it."""
    (folder / "password").write_text(PASSWORD + "\n")
    somebody = Reader(folder)
    try:
        yield somebody
    finally:
        somebody.leaves()


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody for whom the demo's day is over and who can go on typing in another window."""
    (line,) = sections()["All"]
    assert line == DEMO
    with reader(tmp_path_factory.mktemp("tutorial")) as somebody:
        somebody.stands_for[line] = f"{line} --homes 2 --rpc-port 0 --web-port 0"
        somebody.types(line)
        somebody.stands_for[PAGE] = somebody.hears("Page").split()[1]
        somebody.rpc_url = somebody.hears("JSON-RPC").split()[1]
        somebody.types("resilia status --json")
        somebody.stands_for[SEALER] = json.loads(somebody.said)["sealer"]
        yield somebody


def test_a_member_trades(guest: Reader) -> None:
    place, listed, cancel = sections()["Member"]
    guest.types(place)
    guest.types(listed)
    assert re.search(rf"{guest.stands_for[ORDER]}.*500\sWh.*resting", guest.said)
    guest.types(cancel)
    guest.types(listed)
    assert re.search(rf"{guest.stands_for[ORDER]}.*500\sWh.*cancelled", guest.said)
    guest.types("resilia market signal")


def test_an_auditor_believes_nothing(guest: Reader) -> None:
    evidence, verify, export, audit = sections()["Auditor"]
    guest.types(evidence)
    guest.types(verify)
    file = guest.folder / "1.json"
    text = file.read_text()
    file.write_text(re.sub(r'("toWh": )(\d+)', lambda found: f"{found[1]}{int(found[2]) + 1}", text, count=1))
    assert file.read_text() != text
    guest.types(verify, code=3)
    guest.types(export)
    guest.types(audit)


def test_an_integrator_reads_and_follows(guest: Reader) -> None:
    status, trades, follow = sections()["Integrator"]
    guest.types(status)
    assert json.loads(guest.said)["demo"] is True
    guest.types(trades)
    assert guest.said.startswith("interval,number,")
    guest.types(follow)
    guest.stops()


@contextmanager
def talking(line: LinkySimulator) -> Iterator[None]:
    """Let a meter tell its registers again and again."""
    ended = threading.Event()

    def talk() -> None:
        while not ended.wait(0.3):
            with suppress(Unavailable):  # nobody listens yet
                line.emit(int(time.time()), 1_000, 500)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_an_operator_founds_and_runs(tmp_path: Path) -> None:
    watch, init, run, status, doctor, *later = sections()["Operator"]
    line = LinkySimulator("041761000123")
    with reader(tmp_path) as operator:
        operator.stands_for = {LINE: str(line.device)}
        account = "0x" + create_key(tmp_path, "alice", PASSWORD, scrypt=False).account.hex()
        (example,) = blocks(README, "csv")
        (tmp_path / "members.csv").write_text(operator.written(example.text).replace(
            "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf", account))  # fmt: skip
        hour = int(time.time()) // 3_600 * 3_600
        columns = ",".join(TariffSchedule.COLUMNS)
        (tmp_path / "tariffs.csv").write_text(f"{columns}\n{hour},250000,60000,275000,30000,50\n")
        with talking(line):
            operator.types(watch)
        operator.stops()
        operator.types(init)
        operator.stands_for[run] = f"{run} --rpc-port 0 --web-port 0 --json"
        operator.types(run)
        where: dict[str, Any] = json.loads(operator.hears("{"))
        operator.rpc_url = where["rpcUrl"]
        operator.types(status)
        assert "Les Acacias" in operator.said
        operator.types(doctor)
        for command in later:
            operator.types(command)
        assert [word for command in later for word in command.split()[1:3]] == [
            *("service", "install", "backup", "create", "backup", "verify"),
        ]  # fmt: skip
    line.close()


def test_every_command_is_lived() -> None:
    assert {name: len(lines) for name, lines in sections().items()} == {
        "All": 1, "Member": 3, "Operator": 8, "Auditor": 4, "Integrator": 3
    }  # fmt: skip
