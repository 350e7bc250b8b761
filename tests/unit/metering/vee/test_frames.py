import pytest

from metering.intervals import IndexAt
from metering.readings import ReadingFlag
from metering.registers import RegisterSample
from metering.vee.frames import (
    START,
    PowerTrace,
    Stillness,
    check_phases,
    follow_power,
    frozen_flags,
    power_flags,
    sign_flags,
    watch_stillness,
)

HOUR = 3_600


def sample(
    import_wh: int, at: int, power_w: int | None = None, va: int | None = None, raw: bytes = b""
) -> RegisterSample:
    own = raw or f"{import_wh} {at}".encode()
    return RegisterSample("s", import_wh, 0, at, at, False, False, True, own, apparent_import_va=va, power_w=power_w)


@pytest.mark.parametrize(
    ("total", "phases", "refused"),
    [
        (1_000, [400, 400, 200], False),
        (1_000, [400, 400, 210], False),
        (1_000, [400, 400, 211], True),
        (100, [50, 52], False),
        (100, [50, 53], True),
        (132, [6_323, -1_052, -5_139], False),
        (-1_000, [-500, -511], True),
        (5, [], False),
    ],
)
def test_r03_phases_add_up(total: int, phases: list[int], refused: bool) -> None:
    assert (check_phases(total, phases, "power") is not None) == refused


@pytest.mark.parametrize(
    ("hours", "power_w", "frozen"), [(25, 60, True), (24, 60, False), (25, 50, False), (25, None, False)]
)
def test_r08_registers_that_stand_still_while_power_flows(hours: int, power_w: int | None, frozen: bool) -> None:
    stillness: Stillness | None = None
    for at in range(0, hours * HOUR + 1, HOUR // 6):
        stillness = watch_stillness(stillness, sample(100, at, power_w), IndexAt(at, 100, 0))
    assert stillness is not None
    assert (frozen_flags(stillness, hours * HOUR) == ReadingFlag.FROZEN) == frozen


def test_r08_a_register_that_moves_once_is_not_stuck() -> None:
    stillness = None
    for at in range(0, 26 * HOUR, HOUR // 6):
        index = 100 if at < 20 * HOUR else 101
        stillness = watch_stillness(stillness, sample(index, at, 500), IndexAt(at, index, 0))
    assert stillness is not None
    assert not frozen_flags(stillness, 26 * HOUR)


@pytest.mark.parametrize(("seconds", "frozen"), [(600, False), (601, True)])
def test_r08_a_telegram_that_never_changes_is_a_recording(seconds: int, frozen: bool) -> None:
    stillness = watch_stillness(None, sample(1, 0, raw=b"same"), IndexAt(0, 1, 0))
    stillness = watch_stillness(stillness, sample(1, seconds, raw=b"same"), IndexAt(seconds, 1, 0))
    assert (frozen_flags(stillness, seconds) == ReadingFlag.FROZEN) == frozen


@pytest.mark.parametrize(
    ("drawn", "fed", "elapsed_s", "phases", "flagged"),
    [
        (5, 5, 60, 1, True),
        (5, 5, 61, 1, False),
        (5, 4, 60, 1, False),
        (4, 5, 60, 1, False),
        (50, 50, 10, 3, False),
        (50, 50, 10, 0, False),
        (50, 0, 10, 1, False),
    ],
)
def test_r09_one_phase_flows_one_way(drawn: int, fed: int, elapsed_s: int, phases: int, flagged: bool) -> None:
    flags = sign_flags(IndexAt(0, 100, 200), IndexAt(elapsed_s, 100 + drawn, 200 + fed), phases)
    assert (flags == ReadingFlag.SIGN) == flagged


@pytest.mark.parametrize(
    ("import_wh", "export_wh", "flagged"),
    [(1_000, 0, False), (1_050, 0, False), (1_051, 0, True), (949, 0, True), (950, 0, False), (2_000, 1_000, False)],
)
def test_r10_energy_follows_power_both_ways(import_wh: int, export_wh: int, flagged: bool) -> None:
    trace = START
    for at in range(60, HOUR + 1, 60):
        trace = follow_power(trace, sample(0, at - 60, 1_000), sample(0, at, 1_000), 60)
    assert (power_flags(trace, import_wh, export_wh) == ReadingFlag.POWER_TIME) == flagged


@pytest.mark.parametrize(("export_wh", "flagged"), [(500, False), (475, False), (474, True)])
def test_r10_power_that_is_fed_in_counts_below_zero(export_wh: int, flagged: bool) -> None:
    trace = PowerTrace(-500 * 2 * HOUR, 0, True, False)
    assert (power_flags(trace, 0, export_wh) == ReadingFlag.POWER_TIME) == flagged


@pytest.mark.parametrize(("import_wh", "flagged"), [(0, False), (1_060, False), (1_061, True)])
def test_r10_apparent_power_is_an_upper_limit_only(import_wh: int, flagged: bool) -> None:
    trace = START
    for at in range(60, HOUR + 1, 60):
        trace = follow_power(trace, sample(0, at - 60, None, 1_000), sample(0, at, None, 1_000), 60)
    assert (power_flags(trace, import_wh, 0) == ReadingFlag.POWER_TIME) == flagged


def test_r10_says_nothing_where_the_power_is_not_known_throughout() -> None:
    trace = follow_power(START, sample(0, 0, 1_000), sample(0, 121, 1_000), 121)
    assert not power_flags(trace, 10**6, 0)
    trace = follow_power(START, sample(0, 0, 1_000), sample(0, 60, None), 60)
    assert not power_flags(trace, 10**6, 0)
