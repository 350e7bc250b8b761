import os
from contextlib import closing
from pathlib import Path

import pytest

from energy.errors import Corrupt, Misconfigured
from energy.identity import ZERO_DIGEST, Address, Digest
from oracles.guard_store import RECORD_BYTES, GuardStore, SignedKind, SignedRecord

OWNER = Address(b"\x01" * 20)
METER, DOMAIN = b"\x02" * 32, b"\x03" * 32
RECORDS = [
    SignedRecord(SignedKind.READING, METER, 900, 4, Digest(b"\x10" * 32)),
    SignedRecord(SignedKind.INTERVAL, DOMAIN, 900, 0, Digest(b"\x11" * 32)),
    SignedRecord(SignedKind.READING, METER, 1800, 5, Digest(b"\x12" * 32)),
    SignedRecord(SignedKind.RUN, DOMAIN, 1, 0, Digest(b"\x13" * 32)),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oracle.guard"


def write(path: Path, *batches: list[SignedRecord]) -> None:
    with closing(GuardStore(path, OWNER)) as store:
        for batch in batches:
            store.append(batch)


def known(path: Path, owner: Address = OWNER) -> list[Digest | None]:
    with closing(GuardStore(path, owner)) as store:
        return [store.struct_hash(each.kind, each.subject, each.number) for each in RECORDS]


def test_what_was_appended_is_there_after_reopening(path: Path) -> None:
    write(path, RECORDS[:2], [], RECORDS[2:])
    assert known(path) == [each.struct_hash for each in RECORDS]
    assert path.stat().st_size == len(RECORDS) * RECORD_BYTES


def test_the_last_reading_is_that_of_the_meter(path: Path) -> None:
    write(path, RECORDS)
    with closing(GuardStore(path, OWNER)) as store:
        assert store.last_reading(METER) == RECORDS[2]
        assert store.last_reading(DOMAIN) is None


def test_a_store_can_be_gone_on_with(path: Path) -> None:
    write(path, RECORDS[:1])
    write(path, RECORDS[1:])
    assert known(path) == [each.struct_hash for each in RECORDS]


@pytest.mark.parametrize("kept_bytes", range(1, RECORD_BYTES))
def test_an_incomplete_last_record_is_cut_off(path: Path, kept_bytes: int) -> None:
    write(path, RECORDS)
    os.truncate(path, 2 * RECORD_BYTES + kept_bytes)
    assert known(path) == [RECORDS[0].struct_hash, RECORDS[1].struct_hash, None, None]
    assert path.stat().st_size == 2 * RECORD_BYTES


def test_a_store_goes_on_behind_a_cut(path: Path) -> None:
    write(path, RECORDS[:3])
    os.truncate(path, 3 * RECORD_BYTES - 1)
    write(path, RECORDS[2:])
    assert known(path) == [each.struct_hash for each in RECORDS]


@pytest.mark.parametrize("position", range(0, len(RECORDS) * RECORD_BYTES, 7))
def test_one_damaged_byte_anywhere_is_corrupt(path: Path, position: int) -> None:
    write(path, RECORDS)
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt, match=f"record {position // RECORD_BYTES} "):
        GuardStore(path, OWNER)


def test_a_record_taken_out_is_corrupt(path: Path) -> None:
    write(path, RECORDS)
    data = path.read_bytes()
    path.write_bytes(data[:RECORD_BYTES] + data[2 * RECORD_BYTES :])
    with pytest.raises(Corrupt):
        GuardStore(path, OWNER)


def test_the_store_of_another_key_is_corrupt(path: Path) -> None:
    write(path, RECORDS)
    with pytest.raises(Corrupt, match="of another key"):
        GuardStore(path, Address(b"\x09" * 20))


def test_one_process_at_a_time(path: Path) -> None:
    with closing(GuardStore(path, OWNER)), pytest.raises(Misconfigured, match="in use"):
        GuardStore(path, OWNER)
    GuardStore(path, OWNER).close()


def test_a_full_disk_stops_the_store_for_good(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with closing(GuardStore(path, OWNER)) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(Corrupt, match="No space left"):
                store.append(RECORDS[:1])
        with pytest.raises(Corrupt):
            store.append(RECORDS[:1])
        assert store.struct_hash(SignedKind.READING, METER, 900) is None


def test_what_is_blurred_is_gone_from_the_disk_and_nothing_else_may_be_said_of_it(path: Path) -> None:
    write(path, RECORDS)
    with closing(GuardStore(path, OWNER)) as store:
        store.blur(lambda each: each.number == 900 and each.kind is SignedKind.READING)
        with pytest.raises(Misconfigured, match="in use"):
            GuardStore(path, OWNER)
        store.append([SignedRecord(SignedKind.READING, METER, 2700, 6, Digest(b"\x14" * 32))])
    assert known(path) == [ZERO_DIGEST, *(each.struct_hash for each in RECORDS[1:])]
    assert bytes(RECORDS[0].struct_hash) not in path.read_bytes()
    before = path.read_bytes()
    with closing(GuardStore(path, OWNER)) as store:
        assert store.last_reading(METER) is not None
        store.blur(lambda each: each.number == 900 and each.kind is SignedKind.READING)
    assert path.read_bytes() == before
