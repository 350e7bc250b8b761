"""A real node and two agents beside it: what one home draws too much a neighbour's battery gives, and both share it."""

import asyncio
import csv
from dataclasses import dataclass
from pathlib import Path

from dispatch.layers import make
from dispatch.plant import Device
from energy.identity import hex_text
from market.config import MarketConfig
from market.mechanism import Sharing
from metering.files.csv_row import encode_row
from metering.registers import RegisterSample
from node.agent.files import AgentFolder
from node.agent.home_file import HomeFile
from node.agent.member_agent import MemberAgent
from node.app import Node
from node.client import Client
from node.coop.founding import load_members
from node.serve import ServeOptions, Servers
from node.signing.keys import KeyPair
from oracles.hashing import keccak
from tests.support.real_node import FIRST, LENGTH_S, found, running, tick_at

STEP_S = 30
POWER_W = 2_000
BATTERY = Device("battery", make("lithium", capacity_kwh=4.0, power_kw=POWER_W / 1e3, loss_per_month=0.0))
LABELS = ("H01", "H02", "H03", "H04", "H05")
KEYS = {label: KeyPair.from_private(keccak(label.encode())) for label in LABELS}
NET_W = {"H01": 300, "H02": 300, "H03": 300, "H04": -1_200, "H05": 300}
"""Use less sun. All together balance, but for what the battery of H01 gives at home."""
MORE_W = 1_500
"""H03 draws so much more, two minutes after the fourth interval has begun."""
FOURTH = FIRST + 3 * LENGTH_S
TARIFFS = [
    (FIRST - FIRST % 86_400, 250_000, 60_000, 275_000, 30_000, 50),
    (FIRST + 3 * 3_600, 120_000, 60_000, 130_000, 30_000, 50),
]
"""Cheap in three hours: what is stored is worth less than the middle of now, 155,000 µ€/kWh, and more than 60,000."""


@dataclass
class Meter:
    """A home at its meter, with a battery where an agent drives one."""

    label: str
    net_w: int
    agent: MemberAgent | None = None
    power_w: int = 0
    drawn_ws: int = 0
    fed_ws: int = 0
    taken_ws: int = 0
    given_ws: int = 0

    def live(self, until: int) -> bytes:
        exchange_w = self.net_w + self.power_w
        self.drawn_ws += max(0, exchange_w) * STEP_S
        self.fed_ws += max(0, -exchange_w) * STEP_S
        self.taken_ws += max(0, self.power_w) * STEP_S
        self.given_ws += max(0, -self.power_w) * STEP_S
        return encode_row(f"SC-{self.label}", until, self.drawn_ws // 3_600, self.fed_ws // 3_600)

    def act(self, now: int) -> None:
        assert self.agent is not None
        for name, taken, given in (("grid", self.drawn_ws, self.fed_ws), ("battery", self.taken_ws, self.given_ws)):
            raw = (taken // 3_600, given // 3_600, now, now)
            self.agent.heard(name, RegisterSample("S", *raw, False, False, True, b""))
        self.power_w = self.agent.step(now)["battery"]


class Street:
    """All homes of the community."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node, self.folder, self.at = node, folder, FIRST
        self.meters = {label: Meter(label, net_w) for label, net_w in NET_W.items()}

    @property
    def net_ws(self) -> int:
        return sum(meter.drawn_ws - meter.fed_ws for meter in self.meters.values())

    async def live(self, until: int) -> None:
        while self.at < until:
            self.at += STEP_S
            with open(self.folder / "meters" / "operator.csv", "ab") as rows:
                for meter in self.meters.values():
                    rows.write(meter.live(self.at) + b"\n")
            await tick_at(self.node, self.at)
            for meter in self.meters.values():
                if meter.agent is not None:
                    await asyncio.to_thread(meter.act, self.at)


def founded(folder: Path) -> None:
    members = folder.parent / "five.csv"
    with open(members, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ("account", "label", "kind", "serial", "meter_source", "source", "power_max_import_w", "power_max_export_w")
        )
        for label, key in KEYS.items():
            source = ("csv:meters/operator.csv", "solar", 9_000, 9_000)
            rows.writerow((hex_text(key.address), label, "home", f"SC-{label}", *source))
    market = MarketConfig(open_orders_max=64, accounts_max=64, sharing=Sharing.IN_PROPORTION)
    found(folder, members=load_members(members), market=market, tariffs=TARIFFS)


def test_a_neighbours_battery_answers_what_a_home_draws_too_much(tmp_path: Path) -> None:
    founded(tmp_path / "node")
    asyncio.run(answered(tmp_path / "node", tmp_path))


async def answered(folder: Path, kept: Path) -> None:
    async with running(folder, FIRST) as node:
        servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
        await servers.start()
        assert servers.web_url is not None
        street = Street(node, folder)
        try:
            with (
                Client(servers.web_url, KEYS["H01"].private_key) as full,
                Client(servers.web_url, KEYS["H02"].private_key) as empty,
                Client(servers.web_url, b"\x55" * 32) as stranger,
            ):
                for label, client, held_wh in (("H01", full, 4_000), ("H02", empty, 0)):
                    home = HomeFile(
                        "csv:g",
                        "",
                        9_000,
                        9_000,
                        (BATTERY,),
                        {"battery/cells": held_wh * 1_000},
                        {"battery": "csv:b"},
                        "",
                        12,
                    )
                    own = AgentFolder(kept / label)
                    street.meters[label].agent = await asyncio.to_thread(MemberAgent, home, own, client, FIRST)
                await street.live(FOURTH + 120)
                before_ws, given_ws = street.net_ws, street.meters["H01"].fed_ws
                street.meters["H03"].net_w += MORE_W
                await street.live(FOURTH + 600)
                told = await asyncio.to_thread(full.balance, 0)
                assert told is not None
                assert (told["interval"], told["heard"], told["accounts"]) == (FOURTH, 5, 5)
                assert told["ratingW"] == POWER_W, "of the empty one; the full one has just said that it looks only"
                assert await asyncio.to_thread(stranger.balance, 9_000) is None, "who has no meter here is told nothing"
                await street.live(FOURTH + LENGTH_S)
                drawn_wh = (street.net_ws - before_ws) // 3_600
                alone_wh = (MORE_W - 300) * 780 // 3_600
                assert alone_wh == 260
                assert abs(drawn_wh) <= 120, "the empty one leaves its half of each balance to the next"
                assert street.meters["H01"].fed_ws - given_ws >= 150 * 3_600
                for meter in street.meters.values():
                    if meter.agent is not None:
                        assert meter.agent.status(street.at)["alarms"] == []
                await street.live(FOURTH + 3 * LENGTH_S)
        finally:
            node.events.close()
            await servers.stop()
        giver, taker = (entries(node, label) for label in ("H01", "H03"))
        assert giver.get("shared_given", 0) >= 150
        assert taker.get("shared_taken", 0) >= 150


def entries(node: Node, label: str) -> dict[str, int]:
    """Return what an account's lines of the fourth interval come to, Wh, by kind."""
    rows = node.queries.entries(account=hex_text(KEYS[label].address), start=FOURTH, end=FOURTH + 1)
    return {str(row["kind"]): int(row["quantityWh"] or 0) for row in rows}
