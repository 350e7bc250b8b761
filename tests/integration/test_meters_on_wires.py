"""Every protocol read over a real line: a pseudo-terminal or a TCP port, with what goes wrong on them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured
from energy.results import Rejected
from metering.protocols import PROTOCOLS, source_of
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sml.frame import SmlSplitter
from metering.sources.ports import Source
from metering.sources.simulators.kinds import KINDS, SIMULATED_KEYS, Registers
from metering.sources.simulators.line import PtyLine, TcpLine
from metering.sources.simulators.meter import MeterSimulator
from metering.sources.stream import Manner, Patience, StreamSource
from metering.sources.wires import TcpPlace, place_of
from tests.support.meters import NOON
from tests.support.telegrams import decoded, shown_by

SHOWN = Registers(NOON, 12_345_678, 4_567, 1_190)
Outcomes = AsyncIterator[RegisterSample | Rejected]


@pytest.fixture
def keys(tmp_path: Path) -> str:
    (tmp_path / "keys").write_text(f"{SIMULATED_KEYS.encryption.hex()}\n{SIMULATED_KEYS.authentication.hex()}\n")
    return "?keys=keys"


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def first(outcomes: Outcomes, simulator: MeterSimulator, shown: Registers = SHOWN) -> RegisterSample | Rejected:
    """Return the next outcome, while the meter sends again and again."""
    waiting = asyncio.ensure_future(anext(outcomes))
    later = shown
    while not waiting.done():
        # An encrypted meter's counter never comes twice.
        simulator.emit(later)
        simulator.answer(later)
        later = Registers(later.at + 1, shown.import_index_wh, shown.export_index_wh, shown.power_w)
        await asyncio.wait([waiting], timeout=0.02)
    return waiting.result()


@pytest.mark.parametrize("line", [PtyLine, TcpLine])
@pytest.mark.parametrize("name", KINDS)
def test_what_a_meter_shows_is_what_is_read(
    name: str, line: Callable[[], PtyLine | TcpLine], tmp_path: Path, keys: str
) -> None:
    async def test() -> None:
        kind = KINDS[name]
        if kind.published and line is PtyLine:
            return
        simulator = MeterSimulator(kind, line())
        query = keys if simulator.is_encrypted else ""
        source: Source = source_of(simulator.source + query, tmp_path, lambda: NOON + 1)
        sample = decoded(await first(source.samples(), simulator))
        assert (sample.import_index_wh, sample.export_index_wh) == shown_by(name, 12_345_678, 4_567)
        assert sample.serial == simulator.serial
        assert sample.received_at == NOON + 1
        protocol = PROTOCOLS[kind.protocol]
        assert source.trust == protocol.trust
        assert protocol.decode(sample.raw, NOON + 1) == sample
        source.close()
        simulator.close()

    run(test())


def test_a_line_that_breaks_is_reported_once_and_read_again(tmp_path: Path) -> None:
    async def test() -> None:
        line = TcpLine()
        port = int(line.place.rpartition(":")[2])
        simulator = MeterSimulator(KINDS["sml"], line)
        manner = Manner(SmlSplitter, PROTOCOLS["sml"].decode, PROTOCOLS["sml"].trust)
        patience = Patience(silence_ms_max=5_000, retry_ms_first=5, retry_ms_max=20)
        source = StreamSource(TcpPlace("127.0.0.1", port), manner, lambda: NOON, patience=patience)
        outcomes = source.samples()
        decoded(await first(outcomes, simulator))
        simulator.close()
        lost = await anext(outcomes)
        assert isinstance(lost, Rejected)
        assert lost.code == MeteringReject.COMM_LOST
        again = MeterSimulator(KINDS["sml"], TcpLine(port=port))
        outcome = await first(outcomes, again)
        decoded(outcome)
        assert (source.counters.outages, source.counters.frames_bad) == (1, 0)
        source.close()
        again.close()

    run(test())


def test_silence_is_an_outage(tmp_path: Path) -> None:
    async def test() -> None:
        line = PtyLine()
        manner = Manner(SmlSplitter, PROTOCOLS["sml"].decode, PROTOCOLS["sml"].trust)
        patience = Patience(silence_ms_max=50, retry_ms_first=5, retry_ms_max=20)
        source = StreamSource(place_of(line.place, 9_600), manner, lambda: NOON, patience=patience)
        lost = await anext(source.samples())
        assert isinstance(lost, Rejected)
        assert lost.facts == {"reason": "silence"}
        source.close()
        line.close()

    run(test())


def test_noise_between_telegrams_is_refused_or_dropped(tmp_path: Path) -> None:
    async def test() -> None:
        line = PtyLine()
        simulator = MeterSimulator(KINDS["dsmr"], line)
        source = source_of(simulator.source, tmp_path, lambda: NOON)
        outcomes = source.samples()
        telegram = simulator.telegram(SHOWN)
        decoded(await first(outcomes, simulator))
        line.send(b"\x00/\xff\r\n" + telegram[:100] + telegram[110:] + telegram)
        refused = 0
        while isinstance(outcome := await anext(outcomes), Rejected) or refused == 0:
            refused += isinstance(outcome, Rejected)
        assert decoded(outcome).raw == telegram
        assert refused == 2
        source.close()
        simulator.close()

    run(test())


@pytest.mark.parametrize(
    "name",
    [
        "sml",
        "sml:",
        "gas:/dev/null",
        "sml:tcp://nowhere",
        "sml:tcp://:80",
        "sml:tcp://host:99999",
        "sml:/dev/null?speed=9",
        "sml:/dev/null?baud=fast",
        "iec62056:/dev/null?every_s=0",
        "iec62056:/dev/null?address=!",
        "dsmr-encrypted:/dev/null",
        "dsmr-encrypted:/dev/null?keys=missing",
    ],
)
def test_a_source_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        source_of(name, tmp_path, lambda: NOON)


def test_half_a_key_is_refused_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("000102\n")
    with pytest.raises(Misconfigured) as refusal:
        source_of("dsmr-encrypted:/dev/null?keys=keys", tmp_path, lambda: NOON)
    assert "0001" not in str(refusal.value)
