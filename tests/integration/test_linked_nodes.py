"""Two neighbourhoods and a city: nodes in processes of their own, with real NATS servers, as `link add` set them up."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.cli.main import main as resilia
from tests.support.linked_node import found
from tests.support.nats_servers import BINARY, free_port
from tests.support.real_node import FIRST, LENGTH_S
from tests.support.source_tree import ROOT

FEE, VOID = 10_000, 50_000
NAMES = ("city", "north", "south")


@dataclass
class Place:
    """One community's machine: its folder, its NATS server, its node."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    server: "subprocess.Popen[bytes] | None" = None
    node: "subprocess.Popen[str] | None" = None

    def start_server(self) -> None:
        self.server = subprocess.Popen(
            [BINARY, "-c", str(self.folder / "links" / "nats.conf"), "-l", str(self.folder / "nats.log")]
        )

    def start_node(self, now: int) -> None:
        place = [str(self.folder), f"nats://127.0.0.1:{self.port}", str(now)]
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

    def kill(self) -> None:
        for process in (self.node, self.server):
            if process is not None:
                process.kill()
                process.wait()
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


@pytest.fixture
def places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Place]]:
    found_places = {name: Place(name, tmp_path / name) for name in NAMES}
    for number, place in enumerate(found_places.values()):
        found(place.folder, place.name, number)
    city, hub = found_places["city"], free_port()
    for name in ("north", "south"):
        link(capsys, tmp_path, city, found_places[name], hub)
    try:
        for place in found_places.values():
            place.start_server()
            place.start_node(FIRST - 3_600)
        for place in found_places.values():
            place.ready()
        yield found_places
    finally:
        for place in found_places.values():
            place.kill()


def test_surplus_flows_to_the_other_neighbourhood_and_bills_of_both_show_it(places: dict[str, Place]) -> None:
    city, north, south = (places[name] for name in NAMES)
    city.ask("at", FIRST - 700)
    for place in (north, south):
        # Linked: the city's lease is here.
        status = place.until(FIRST - 700, lambda status: status["link"]["exportMaxWh"] == 5_000 and _together(status))
        assert status["link"]["parent"] == "city"
    assert north.ask("order", "SELL", 400, 50_000, FIRST) == "placed"
    assert south.ask("order", "BUY", 1_000, 100_000, FIRST) == "placed"

    north.ask("at", FIRST - 600)
    south.ask("at", FIRST - 600)
    city.until(FIRST - 600, lambda status: all(FIRST in each for each in status["offers"].values()))
    zone = city.ask("at", FIRST - 420)["link"]
    assert zone["interval"] == FIRST
    for place in (north, south):
        place.until(FIRST - 400, lambda status: FIRST in status["awarded"])
    sold = north.ask("at", FIRST - 315)["link"]
    bought = south.ask("at", FIRST - 315)["link"]
    assert (sold["netExportWh"], bought["netExportWh"]) == (400, -400)

    # North's home gives what it sold; south's home draws what it bought and 100 Wh more; the grid balances the rest.
    for place, imported, exported in ((north, 0, 400), (south, 500, 0)):
        place.ask("meter", FIRST, 0, 0)
        place.ask("meter", FIRST + LENGTH_S, imported, exported)
        place.until(FIRST + LENGTH_S, lambda status: status["lastRun"])
    assert ["sale", 400, 50_000] in north.ask("entries")
    assert [line[0] for line in north.ask("entries")] == ["sale"]
    (purchase,) = [line for line in south.ask("entries") if line[0] == "purchase"]
    assert purchase[1:] == [400, 100_000]
    assert ["supply", 100, 250_000] in south.ask("entries")

    # Both chains hold the run of each link, signed by both sides; what remains at the city is the grid's fee.
    sale, purchase_neur = 400 * (zone["price"] - FEE), 400 * (zone["price"] + FEE)
    for place in (city, north, south):
        place.until(FIRST + LENGTH_S, lambda status: status["link"]["balanceNeur"])
    assert north.ask("gate", "city")[1] == sale
    assert south.ask("gate", "city")[1] == -purchase_neur
    assert (city.ask("gate", "north")[1], city.ask("gate", "south")[1]) == (-sale, purchase_neur)


def _together(status: dict[str, Any]) -> bool:
    return bool(status["mode"] == "together")
