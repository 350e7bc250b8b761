"""A meter that lies tells every oracle the same, and is caught by the street's own meter (R20), at a real node."""

import asyncio
import json
from pathlib import Path

from metering.files.csv_row import HEADER, encode_row
from node.api.community_pages import alerts
from node.app import Node
from tests.support.real_node import FIRST, LENGTH_S, hear, homes_of, running, serving, tick_at

FEEDER = '[feeder]\nsource = "csv:meters/feeder.csv"\nserial = "STREET"\npower_max_w = 100000\n'
DRAWN_WH = (300, 900, 150, 700, 450, 1_000, 200, 800)
"""What H02 really draws, interval by interval."""


async def _live(folder: Path, admitted_percent: int) -> tuple[Node, list[str]]:
    """Let a street live two hours; H02's meter admits a part of what it draws. Return the operator's alerts."""
    (folder / "neighbourhood.toml").write_text(FEEDER)
    feeder = folder / "meters" / "feeder.csv"
    feeder.write_bytes(HEADER + b"\n")
    street_wh = [5_000_000, 1_000_000]

    def show_street(instant: int) -> None:
        with open(feeder, "ab") as file:
            file.write(encode_row("STREET", instant, *street_wh) + b"\n")

    with homes_of(folder) as homes:
        async with running(folder, FIRST - 1_200) as node:
            await tick_at(node, FIRST - 1_200)
            show_street(FIRST)
            await hear(node, homes, FIRST)
            for place, drawn_wh in enumerate(DRAWN_WH, start=1):
                instant = FIRST + place * LENGTH_S
                homes.use("H01", import_wh=400)
                homes.use("H02", import_wh=drawn_wh * admitted_percent // 100)
                homes.use("H03", export_wh=250)
                net_wh = 400 + drawn_wh - 250 + 10  # and 10 Wh warm the cable
                street_wh[0] += net_wh
                show_street(instant)
                await hear(node, homes, instant)
            async with serving(node) as (url, client):
                call = {"jsonrpc": "2.0", "id": 1, "method": "energy_getConcerns", "params": []}
                told = json.loads((await client.post(url, json=call)).text)["result"]
            assert told == node.concerns()
            return node, alerts(node.status(), told)


def test_an_honest_street_raises_nothing(folder: Path) -> None:
    node, said = asyncio.run(_live(folder, 100))
    assert node.concerns() == []
    assert said == []


def test_r20_a_meter_that_admits_half_is_caught_and_named(folder: Path) -> None:
    node, said = asyncio.run(_live(folder, 50))
    (concern,) = node.concerns()
    facts = concern["facts"]
    assert concern["code"] == "R20"
    assert facts["suspects"] == "H02"
    assert facts["difference"] == sum(DRAWN_WH) // 2 + 10 * len(DRAWN_WH) > facts["high"]
    assert "first of: H02" in said[0]
