"""A real node over networks: a charge point whose meter signs, by OCPP, and the street's own meter behind a broker."""

import asyncio
import json
from pathlib import Path

import aiomqtt

from energy.identity import hex_text
from metering.mqtt.bundle import unpack
from metering.readings import QualityCode, TrustClass, quality
from metering.signed.device_key import fingerprint
from metering.sources.simulators.kinds import KINDS, SIMULATED_KEY, Registers
from node.app import Node
from node.clock import SimulatedClock
from tests.support.brokers import LOGIN, connected, free_port, running_broker
from tests.support.charge_points import booted, report
from tests.support.real_node import FIRST, LENGTH_S, homes_of, running, tick_at

EVSE = f"EVSE-1@{fingerprint(SIMULATED_KEY.public_key())}"
SHELLY = KINDS["shelly"]
HIDDEN_WH = 250
"""What somebody in the street draws past the meters, each interval."""
INTERVALS = 5


def _prepare(folder: Path, ocpp_port: int, broker_port: int) -> None:
    path = folder / "community.json"
    community = json.loads(path.read_text())
    (home,) = [member for member in community["members"] if member["label"] == "H03"]
    home.update(meter_source=f"ocpp-ocmf:tcp://127.0.0.1:{ocpp_port}", serial=EVSE)
    path.write_text(json.dumps(community, indent=1, sort_keys=True) + "\n")
    (folder / "login").write_text(LOGIN)
    (folder / "neighbourhood.toml").write_text(
        f'[feeder]\nsource = "shelly:tcp://127.0.0.1:{broker_port}?login=login"\nserial = "{SHELLY.serial}"\n'
        "power_max_w = 100000\n"
    )


async def _publish(node: Node, publisher: aiomqtt.Client, shown: Registers) -> None:
    """Publish what the street's meter shows until the node has it: a broker keeps nothing for who is not there yet."""
    feeder = node.neighbourhood._feeder
    assert feeder is not None
    while shown.at not in feeder.boundaries:
        for topic, payload in unpack(SHELLY.telegram(SHELLY.serial, shown)) or ():
            await publisher.publish(topic, payload, qos=1)
        await asyncio.sleep(0.05)


def test_ocpp_settles_and_mqtt_finds_what_no_meter_admits(folder: Path, tmp_path: Path) -> None:
    async def check(ocpp_port: int, broker_port: int) -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                assert isinstance(node.clock, SimulatedClock)
                await tick_at(node, FIRST - 1_200)
                publisher = await connected(broker_port)
                async with booted(ocpp_port) as point:
                    for number in range(INTERVALS + 1):
                        instant = FIRST + number * LENGTH_S
                        node.clock.advance_to(instant)
                        homes.use("H01", import_wh=400 if number else 0)
                        street_wh = 7_000_000 + number * (400 + 700 + HIDDEN_WH)
                        homes.show(instant, ("H01", "H02"))
                        await report(point, Registers(instant, 3_000_000 + 700 * number, 500_000, 2_800), number)
                        await _publish(node, publisher, Registers(instant, street_wh, 0, 5_000))
                        while node.measuring.missing(instant - LENGTH_S):
                            node.measuring.read_files()
                            await node.measuring.heard(0.05)
                        ticked = await node.tick()
                        assert ticked.attested == (() if number == 0 else (instant - LENGTH_S,))
                meter = next(member.meter for member in node.community.members if member.label == "H03")
                rows = node.projection.readings_of(meter, FIRST, FIRST + INTERVALS * LENGTH_S)
                good = quality(TrustClass.A, QualityCode.VALIDATED)
                assert [(row.import_wh, row.quality) for row in rows] == [(700, good)] * INTERVALS
                assert len({row.raw_hash for row in rows}) == INTERVALS
                assert hex_text(meter) == rows[0].meter
                (concern,) = node.concerns()
                assert (concern["code"], concern["facts"]["difference"]) == ("R20", INTERVALS * HIDDEN_WH)
                await publisher.__aexit__(None, None, None)

    ocpp_port = free_port()
    with running_broker(tmp_path) as broker_port:
        _prepare(folder, ocpp_port, broker_port)
        asyncio.run(asyncio.wait_for(check(ocpp_port, broker_port), 120))
