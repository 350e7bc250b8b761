"""A machine whose clock nobody keeps says so, in its readings and to its operator."""

import ctypes
from dataclasses import replace

from energy.results import Accepted
from metering.meter import MeterState
from metering.readings import ReadingFlag
from node.readings.clock_discipline import ClockState, _Timex, clock_state, kernel_clock
from node.readings.meter_frames import MeterFrames
from node.storage.readings_log import KeptFrame, decode, encode
from tests.support.meters import CONFIG, NOON, producer_frame, sample

BAD = ClockState(False, 0, 16_000_000)


def test_what_adjtimex_says() -> None:
    assert clock_state(0, 0x2001, -1_500_000, 20_000) == ClockState(True, -1_500, 20_000)
    assert clock_state(0, 0x0001, 250, 20_000) == ClockState(True, 250, 20_000)
    assert not clock_state(5, 0x0001, 0, 20_000).good, "TIME_ERROR"
    assert not clock_state(0, 0x0041, 0, 20_000).good, "STA_UNSYNC"
    assert not clock_state(0, 0x0001, 0, 1_000_000).good, "a second and more"
    assert clock_state(0, 0x0001, 0, 999_999).good


def test_the_kernel_answers_and_its_struct_is_the_one_that_we_read() -> None:
    state = kernel_clock()
    assert state is not None
    assert 0 <= state.error_us_max <= 16_000_000
    if ctypes.sizeof(ctypes.c_long) == 8:
        places = [getattr(_Timex, name).offset for name in ("offset", "maxerror", "esterror", "status")]
        assert places == [8, 24, 32, 40]


def test_r04_a_frame_that_came_under_a_doubtful_clock_marks_its_reading_also_after_a_restart() -> None:
    frames = MeterFrames(MeterState(CONFIG))
    kept: list[KeptFrame] = []
    for at, doubtful in ((NOON, False), (NOON + 300, True), (NOON + 900, False)):
        frame = KeptFrame("linky", at, producer_frame(at), doubtful)
        taken = frames.take(replace(sample(at), raw=frame.raw), frame, at)
        assert isinstance(taken, Accepted)
        kept += taken.events
    flags = frames.state.boundaries[NOON + 900].flags
    assert flags == ReadingFlag.NODE_CLOCK
    assert [frame.clock_doubtful for frame in kept] == [False, True, False]
    assert [decode(encode(frame)) for frame in kept] == kept
    again = MeterFrames.resumed(
        CONFIG, None, [(replace(sample(each.received_at), raw=each.raw), each) for each in kept]
    )
    assert again.state.boundaries[NOON + 900].flags == flags
