"""O1 under any history: requests in any sequence, restarts, power cuts at any byte; the auditor keeps its own book."""

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Digest
from energy.results import Accepted
from metering.readings import Reading
from oracles.guard import GuardedSigner
from oracles.guard_store import RECORD_BYTES, GuardStore
from oracles.signatures import recover
from oracles.signers import KeySigner
from oracles.typed_data import digest, reading_hash
from tests.support.evidence import METERS, ORACLE_KEYS
from tests.support.oracles import DOMAIN, first_reading, following

SIGNER = KeySigner(ORACLE_KEYS[0])


def chain(meter: int, length: int = 4) -> list[Reading]:
    readings = [first_reading(METERS[meter])]
    while len(readings) < length:
        readings.append(following(readings[-1]))
    return readings


HONEST = [reading for meter in range(2) for reading in chain(meter)]
LIES = [replace(reading, export_wh=reading.export_wh + 1) for reading in HONEST]
REQUESTS = st.lists(st.sampled_from(HONEST + LIES), max_size=4)
STEPS = st.lists(st.tuples(REQUESTS, st.sampled_from(["go on", "restart", "power cut"])), max_size=12)


@given(steps=STEPS, data=st.data())
def test_o1_nothing_is_ever_said_twice(steps: list[tuple[list[Reading], str]], data: st.DataObject) -> None:
    said: dict[tuple[bytes, int], Digest] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guard"
        synced = 0
        for readings, event in steps:
            with closing(GuardStore(path, SIGNER.address)) as store:
                answer = GuardedSigner(SIGNER, store).sign_readings(DOMAIN, readings)
            if isinstance(answer, Accepted):
                for reading, signature in zip(readings, answer.events, strict=True):
                    struct_hash = reading_hash(reading)
                    assert recover(digest(DOMAIN, struct_hash), signature) == SIGNER.address
                    assert said.setdefault((reading.meter, reading.interval), struct_hash) == struct_hash
                synced = path.stat().st_size
            assert path.stat().st_size == synced, "a refusal stores nothing"
            if event == "power cut":
                # What was being appended, but not yet synced, is lost in part; what was signed is on disk.
                with path.open("ab") as file:
                    file.write(data.draw(st.binary(max_size=RECORD_BYTES - 1)))


@given(lengths=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_an_honest_chain_is_signed_in_any_batches(lengths: list[int]) -> None:
    readings = chain(0, sum(lengths))
    with tempfile.TemporaryDirectory() as folder, closing(GuardStore(Path(folder) / "guard", SIGNER.address)) as store:
        guard = GuardedSigner(SIGNER, store)
        for length in lengths:
            batch, readings = readings[:length], readings[length:]
            assert isinstance(guard.sign_readings(DOMAIN, batch), Accepted)
