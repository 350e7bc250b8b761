import asyncio
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.errors import Corrupt, Misconfigured, Unavailable
from node.storage.log import RECORD_BYTES_MAX, AppendLog, replay
from tests.support.logs import SEED, frames_in, full_disk, read_log, write_log

GROUPS = [[b"first"], [b"second", b"third"], [b"a longer fourth record"]]
RECORDS = [record for group in GROUPS for record in group]


def _chain(records: list[bytes]) -> bytes:
    chain = SEED
    for record in records:
        chain = sha256(chain + record).digest()
    return chain


def test_records_come_back_in_sequence_with_the_same_hash(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    write_log(path, GROUPS)
    assert read_log(path) == RECORDS
    assert replay(path, SEED) == (_chain(RECORDS), RECORDS)


def test_the_hash_does_not_depend_on_the_frames(tmp_path: Path) -> None:
    write_log(tmp_path / "three", GROUPS)
    write_log(tmp_path / "one", [RECORDS])
    assert replay(tmp_path / "three", SEED) == replay(tmp_path / "one", SEED)
    assert (frames_in(tmp_path / "three"), frames_in(tmp_path / "one")) == (3, 1)


def test_a_tail_torn_at_any_byte_is_dropped_and_the_log_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole.log"
    *_, before, end = write_log(whole, GROUPS)
    for cut in range(before, end):
        path = tmp_path / f"{cut}.log"
        path.write_bytes(whole.read_bytes()[:cut])
        write_log(path, [[b"after the crash"]])
        assert read_log(path) == [*RECORDS[:-1], b"after the crash"]


def test_a_first_frame_torn_at_any_byte_leaves_an_empty_log(tmp_path: Path) -> None:
    whole = tmp_path / "whole.log"
    write_log(whole, [])
    beginning = whole.read_bytes()
    for cut in range(len(beginning)):
        path = tmp_path / f"{cut}.log"
        path.write_bytes(beginning[:cut])
        assert read_log(path) == []
        assert path.read_bytes() == beginning


def test_a_tail_whose_blocks_came_to_disk_out_of_sequence_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    *_, before, end = write_log(path, GROUPS)
    data = path.read_bytes()
    path.write_bytes(data[:before] + bytes(end - before))
    assert read_log(path) == RECORDS[:-1]


@pytest.mark.parametrize("bit", [0, 7])
def test_one_wrong_bit_in_any_byte_before_the_last_frame_is_corrupt(tmp_path: Path, bit: int) -> None:
    path = tmp_path / "journal.log"
    *_, before, _ = write_log(path, GROUPS)
    good = path.read_bytes()
    for place in range(before):
        damaged = bytearray(good)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(Corrupt, match=r"journal\.log"):
            AppendLog(path, SEED)
        assert path.read_bytes() == damaged, "nothing is repaired silently"


def test_an_unreadable_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8" * 200)
    with pytest.raises(Corrupt, match="no log"):
        AppendLog(path, SEED)
    assert path.stat().st_size == 400


def test_a_log_of_another_community_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    write_log(path, GROUPS)
    with pytest.raises(Misconfigured, match=r"community\.json"):
        AppendLog(path, b"\x06" * 32)
    with pytest.raises(Misconfigured):
        replay(path, b"\x06" * 32)
    assert read_log(path) == RECORDS


def test_replaying_changes_nothing_of_a_torn_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    write_log(path, GROUPS)
    path.write_bytes(path.read_bytes()[:-1])
    torn = path.read_bytes()
    assert replay(path, SEED)[1] == RECORDS[:-1]
    assert path.read_bytes() == torn


def test_a_missing_log_can_not_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="missing"):
        replay(tmp_path / "journal.log", SEED)


@pytest.mark.parametrize("length", [0, RECORD_BYTES_MAX + 1])
def test_records_have_a_length_within_limits(tmp_path: Path, length: int) -> None:
    async def append() -> None:
        log = AppendLog(tmp_path / "journal.log", SEED)
        with pytest.raises(ValueError, match="bytes"):
            log.append(bytes(length))
        log.append(bytes(RECORD_BYTES_MAX))
        await log.close()

    asyncio.run(append())
    assert read_log(tmp_path / "journal.log") == [bytes(RECORD_BYTES_MAX)]


def test_waiting_together_shares_one_write(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"

    async def place(log: AppendLog, number: int) -> None:
        log.append(b"%d" % number)
        assert log.durable == 0
        await log.synced()
        assert log.durable >= number

    async def write() -> None:
        log = AppendLog(path, SEED)
        await asyncio.gather(*(place(log, number) for number in range(1, 101)))
        await log.close()

    asyncio.run(write())
    assert frames_in(path) == 1
    assert len(read_log(path)) == 100


def test_nobody_waits_for_what_others_append_later(tmp_path: Path) -> None:
    async def write() -> int:
        log = AppendLog(tmp_path / "journal.log", SEED)

        async def crowd() -> None:
            while True:
                log.append(b"one more")
                await asyncio.sleep(0)

        crowding = asyncio.create_task(crowd())
        log.append(b"mine")
        wanted = log.count
        await asyncio.wait_for(log.synced(), 20)
        durable = log.durable
        crowding.cancel()
        await log.close()
        assert durable >= wanted
        return durable

    assert asyncio.run(write()) < 10_000


def test_a_caller_that_gives_up_takes_nothing_from_the_others(tmp_path: Path) -> None:
    async def write() -> None:
        log = AppendLog(tmp_path / "journal.log", SEED)
        log.append(b"first")
        impatient = asyncio.create_task(log.synced())
        patient = asyncio.create_task(log.synced())
        await asyncio.sleep(0)
        impatient.cancel()
        await patient
        assert log.durable == 1
        await log.close()

    asyncio.run(write())


def test_a_disk_that_refuses_stops_the_log_for_good(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    write_log(path, GROUPS)

    async def write() -> None:
        log = AppendLog(path, SEED)
        with full_disk(path.stat().st_size + 20):
            log.append(bytes(500))
            with pytest.raises(Corrupt, match=r"journal\.log could not be written"):
                await log.synced()
        # There is room again, but nobody knows what is on disk: only a new start finds out.
        assert log.durable == len(RECORDS)
        with pytest.raises(Corrupt):
            log.append(b"next")
        with pytest.raises(Corrupt):
            await log.synced()
        await log.close()

    asyncio.run(write())
    assert read_log(path) == RECORDS


def test_everybody_who_waits_hears_of_the_refusal(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"

    async def write() -> list[BaseException | None]:
        log = AppendLog(path, SEED)

        async def place(record: bytes) -> None:
            log.append(record)
            await log.synced()

        with full_disk(path.stat().st_size + 1):
            heard = await asyncio.gather(*(place(bytes(50)) for _ in range(3)), return_exceptions=True)
        await log.close()
        return heard

    assert [type(each) for each in asyncio.run(write())] == [Corrupt] * 3


@given(
    groups=st.lists(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4), max_size=6), data=st.data()
)
def test_what_is_left_of_a_cut_file_is_whole_groups(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[bytes]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "journal.log"
    sizes = write_log(path, groups)
    cut = data.draw(st.integers(0, path.stat().st_size))
    path.write_bytes(path.read_bytes()[:cut])
    assert read_log(path) == [
        record for group, size in zip(groups, sizes, strict=True) if size <= cut for record in group
    ]


# -- A STANDBY


def test_a_record_counts_when_the_standby_has_it(tmp_path: Path) -> None:
    async def write() -> None:
        log = AppendLog(tmp_path / "journal.log", SEED)
        log.append(b"before")
        await log.synced()
        log.await_standby()
        with pytest.raises(Unavailable, match="no standby"):
            log.require_standby()
        log.confirm(1)
        log.require_standby()
        log.append(b"after")
        waiting = asyncio.create_task(log.synced())
        while log.durable < 2:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        assert (log.durable, log.acknowledged) == (2, 1)
        log.confirm(2)
        await waiting
        assert log.acknowledged == 2
        log.confirm(1)  # an old word
        assert log.acknowledged == 2
        await log.close()

    asyncio.run(write())


def test_who_waits_too_long_for_a_standby_hears_that_nothing_is_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.storage.log.STANDBY_S", 0.02)

    async def write() -> None:
        log = AppendLog(tmp_path / "journal.log", SEED)
        log.await_standby()
        log.confirm(0)
        log.append(b"lonely")
        with pytest.raises(Unavailable, match="may not count"):
            await log.synced()
        assert log.standby_is_away
        assert log.acknowledged == 0
        with pytest.raises(Unavailable):  # at once, now
            log.require_standby()
        log.confirm(1)
        await log.synced()
        assert not log.standby_is_away
        await log.close()

    asyncio.run(write())
    assert read_log(tmp_path / "journal.log") == [b"lonely"]
