import os
from collections.abc import Iterator

import pytest

from energy.errors import Unavailable
from energy.results import Rejected
from metering.linky.decoder import Status, decode_standard
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.simulators.linky import LinkySimulator, interrupted, torn, with_wrong_checksum
from tests.support.meters import NOON, SERIAL, producer_frame


@pytest.fixture
def meter() -> Iterator[LinkySimulator]:
    simulator = LinkySimulator(SERIAL)
    yield simulator
    simulator.close()


def heard(meter: LinkySimulator) -> bytes:
    line = os.open(meter.device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return os.read(line, 100_000)
    finally:
        os.close(line)


def test_one_call_is_one_frame(meter: LinkySimulator) -> None:
    frame = meter.emit(NOON, 1_000, 20)
    assert heard(meter) == frame
    with pytest.raises(BlockingIOError):
        heard(meter)


def test_the_same_values_give_the_same_bytes(meter: LinkySimulator) -> None:
    assert meter.frame(NOON, 1_000, 20) == meter.frame(NOON, 1_000, 20)
    assert meter.frame(NOON, 1_000, 20) != meter.frame(NOON + 1, 1_000, 20)


def test_a_frame_says_what_the_meter_shows(meter: LinkySimulator) -> None:
    sample = decode_standard(meter.frame(NOON, 1_000, 20, status=Status.TERMINAL_COVER_OPEN))
    assert isinstance(sample, RegisterSample)
    assert (sample.serial, sample.import_index_wh, sample.export_index_wh) == (SERIAL, 1_000, 20)
    assert (sample.metered_at, sample.producer, sample.tamper) == (NOON, True, True)


def test_a_consumers_meter_has_no_export_register() -> None:
    meter = LinkySimulator(SERIAL, producer=False)
    try:
        sample = decode_standard(meter.frame(NOON, 1_000, 20))
    finally:
        meter.close()
    assert isinstance(sample, RegisterSample)
    assert (sample.producer, sample.export_index_wh) == (False, 0)


def test_a_line_that_nobody_reads_fills_up(meter: LinkySimulator) -> None:
    with pytest.raises(Unavailable, match="nobody reads"):
        meter.send(b"x" * 10_000_000)


@pytest.mark.parametrize(
    ("disturbed", "code"),
    [
        (with_wrong_checksum(producer_frame(), "EAST"), MeteringReject.CHECKSUM),
        (torn(producer_frame(), 400), MeteringReject.TORN_FRAME),
        (interrupted(producer_frame(), 400), MeteringReject.TORN_FRAME),
    ],
)
def test_disturbances(disturbed: bytes, code: MeteringReject) -> None:
    outcome = decode_standard(disturbed)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


def test_a_wrong_checksum_is_one_character() -> None:
    for label in ("EAST", "EAIT", "PJOURF+1", "STGE"):
        frame, wrong = producer_frame(), with_wrong_checksum(producer_frame(), label)
        assert len(wrong) == len(frame)
        assert sum(a != b for a, b in zip(frame, wrong, strict=True)) == 1
