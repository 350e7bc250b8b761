import json
from dataclasses import replace

import pytest

from energy.identity import Digest, MeterId
from metering.readings import Reading
from node.storage.readings_log import (
    KeptFrame,
    LogRecord,
    SeenBoundary,
    SignedCorrection,
    SignedFacts,
    SignedInterval,
    TamperCleared,
    decode,
    encode,
)
from oracles.attestation import SignedReading
from oracles.corrections import Correction
from oracles.facts import Facts

FRAME = KeptFrame("linky", 1_493_708_400, b"\x02\nADSC\t041761\t\r\x03")
READING = Reading(
    meter=MeterId(b"\x11" * 32),
    interval=1_493_708_400,
    period_s=900,
    import_wh=250,
    export_wh=0,
    import_index_wh=12_345_678,
    export_index_wh=9,
    quality=529,
    flags=0,
    sequence=4,
    previous_hash=Digest(b"\x22" * 32),
    raw_hash=Digest(b"\x33" * 32),
    observed_at=1_493_709_300,
)
INTERVAL = SignedInterval(
    (
        SignedReading(READING, (b"\x44" * 65, b"\x55" * 65)),
        SignedReading(replace(READING, meter=MeterId(b"\x12" * 32)), (b"\x66" * 65,)),
    ),
    Digest(b"\x77" * 32),
    (b"\x88" * 65, b"\x99" * 65),
)


CORRECTION = SignedCorrection(
    Correction(
        READING.meter, READING.interval, 2, 260, 0, 519, 0, Digest(b"\xa1" * 32), Digest(b"\xa2" * 32),
        Digest(b"\xa3" * 32), 1_493_800_000,
    ),
    "Ada", "read by eye", 1_493_799_300, 4, (b"\x44" * 65,),
)  # fmt: skip
CLEARED = TamperCleared(READING.meter, 1_493_800_000, "Ada", "the cover was closed", 5)
AGREED = SeenBoundary(READING.meter, 1_493_709_300, 12_345_678, 9, 4, 1_493_709_302, FRAME)


@pytest.mark.parametrize(
    "record",
    [
        FRAME,
        INTERVAL,
        replace(INTERVAL, signatures=()),
        CORRECTION,
        CLEARED,
        AGREED,
        replace(AGREED, frame=None),
        SignedFacts(Facts("temp_millic", "Sète", 3_600, 7_200, 900, (-5, 10**9)), (b"\x44" * 65,)),
        replace(AGREED, frame=replace(FRAME, clock_doubtful=True)),
    ],
)
def test_records_come_back_as_they_were(record: LogRecord) -> None:
    assert decode(encode(record)) == record
    assert encode(decode(encode(record))) == encode(record)


def test_an_interval_knows_when_it_began() -> None:
    assert INTERVAL.interval == READING.interval


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b"[]",
        b'"frame"',
        b'{"kind":"other"}',
        b'{"kind":"frame","protocol":"csv","received_at":1}',
        b'{"kind":"frame","protocol":"csv","received_at":1,"raw":"xy"}',
        encode(INTERVAL).replace(b'"import_wh"', b'"import_kwh"'),
        json.dumps({**json.loads(encode(INTERVAL)), "readings": [{"reading": 5}]}).encode(),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)
