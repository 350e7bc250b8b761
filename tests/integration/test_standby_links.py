"""A node with links is lost together with its NATS server: its standby goes on with market, sealing and links."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from energy.identity import ZERO_DIGEST, MeterId
from interconnect.origin import SignedExport
from interconnect.records import Export, sign_record
from node.cli.failure import Failure
from node.cli.main import main as resilia
from node.cli.node_client import NodeClient
from node.interconnect.border import document_of
from node.interconnect.links import Links, Listening
from oracles.hashing import keccak
from oracles.signatures import address_of
from tests.support.linked_node import home_of
from tests.support.linked_places import FEE, NAMES, Place, linked_places
from tests.support.real_node import FIRST, LENGTH_S
from tests.support.standbys import standby


@pytest.fixture
def places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Place]]:
    with linked_places(tmp_path, capsys, awaiting="north") as found:
        yield found


def test_standby_takes_the_links_over_as_well(places: dict[str, Place], tmp_path: Path) -> None:
    city, north, south = (places[name] for name in NAMES)
    archive, copy = str(tmp_path / "north.tar"), tmp_path / "copy"
    assert resilia(["backup", "create", archive, "--dir", str(north.folder), "--with-keys"]) == 0
    assert resilia(["backup", "restore", archive, "--dir", str(copy), "--as-standby"]) == 0
    document = certificate_for(city, north)
    with standby(copy, north.ask("serve")):
        city.ask("at", FIRST - 700)
        for place in (north, south):
            place.until(FIRST - 700, lambda status: status["link"]["exportMaxWh"] == 5_000)
        assert north.ask("order", "SELL", 400, 50_000, FIRST) == "placed"
        assert south.ask("order", "BUY", 1_000, 100_000, FIRST) == "placed"
        for place in (north, south):
            place.ask("at", FIRST - 600)
        city.until(FIRST - 600, lambda status: all(FIRST in each for each in status["offers"].values()))
        price = city.ask("at", FIRST - 420)["link"]["price"]
        for place in (north, south):
            place.until(FIRST - 400, lambda status: FIRST in status["awarded"])
        assert NodeClient(north.ask("serve")).call("energy_importCertificate", document)["number"] == 1
        # The worst moment: the award is accepted, and nothing is cleared yet.
        north.kill()
    south.ask("at", FIRST - 315)
    assert resilia(["chain", "take-over", "--dir", str(copy), "--sealer-is-gone"]) == 0

    # Another machine: another folder, and a NATS server that has nothing of the other's streams.
    Links.load(copy).write_server(Listening(f"127.0.0.1:{north.port}"))
    north.folder, north.awaits = copy, False
    north.start_server()
    north.start_node(FIRST - 400)
    north.ready()
    found = north.ask("at", FIRST - 400)
    assert (found["link"]["exportMaxWh"], found["awarded"]) == (5_000, [FIRST])
    sold = north.ask("at", FIRST - 315)["link"]
    assert sold["netExportWh"] == 400, "the award that it had accepted"
    with pytest.raises(Failure) as refusal:
        NodeClient(north.ask("serve")).call("energy_importCertificate", document)
    assert refusal.value.detail["name"] == "EXPORT_REPEATED", "its nullifiers"

    # Sold once: bills, both ledgers of both links, and both sides' chains say the same.
    for place, imported, exported in ((north, 0, 400), (south, 500, 0)):
        place.ask("meter", FIRST, 0, 0)
        place.ask("meter", FIRST + LENGTH_S, imported, exported)
        place.until(FIRST + LENGTH_S, lambda status: status["lastRun"])
    assert north.ask("entries") == [["sale", 400, 50_000]]
    sale, bought_neur = 400 * (price - FEE), 400 * (price + FEE)
    for place in (city, north, south):
        place.until(FIRST + LENGTH_S, lambda status: status["link"]["balanceNeur"])
    assert north.ask("gate", "city")[1] == sale
    assert (city.ask("gate", "north")[1], city.ask("gate", "south")[1]) == (-sale, bought_neur)

    # And the next interval goes on under the same lease: nothing that was promised is promised again.
    trade_again(city, north, south, FIRST + LENGTH_S)


def trade_again(city: Place, north: Place, south: Place, interval: int) -> None:
    """Let 100 Wh cross once more, by a station whose numbers go on where the lost node's ended."""
    offering = max(interval - 600, FIRST + LENGTH_S)
    later = interval + 2 * LENGTH_S  # books are open that far ahead
    for place, side, wh, limit in ((north, "SELL", 100, 50_000), (south, "BUY", 100, 100_000)):
        place.ask("at", offering)
        assert place.ask("order", side, wh, limit, later) == "placed"
        place.ask("at", later - 600)
    city.until(later - 600, lambda status: all(later in each for each in status["offers"].values()))
    city.ask("at", later - 420)
    for place in (north, south):
        place.until(later - 400, lambda status: later in status["awarded"])
        place.ask("at", later - 315)
    for place in (north, south):
        place.until(later - 310, lambda _, place=place: bool(place.ask("gate", "city")[0] >= 2))  # type: ignore[misc]


def certificate_for(origin: Place, destination: Place) -> dict[str, Any]:
    """Return the document of a certificate that a community's attestors have signed for another one."""
    cards = [Links.load(place.folder).own for place in (origin, destination)]
    recipient, device = home_of(destination.name).address, MeterId(keccak(b"device"))
    export = Export(cards[0].community, 1, cards[1].community, recipient, device, FIRST, 0, 250, 1, 0, ZERO_DIGEST)
    keys = sorted((keccak(f"attestor-{number} of {origin.name}".encode()) for number in (1, 2)), key=address_of)
    return document_of(SignedExport(export, tuple(sign_record(key, export) for key in keys)))
