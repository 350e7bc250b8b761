import time

import pytest

from node.clock import SimulatedClock, SystemClock


def test_the_system_clock_counts_whole_seconds_of_utc() -> None:
    before = int(time.time())
    assert before <= SystemClock().now() <= int(time.time())


def test_simulated_time_moves_only_when_told_and_never_back() -> None:
    clock = SimulatedClock(100)
    assert [clock.now(), clock.now()] == [100, 100]
    clock.advance_to(100)
    clock.advance_to(160)
    with pytest.raises(ValueError, match="back from 160 to 159"):
        clock.advance_to(159)
    assert clock.now() == 160
