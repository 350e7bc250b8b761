from dataclasses import replace

import pytest

from energy.identity import ZERO_DIGEST
from energy.results import Rejected
from metering.intervals import IndexAt
from metering.readings import Reading, ReadingFlag
from metering.rejections import MeteringReject
from metering.validation import (
    NO_FLAG,
    Timed,
    check_identity,
    check_range,
    check_register,
    check_registers,
    check_replay,
    check_sum,
    check_time,
    energy_limit_down_wh,
    gap_flags,
    tamper_flags,
)
from tests.support.meters import METER, NOON, SERIAL, sample, tampered

TOP = 10**9
DRIFT, BAD, DEGRADED = ReadingFlag.CLOCK_DRIFT, ReadingFlag.CLOCK_BAD, ReadingFlag.CLOCK_DEGRADED


def reading(interval: int, import_wh: int, import_index_wh: int, export_wh: int = 0, flags: int = 0) -> Reading:
    return Reading(
        METER, interval, 900, import_wh, export_wh, import_index_wh, 50, 0, flags, 0, ZERO_DIGEST, ZERO_DIGEST, interval
    )


def test_r02_identity() -> None:
    assert check_identity(SERIAL, sample(NOON), METER) is None
    refused = check_identity("041876097483", sample(NOON), METER)
    assert refused == Rejected(MeteringReject.FOREIGN_METER, {"meter": "0x" + METER.hex()})
    assert SERIAL not in str(refused)


@pytest.mark.parametrize(("index_wh", "possible"), [(0, True), (TOP - 1, True), (TOP, False), (-1, False)])
def test_r02_range(index_wh: int, possible: bool) -> None:
    refusal = Rejected(MeteringReject.INDEX_OUT_OF_RANGE, {"register": "import", "index_max_wh": TOP - 1})
    assert check_range(index_wh, TOP, "import") == (None if possible else refusal)


@pytest.mark.parametrize(
    ("behind_s", "at", "flags"),
    [
        (0, NOON, NO_FLAG),
        (27, NOON, NO_FLAG),
        (28, NOON, DRIFT),
        (120, NOON, DRIFT),
        (121, NOON + 121, BAD),
        (-27, NOON, NO_FLAG),
    ],
)
def test_r04_clock_behind(behind_s: int, at: int, flags: ReadingFlag) -> None:
    taken = sample(NOON, received_at=NOON + behind_s)
    assert check_time(taken, NOON + behind_s) == Timed(at, flags)


@pytest.mark.parametrize(("received_s", "now_s"), [(-28, -28), (0, -28), (-28, 900)])
def test_r04_clock_ahead(received_s: int, now_s: int) -> None:
    taken = sample(NOON, received_at=NOON + received_s)
    assert check_time(taken, NOON + now_s) == Rejected(MeteringReject.FUTURE_STAMP, {"ahead_s": 28, "ahead_max_s": 27})


def test_r04_a_row_of_a_file_may_come_a_day_later() -> None:
    assert check_time(sample(NOON), NOON + 86_400) == Timed(NOON, NO_FLAG)


def test_r04_degraded_clock() -> None:
    taken = replace(sample(NOON, received_at=NOON + 30), clock_degraded=True)
    assert check_time(taken, NOON + 30) == Timed(NOON, DRIFT | DEGRADED)


@pytest.mark.parametrize(("metered_at", "new"), [(NOON + 1, True), (NOON, False), (NOON - 1, False)])
def test_r05_replay(metered_at: int, new: bool) -> None:
    refusal = Rejected(MeteringReject.REPLAY, {"metered_at": metered_at, "later_than": NOON})
    assert check_replay(metered_at, NOON) == (None if new else refusal)


@pytest.mark.parametrize(
    ("before_wh", "after_wh", "outcome"),
    [
        (500, 500, NO_FLAG),
        (500, 501, NO_FLAG),
        (500, 499, MeteringReject.INDEX_BACK),
        (500, 0, MeteringReject.INDEX_BACK),
        (TOP - 1, 0, ReadingFlag.ROLLOVER),
        (TOP - 1, 2_363, ReadingFlag.ROLLOVER),
        (TOP - 1, 2_364, MeteringReject.INDEX_BACK),
        (980_000_000, 19_999_999, MeteringReject.INDEX_BACK),
        (500, 500 + 2_364, NO_FLAG),
        (500, 500 + 2_365, MeteringReject.RATE),
    ],
)
def test_r06_r07_one_register(before_wh: int, after_wh: int, outcome: ReadingFlag | MeteringReject) -> None:
    """A connection of 9 kW carries 2 362.5 Wh in a quarter-hour at 105 %: 2 364 with the slack, rounded down."""
    found = check_register(before_wh, after_wh, 900, 9_000, TOP, "export")
    if isinstance(outcome, ReadingFlag):
        assert found == outcome
    else:
        assert isinstance(found, Rejected)
        assert (found.code, found.facts["register"]) == (outcome, "export")


@pytest.mark.parametrize(
    ("before_wh", "after_wh", "turned_over"),
    [
        (980_000_001, 19_999_999, True),
        (980_000_000, 19_999_999, False),
        (980_000_001, 20_000_000, False),
    ],
)
def test_r06_turns_over_only_between_the_ends_of_the_range(before_wh: int, after_wh: int, turned_over: bool) -> None:
    found = check_register(before_wh, after_wh, 900, 10**9, TOP, "import")
    assert isinstance(found, ReadingFlag) is turned_over


def test_r07_says_what_would_be_right() -> None:
    assert check_register(0, 9_999, 900, 9_000, TOP, "import") == Rejected(
        MeteringReject.RATE, {"register": "import", "limit_wh": 2_364, "elapsed_s": 900}
    )


@pytest.mark.parametrize(
    ("power_max_w", "elapsed_s", "limit_wh"), [(0, 900, 2), (9_000, 900, 2_364), (6_000, 1, 3), (6_000, 3_600, 6_302)]
)
def test_r07_limit(power_max_w: int, elapsed_s: int, limit_wh: int) -> None:
    assert energy_limit_down_wh(power_max_w, elapsed_s) == limit_wh


@pytest.mark.parametrize(
    ("import_wh", "export_wh", "outcome"),
    [
        (1_000, 500, NO_FLAG),
        (3_364, 2_077, NO_FLAG),
        (3_365, 500, "import"),
        (1_000, 2_078, "export"),
        (999, 499, "import"),
        (1_000, 499, "export"),
    ],
)
def test_r06_r07_each_register_has_its_own_limit(import_wh: int, export_wh: int, outcome: ReadingFlag | str) -> None:
    before, after = IndexAt(NOON, 1_000, 500), IndexAt(NOON + 900, import_wh, export_wh)
    found = check_registers(before, after, 9_000, 6_000, TOP)
    if isinstance(found, Rejected):
        assert found.facts["register"] == outcome
    else:
        assert found == outcome


def test_r06_both_registers_may_turn_over() -> None:
    before, after = IndexAt(NOON, TOP - 1, 7), IndexAt(NOON + 900, 1, 8)
    assert check_registers(before, after, 9_000, 6_000, TOP) == ReadingFlag.ROLLOVER
    before, after = IndexAt(NOON, 7, TOP - 1), IndexAt(NOON + 900, 8, 1)
    assert check_registers(before, after, 9_000, 6_000, TOP) == ReadingFlag.ROLLOVER


def test_r11_status() -> None:
    assert tamper_flags(sample(NOON)) == NO_FLAG
    assert tamper_flags(tampered(sample(NOON))) == ReadingFlag.TAMPER


@pytest.mark.parametrize(
    ("start", "flags"),
    [
        (IndexAt(NOON + 900, 1, 50), NO_FLAG),
        (IndexAt(NOON + 900, 2, 50), ReadingFlag.GAP),
        (IndexAt(NOON + 900, 1, 49), ReadingFlag.GAP),
        (IndexAt(NOON + 1_800, 1, 50), ReadingFlag.GAP),
        (IndexAt(NOON + 90_000, 1, 50), ReadingFlag.GAP),
    ],
)
def test_r12_gap(start: IndexAt, flags: ReadingFlag) -> None:
    assert gap_flags(reading(NOON, 1, 1), start) == flags
    assert gap_flags(None, start) == NO_FLAG


def test_r16_sum() -> None:
    day = [reading(NOON, 9, 100), reading(NOON + 900, 7, 107), reading(NOON + 1_800, 0, 107)]
    assert check_sum(day, TOP) is None
    assert check_sum([], TOP) is None
    wrong = replace(day[1], import_wh=8)
    assert check_sum([day[0], wrong, day[2]], TOP) == Rejected(
        MeteringReject.INTERVAL_SUM, {"register": "import", "interval": NOON + 900}
    )
    wrong = replace(day[2], export_wh=1)
    assert check_sum([*day[:2], wrong], TOP) == Rejected(
        MeteringReject.INTERVAL_SUM, {"register": "export", "interval": NOON + 1_800}
    )


def test_r16_starts_anew_after_a_gap() -> None:
    assert check_sum([reading(NOON, 9, 100), reading(NOON + 9_000, 7, 900, flags=ReadingFlag.GAP)], TOP) is None


def test_r16_goes_over_the_top() -> None:
    assert check_sum([reading(NOON, 9, TOP - 3), reading(NOON + 900, 7, 4)], TOP) is None
