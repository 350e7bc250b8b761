"""A Linky read over a real terminal line: a pseudo-terminal at 9600 7E1, with all that can go wrong on it."""

import asyncio
import os
import termios
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Unavailable
from energy.interval import Interval
from energy.results import Accepted, Rejected
from metering.linky.frame import FrameSplitter
from metering.linky.labels import HISTORIQUE, STANDARD, Dialect
from metering.meter import MeterState, close_interval, observe
from metering.protocols import PROTOCOLS
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.ports import Source
from metering.sources.simulators.linky import LinkySimulator, interrupted, torn, with_wrong_checksum
from metering.sources.stream import Manner, Patience, StreamSource
from metering.sources.wires import SerialPlace
from tests.support.meters import CONFIG, NOON, SERIAL, frame_of, struct_hash

IMPATIENT = Patience(silence_ms_max=200, retry_ms_first=5, retry_ms_max=20)
Outcome = RegisterSample | Rejected


@pytest.fixture
def meter() -> Iterator[LinkySimulator]:
    simulator = LinkySimulator(SERIAL)
    yield simulator
    simulator.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


def linky(
    device: str, clock: Callable[[], int], *, dialect: Dialect = STANDARD, patience: Patience | None = None
) -> StreamSource:
    protocol = PROTOCOLS["linky-historique" if dialect is HISTORIQUE else "linky"]
    manner = Manner(FrameSplitter, protocol.decode, protocol.trust)
    return StreamSource(SerialPlace(device, dialect.baud, seven_bits=True), manner, clock, patience=patience)


async def reader(meter: LinkySimulator, patience: Patience | None = None) -> StreamSource:
    source = linky(meter.device, lambda: NOON, patience=patience)
    await source.open()
    return source


def test_a_line_is_a_source(meter: LinkySimulator) -> None:
    source: Source = linky(meter.device, lambda: NOON)
    assert source.trust == TrustClass.B
    source.close()


def symlink(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def codes(outcomes: list[Outcome]) -> list[MeteringReject]:
    return [MeteringReject(outcome.code) for outcome in outcomes if isinstance(outcome, Rejected)]


def test_all_good_frames_are_read_and_none_invented(meter: LinkySimulator) -> None:
    """Fifty good frames among noise, torn, interrupted and wrongly summed ones, cut anywhere."""
    disturbances: list[tuple[Callable[[bytes], bytes], MeteringReject | None]] = [
        (lambda frame: b"\x00\xff~EAST\t1\r\n", None),
        (lambda frame: frame[600:], None),
        (lambda frame: torn(frame, 700), MeteringReject.TORN_FRAME),
        (lambda frame: interrupted(frame, 300), MeteringReject.TORN_FRAME),
        (lambda frame: with_wrong_checksum(frame, "EAST"), MeteringReject.CHECKSUM),
        (lambda frame: with_wrong_checksum(frame, "ADSC"), MeteringReject.CHECKSUM),
        (lambda frame: frame.replace(b"EAIT", b"EAIX"), MeteringReject.MISSING_GROUP),
    ]

    async def test() -> None:
        source = await reader(meter)
        samples = source.samples()
        sent, expected = [], []
        good: list[RegisterSample] = []
        refused: list[Rejected] = []
        for k in range(50):
            disturb, code = disturbances[k % len(disturbances)]
            meter.send(disturb(meter.frame(NOON + 2 * k, 9_000_000 + k, 9_000_000 + k)))
            sent.append(meter.emit(NOON + 2 * k + 1, 1_000 + k, 2 * k))
            expected += [code] if code else []
            while len(good) <= k:
                outcome = await anext(samples)
                if isinstance(outcome, RegisterSample):
                    good.append(outcome)
                else:
                    refused.append(outcome)
        assert [sample.raw for sample in good] == sent
        assert [(sample.import_index_wh, sample.export_index_wh) for sample in good] == [
            (1_000 + k, 2 * k) for k in range(50)
        ]
        assert codes([*refused]) == expected
        assert (source.counters.frames_good, source.counters.frames_bad) == (50, len(expected))
        source.close()

    run(test())


def test_a_day_of_quarter_hours_becomes_readings(meter: LinkySimulator) -> None:
    async def test() -> None:
        now = NOON
        source = linky(meter.device, lambda: now)
        await source.open()
        samples = source.samples()
        state = MeterState(CONFIG)
        energy = []
        for k in range(97):
            now = NOON + 900 * k
            meter.emit(now, 1_000 + 250 * k, 500 + 3 * k)
            sample = await anext(samples)
            assert isinstance(sample, RegisterSample)
            assert isinstance(observe(state, sample, now), Accepted)
            outcome = close_interval(state, Interval(now - 900), struct_hash)
            if isinstance(outcome, Accepted):
                energy += [(reading.import_wh, reading.export_wh) for reading in outcome.events]
        source.close()
        assert energy == [(250, 3)] * 96

    run(test())


def test_a_register_that_goes_back_is_refused(meter: LinkySimulator) -> None:
    async def test() -> None:
        source = await reader(meter)
        samples = source.samples()
        state = MeterState(CONFIG)
        found = []
        for at, import_wh in ((NOON - 2, 1_000), (NOON - 1, 999), (NOON, 1_001)):
            meter.emit(at, import_wh, 0)
            sample = await anext(samples)
            assert isinstance(sample, RegisterSample)
            outcome = observe(state, sample, NOON)
            found.append(outcome.code if isinstance(outcome, Rejected) else None)
        assert found == [None, MeteringReject.INDEX_BACK, None]
        source.close()

    run(test())


def test_a_frame_at_the_speed_of_the_line(meter: LinkySimulator) -> None:
    async def test() -> None:
        source = await reader(meter)
        samples = source.samples()
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        frame = meter.frame(NOON, 1_000, 0)
        sending = asyncio.create_task(meter.send_paced(frame))
        sample = await anext(samples)
        assert isinstance(sample, RegisterSample)
        assert loop.time() - started_at > len(frame) * 10 / 9600 - 0.1
        await sending
        source.close()

    run(test())


def test_the_line_is_opened_as_the_meter_sends(meter: LinkySimulator) -> None:
    """A pseudo-terminal keeps neither the 7 bits nor the parity that it is asked for; speed and checking it keeps."""
    source = linky(meter.device, lambda: NOON)
    asyncio.run(source.open())
    line = os.open(meter.device, os.O_RDONLY | os.O_NOCTTY)
    try:
        input_modes, _, control, local, input_speed, output_speed, _ = termios.tcgetattr(line)
    finally:
        os.close(line)
    source.close()
    assert (input_speed, output_speed) == (termios.B9600, termios.B9600)
    assert input_modes & termios.INPCK
    assert not control & termios.CSTOPB
    assert not local & (termios.ICANON | termios.ECHO)


def test_a_line_is_read_by_one_only(meter: LinkySimulator) -> None:
    async def test() -> None:
        source = await reader(meter)
        with pytest.raises(Unavailable, match="cannot be opened"):
            await reader(meter)
        source.close()
        (await reader(meter)).close()

    run(test())


def test_mode_historique(meter: LinkySimulator) -> None:
    async def test() -> None:
        source = linky(meter.device, lambda: NOON, dialect=HISTORIQUE)
        await source.open()
        assert source.trust == TrustClass.C
        meter.send(frame_of([("ADCO", SERIAL), ("OPTARIF", "BASE"), ("BASE", "000001234")], HISTORIQUE))
        sample = await anext(source.samples())
        assert isinstance(sample, RegisterSample)
        assert (sample.import_index_wh, sample.metered_at) == (1_234, NOON)
        source.close()

    run(test())


def test_silence_is_told_once_and_ends_with_a_good_frame(meter: LinkySimulator) -> None:
    async def test() -> None:
        source = await reader(meter, IMPATIENT)
        assert source.trust == TrustClass.B
        samples = source.samples()
        assert await anext(samples) == Rejected(MeteringReject.COMM_LOST, {"reason": "silence"})
        waiting = asyncio.ensure_future(anext(samples))
        for k in range(1_000):
            if waiting.done():
                break
            await asyncio.sleep(0.005)
            meter.emit(NOON + k, 1_000, 0)
        assert isinstance(await waiting, RegisterSample)
        assert source.counters.outages == 1
        source.close()

    run(test())


def test_noise_neither_hides_nor_ends_an_outage(meter: LinkySimulator) -> None:
    async def make_noise() -> None:
        while True:
            meter.send(interrupted(meter.frame(NOON, 1, 1), 50))
            await asyncio.sleep(0.002)

    async def test() -> None:
        source = await reader(meter, IMPATIENT)
        samples = source.samples()
        noise = asyncio.create_task(make_noise())
        outcomes = [await anext(samples)]
        while outcomes[-1] != Rejected(MeteringReject.COMM_LOST, {"reason": "silence"}):
            outcomes.append(await anext(samples))
        after = [await anext(samples) for _ in range(60)]
        noise.cancel()
        assert {*codes(outcomes[:-1]), *codes(after)} == {MeteringReject.TORN_FRAME}
        source.close()

    run(test())


def test_the_callers_own_time_is_no_silence(meter: LinkySimulator) -> None:
    async def test() -> None:
        source = await reader(meter, IMPATIENT)
        samples = source.samples()
        for k in range(2):
            waiting = asyncio.ensure_future(anext(samples))
            await asyncio.sleep(0.01)
            meter.emit(NOON + k, 1_000, 0)
            assert isinstance(await waiting, RegisterSample)
            await asyncio.sleep(0.3)
        source.close()

    run(test())


def test_a_line_that_speaks_is_not_silent(meter: LinkySimulator) -> None:
    async def test() -> None:
        source = await reader(meter, IMPATIENT)
        samples = source.samples()
        for k in range(20):
            waiting = asyncio.ensure_future(anext(samples))
            await asyncio.sleep(0.02)
            meter.emit(NOON + k, 1_000, 0)
            assert isinstance(await waiting, RegisterSample)
        source.close()

    run(test())


def test_a_line_that_goes_away_comes_back(tmp_path: Path) -> None:
    device = tmp_path / "linky"

    async def test() -> None:
        source = linky(str(device), lambda: NOON, patience=IMPATIENT)
        samples = source.samples()
        assert await anext(samples) == Rejected(MeteringReject.COMM_LOST, {"reason": "open"})
        for life in range(2):
            meter = LinkySimulator(SERIAL)
            symlink(device, meter.device)
            waiting = asyncio.ensure_future(anext(samples))
            while not waiting.done():
                meter.emit(NOON + life, 1_000 + life, 0)
                await asyncio.sleep(0.005)
            # Not TORN_FRAME: half a frame from before the break is not continued.
            assert isinstance(await waiting, RegisterSample)
            meter.send(torn(meter.frame(NOON, 1, 1), 500))
            waiting = asyncio.ensure_future(anext(samples))
            await asyncio.sleep(0.01)
            while waiting.done() and isinstance(waiting.result(), RegisterSample):
                waiting = asyncio.ensure_future(anext(samples))
                await asyncio.sleep(0.01)
            meter.close()
            device.unlink()
            assert await waiting == Rejected(MeteringReject.COMM_LOST, {"reason": "read"})
        assert source.counters.outages == 3
        source.close()

    run(test())


@pytest.mark.parametrize("lost", [False, True], ids=["while listening", "while waiting to open again"])
def test_closing_ends_the_samples_at_once(meter: LinkySimulator, lost: bool) -> None:
    async def test() -> None:
        source = await reader(meter, Patience(silence_ms_max=1 if lost else 30_000, retry_ms_first=60_000))
        samples = source.samples()
        if lost:
            assert codes([await anext(samples)]) == [MeteringReject.COMM_LOST]
        waiting = asyncio.ensure_future(anext(samples, None))
        await asyncio.sleep(0.01)
        source.close()
        assert await waiting is None

    run(test())


def test_a_file_is_no_line(tmp_path: Path) -> None:
    file = tmp_path / "frames.txt"
    file.write_bytes(b"")
    with pytest.raises(Unavailable):
        asyncio.run(linky(str(file), lambda: NOON).open())
