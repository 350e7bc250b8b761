"""A meter without a clock, on a protocol of its own, at a real node: read, signed, settled, resumed after a restart."""

import asyncio
import json
from pathlib import Path

import pytest

from energy.identity import meter_from_hex
from energy.results import Accepted, Rejected
from metering.protocols import PROTOCOLS
from metering.readings import QualityCode
from metering.registers import RegisterSample
from metering.sml.decoder import decode_sml
from metering.sml.encoder import encode_sml
from metering.sources.simulators.kinds import KINDS, Registers
from node.app import Node
from tests.support.real_node import FIRST, LENGTH_S, Homes, homes_of, running, tick_at

SERVER = bytes.fromhex("0a01454d480000a1b2c3")
END = FIRST + LENGTH_S


def _give_h03(folder: Path, source: str, serial: str) -> None:
    path = folder / "community.json"
    community = json.loads(path.read_text())
    (home,) = [member for member in community["members"] if member["label"] == "H03"]
    home.update(meter_source=source, serial=serial)
    path.write_text(json.dumps(community, indent=1, sort_keys=True) + "\n")


def _tell(node: Node, instant: int, import_wh: int, export_wh: int) -> None:
    sample = decode_sml(encode_sml(SERVER, instant - FIRST + 10_000, import_wh, export_wh), instant)
    assert not isinstance(sample, Rejected)
    assert isinstance(node.measuring.take(sample, "sml"), Accepted)


async def _both_kinds(node: Node, homes: Homes, instant: int, import_wh: int, export_wh: int) -> tuple[int, ...]:
    await tick_at(node, instant)
    homes.show(instant, ("H01", "H02"))
    _tell(node, instant, import_wh, export_wh)
    return (await tick_at(node, instant)).attested


def test_a_meter_without_a_clock_is_attested_by_when_it_was_heard(folder: Path) -> None:
    _give_h03(folder, "sml:meters/H03.sml", SERVER.hex().upper())

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                assert await _both_kinds(node, homes, FIRST, 5_000, 700) == ()
                assert await _both_kinds(node, homes, END, 5_120, 745) == (FIRST,)
                (status,) = [each for each in node.status()["meters"] if each["label"] == "H03"]
                meter = meter_from_hex(status["meter"])
                assert (status["kind"], status["state"]) == ("sml", "ok")
                (reading,) = [each for each in node.measuring.metered(FIRST) if each.meter == meter]
                assert (reading.import_wh, reading.export_wh, reading.final) == (120, 45, True)
                await tick_at(node, END + LENGTH_S)
                homes.show(END + LENGTH_S, ("H01", "H02"))
                _tell(node, END + LENGTH_S, 5_300, 745)
            async with running(folder, END + LENGTH_S) as node:
                report = await tick_at(node, END + LENGTH_S + 1)
                assert END in (*report.attested, node.measuring.attested_through)
                assert [run.run_id for run in report.settled] == [1]

    asyncio.run(check())


@pytest.mark.parametrize("name", ["dlms-kaifa", "sunspec-meter", "mbus"])
def test_every_protocol_is_attested_and_taken_up_after_a_restart(folder: Path, name: str) -> None:
    kind = KINDS[name]

    def shown(instant: int, import_wh: int) -> RegisterSample:
        telegram = kind.frame(Registers(instant, 1_000_000 + import_wh, 500_000))
        sample = PROTOCOLS[kind.protocol].decode(telegram, instant)
        assert isinstance(sample, RegisterSample), str(sample)
        return sample

    _give_h03(folder, f"{kind.protocol}:meters/H03.line", shown(FIRST, 0).serial)

    async def tell(node: Node, homes: Homes, instant: int, import_wh: int) -> tuple[int, ...]:
        await tick_at(node, instant)
        homes.show(instant, ("H01", "H02"))
        assert isinstance(node.measuring.take(shown(instant, import_wh), kind.protocol), Accepted)
        return (await tick_at(node, instant)).attested

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                assert await tell(node, homes, FIRST, 0) == ()
                assert await tell(node, homes, END, 120) == (FIRST,)
            async with running(folder, END + LENGTH_S) as node:
                assert await tell(node, homes, END + LENGTH_S, 300) == (END,)
                rows = node.projection.readings(END)
                assert sorted(row.import_wh for row in rows) == [0, 0, 180]
                assert {row.quality & 0xFF for row in rows} == {QualityCode.VALIDATED}

    asyncio.run(check())
