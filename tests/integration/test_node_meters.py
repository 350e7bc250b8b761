"""Meters at a real node: what can not be believed is refused by code, counted, and stops nothing else."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from metering.files.csv_row import encode_row
from metering.linky.decoder import Status
from metering.rejections import MeteringReject
from metering.sources.simulators.linky import torn, with_wrong_checksum
from node.app import Node
from node.storage.log import replay
from tests.support.real_node import FIRST, LENGTH_S, SERIALS, Homes, hear, homes_of, running, tick_at

END = FIRST + LENGTH_S


async def _first_boundary(node: Node, homes: Homes) -> None:
    """Let every meter show where it starts."""
    await tick_at(node, FIRST - 1_200)
    report = await hear(node, homes, FIRST)
    assert report.attested == ()


def _kept(node: Node) -> int:
    return len(replay(node.folder / "readings.log", node.community.digest())[1])


BAD_ROWS: dict[str, tuple[Callable[[Homes], bytes], str]] = {
    "goes back": (lambda homes: encode_row(SERIALS["H01"], END, homes.registers["H01"][0] - 1, 500_000), "INDEX_BACK"),
    "too fast": (lambda homes: encode_row(SERIALS["H01"], END, homes.registers["H01"][0] + 9_600, 500_000), "RATE"),
    "again": (lambda homes: encode_row(SERIALS["H01"], FIRST, *homes.registers["H01"]), "REPLAY"),
    "from the future": (lambda homes: encode_row(SERIALS["H01"], END + 60, *homes.registers["H01"]), "FUTURE_STAMP"),
    "from next year": (
        lambda homes: encode_row(SERIALS["H01"], END + 86_400 * 365, *homes.registers["H01"]), "FUTURE_STAMP",
    ),
    "another's": (lambda homes: encode_row("SC-9999", END, 1, 1), "FOREIGN_METER"),
    "decimal": (lambda homes: encode_row(SERIALS["H01"], END, 1, 1).replace(b",1,", b",1.5,"), "MALFORMED_ROW"),
    "no row": (lambda homes: b"what is this", "MALFORMED_ROW"),
}  # fmt: skip


def test_bad_rows_are_refused_by_code_and_the_good_one_behind_them_counts(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _first_boundary(node, homes)
                await tick_at(node, END)
                before = _kept(node), node.trading.journal_hash
                for name, (row, code) in BAD_ROWS.items():
                    counted = node.measuring.rejected.get(code, 0)
                    homes.write_row(row(homes))
                    report = await tick_at(node, END)
                    assert node.measuring.rejected.get(code, 0) == counted + 1, name
                    assert report.attested == (), name
                assert (_kept(node), node.trading.journal_hash) == before
                homes.use("H01", import_wh=250)
                assert (await hear(node, homes, END)).attested == (FIRST,)
                (reading,) = [each for each in node.measuring.metered(FIRST) if each.import_wh]
                assert (reading.import_wh, reading.export_wh, reading.final) == (250, 0, True)

    asyncio.run(check())


def test_a_row_that_is_still_being_written_waits_for_its_end(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _first_boundary(node, homes)
                rejected = dict(node.measuring.rejected)
                row = encode_row(SERIALS["H01"], END, *homes.registers["H01"])
                file = folder / "meters" / "operator.csv"
                with open(file, "ab") as rows:
                    rows.write(row[:20])
                await tick_at(node, END)
                assert node.measuring.missing(FIRST) == [each.meter for each in node.community.members]
                with open(file, "ab") as rows:
                    rows.write(row[20:] + b"\n")
                await tick_at(node, END)
                assert len(node.measuring.missing(FIRST)) == 2
                assert node.measuring.rejected == rejected

    asyncio.run(check())


async def _rejected(node: Node, code: MeteringReject) -> None:
    async with asyncio.timeout(60):
        while not node.measuring.rejected.get(code.name):
            await asyncio.sleep(0.02)


def test_a_torn_or_damaged_frame_is_refused_and_the_next_one_counts(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _first_boundary(node, homes)
                kept = _kept(node)
                await tick_at(node, END)
                frame = homes.line.frame(END, *homes.registers["H03"])
                # Torn: the beginning of a frame, and then a new one, which is damaged in its own way.
                homes.line.send(torn(frame, 200) + with_wrong_checksum(frame, "EAST"))
                await _rejected(node, MeteringReject.TORN_FRAME)
                await _rejected(node, MeteringReject.CHECKSUM)
                assert _kept(node) == kept
                assert node.measuring.missing(FIRST), "neither frame counted"
                back = homes.line.frame(END, homes.registers["H03"][0] - 1, homes.registers["H03"][1])
                homes.line.send(back)
                await _rejected(node, MeteringReject.INDEX_BACK)
                homes.use("H03", export_wh=77)
                assert (await hear(node, homes, END)).attested == (FIRST,)
                assert [each.export_wh for each in node.measuring.metered(FIRST) if each.export_wh] == [77]

    asyncio.run(check())


def test_an_opened_meter_holds_up_settlement_and_nothing_else(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _first_boundary(node, homes)
                await tick_at(node, END - 100)
                opened = homes.line.frame(END - 100, *homes.registers["H03"], status=Status.TERMINAL_COVER_OPEN)
                homes.line.send(opened)
                report = await hear(node, homes, END)
                assert report.attested == ()
                assert len(node.measuring.doubtful(FIRST)) == 1
                assert (await tick_at(node, END + LENGTH_S)).opened, "the market goes on"
            async with running(folder, END + LENGTH_S) as node:
                report = await node.tick()
                assert (report.attested, len(node.measuring.doubtful(FIRST))) == ((), 1), "nor does a restart clear it"

    asyncio.run(check())


def test_meters_say_when_they_were_heard(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                assert {meter["state"] for meter in node.status()["meters"]} == {"waiting"}
                await _first_boundary(node, homes)
                meters = node.status()["meters"]
                assert [(meter["label"], meter["kind"], meter["lastSeen"], meter["state"]) for meter in meters] == [
                    ("H01", "csv", FIRST, "ok"),
                    ("H02", "csv", FIRST, "ok"),
                    ("H03", "linky-tic", FIRST, "ok"),
                ]
                await tick_at(node, FIRST + 2 * LENGTH_S + 1)
                assert {meter["state"] for meter in node.status()["meters"]} == {"silent"}
                assert SERIALS["H01"] not in str(node.status()), "P1"

    asyncio.run(check())
