"""Two neighbourhoods and a city: nodes in processes of their own, with real NATS servers, as `link add` set them up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.linked_places import FEE, NAMES, Place, linked_places
from tests.support.real_node import FIRST, LENGTH_S


@pytest.fixture
def places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Place]]:
    with linked_places(tmp_path, capsys) as found:
        yield found


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
