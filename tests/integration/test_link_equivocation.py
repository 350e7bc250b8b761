"""A child's attestors sign two runs under one number: the city's node proves it on chain, once, and closes the link."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import nats
import pytest

from energy import strict_json
from energy.identity import hex_text
from interconnect.records import LinkRun, record_digest, sign_record
from interconnect.wire import decode, encode, message
from node.audit.border import audit_border
from node.cli.main import main as resilia
from node.coop.community import Community
from node.interconnect.links import Links
from node.storage.log import replay
from oracles.hashing import keccak
from oracles.signatures import address_of
from tests.support.linked_places import BOND_NEUR, NAMES, Place, linked_places
from tests.support.real_node import FIRST, LENGTH_S

AFTER = FIRST + LENGTH_S


@pytest.fixture
def places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Place]]:
    with linked_places(tmp_path, capsys) as found:
        yield found


def test_two_runs_under_one_number_cost_the_bond_and_the_link_once(
    places: dict[str, Place], capsys: pytest.CaptureFixture[str]
) -> None:
    city, north, south = (places[name] for name in NAMES)
    settle_a_run(city, north, south)
    assert city.ask("bond", "north") == BOND_NEUR
    run = north_s_run(city)
    lie = replace(run, net_neur=run.net_neur - 10**9)
    city.ask("grid", True)  # so that there is a cut, whose report has to tell of it
    city.ask("at", AFTER)
    tell(north, lie)

    status = city.until(AFTER, lambda status: status["link"]["equivocations"] and city.ask("bond", "north") == 0)
    (told,) = status["link"]["equivocations"]
    digests = [hex_text(record_digest(each)) for each in (run, lie)]
    assert (told["name"], told["run"], [told["first"], told["second"]]) == ("north", 1, digests)
    status = city.ask("at", AFTER)
    assert status["link"]["equivocations"][0]["proven"]
    assert {"name": "north", "code": "EQUIVOCATION", "count": 1} in status["link"]["refusals"]
    assert city.ask("closed", "north") == [True, [digests]]
    (report,) = city.ask("reports")
    closed = [hex_text(Links.load(city.folder).neighbours["north"])]
    assert (report["closed"], report["paidNeur"], report["convergedAt"]) == (closed, BOND_NEUR, None)
    city.ask("grid", False)
    assert city.until(AFTER + 60, lambda _: city.ask("reports")[0]["convergedAt"])
    # South has a contract of its own with the city, and goes on.
    assert city.ask("closed", "south") == [False, []]

    # The operator is told, in the terminal and on the page, and what to do.
    url = city.ask("serve")
    assert resilia(["link", "status", "--rpc", url, "--lang", "en"]) == 0
    assert "north: run 1; the link is closed, its bond paid" in capsys.readouterr().out
    page = httpx.get(city.ask("page") + "/operator", headers={"Accept-Language": "fr"}, follow_redirects=True).text
    assert "Les certificateurs de north ont signé deux règlements différents" in page

    # After a restart the journal says it again, and the contract is not asked again; more lies change nothing.
    city.stop_node()
    city.start_node(AFTER + 60)
    city.ready()
    tell(north, replace(lie, net_neur=lie.net_neur - 1))
    status = city.until(AFTER + 120, lambda status: status["link"]["refused"])
    assert [each["proven"] for each in status["link"]["equivocations"]] == [True]
    assert city.ask("closed", "north")[1] == [digests]
    found = [each.breach.name for each in audit_border(city.folder).findings]
    assert found == ["TWO_WORDS"]


def settle_a_run(city: Place, north: Place, south: Place) -> None:
    """Let 400 Wh cross from north to south, and the run of it be on the city's chain."""
    city.ask("at", FIRST - 700)
    for place in (north, south):
        place.until(FIRST - 700, lambda status: status["link"]["exportMaxWh"] and status["mode"] == "together")
    assert north.ask("order", "SELL", 400, 50_000, FIRST) == "placed"
    assert south.ask("order", "BUY", 1_000, 100_000, FIRST) == "placed"
    north.ask("at", FIRST - 600)
    south.ask("at", FIRST - 600)
    city.until(FIRST - 600, lambda status: all(FIRST in each for each in status["offers"].values()))
    city.ask("at", FIRST - 420)
    for place in (north, south):
        place.until(FIRST - 400, lambda status: FIRST in status["awarded"])
    city.until(AFTER, lambda status: city.ask("gate", "north")[0] == 1)


def north_s_run(city: Place) -> LinkRun:
    """Return the run that north's attestors have signed, as it stands in the city's journal."""
    digest = Community.load(city.folder / "community.json").digest()
    for record in replay(city.folder / "links" / "journal.log", digest)[1]:
        command = strict_json.loads(record)
        if command["do"] == "receive" and decode(command["data"].encode()).kind == "run":
            run = decode(command["data"].encode()).records[0]
            north = Links.load(city.folder).neighbours["north"]
            if isinstance(run, LinkRun) and command["from"] == hex_text(north):
                return run
    raise AssertionError("north's run is not in the city's journal")


def tell(north: Place, run: LinkRun) -> None:
    """Sign a run with north's attestors behind their guards' backs, and put it into north's stream to the city."""
    keys = sorted((keccak(f"attestor-{number} of north".encode()) for number in (1, 2)), key=address_of)
    data = encode(message("run", run, [sign_record(key, run) for key in keys]))
    asyncio.run(_publish(north, data))


async def _publish(north: Place, data: bytes) -> None:
    client = await nats.connect(f"nats://127.0.0.1:{north.port}", nkeys_seed_str=Links.load(north.folder).seed)
    await client.jetstream().publish("resilia.north.city", data)
    await client.close()
