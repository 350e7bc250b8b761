"""What is kept of a meter's frames is enough: a restart at any moment leads to the readings that would have been."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.interval import Interval
from energy.results import Accepted, Rejected
from metering.files.csv_row import encode_row
from metering.meter import MeterState, close_interval
from metering.readings import Reading, ReadingFlag
from metering.registers import RegisterSample
from node.readings.meter_frames import MeterFrames, decode_frame
from node.storage.readings_log import KeptFrame
from tests.support.meters import CONFIG, NOON, SERIAL, producer_frame, sample, struct_hash, tampered

LENGTH_S = 900


@dataclass
class Log:
    """One meter with its log, as the node keeps them."""

    frames: MeterFrames = field(default_factory=lambda: MeterFrames(MeterState(CONFIG)))
    kept: list[tuple[RegisterSample, KeptFrame]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    samples: dict[bytes, RegisterSample] = field(default_factory=dict)

    def take(self, taken: RegisterSample) -> list[KeptFrame]:
        self.samples[taken.raw] = taken
        frame = KeptFrame("linky", taken.received_at, taken.raw)
        outcome = self.frames.take(taken, frame, taken.received_at)
        if isinstance(outcome, Rejected):
            return []
        self.kept += [(self.samples[each.raw], each) for each in outcome.events]
        return list(outcome.events)

    def close(self) -> None:
        """Close every interval whose boundaries are known."""
        known = sorted(self.frames.state.boundaries)
        for start in known:
            if start + LENGTH_S in known and (not self.readings or start > self.readings[-1].interval):
                closed = close_interval(self.frames.state, Interval(start), struct_hash)
                assert isinstance(closed, Accepted), str(closed)
                self.readings += closed.events

    def restart(self) -> None:
        last = self.readings[-1] if self.readings else None
        since = [each for each in self.kept if last is None or each[1].received_at >= last.interval]
        self.frames = MeterFrames.resumed(CONFIG, last, since)


@st.composite
def days(draw: st.DrawFn) -> list[RegisterSample]:
    """Draw the frames of a good half hour: dense or sparse, late within what a clock may be, below the fuse."""
    at, import_wh = NOON, 1_000
    samples = [sample(at, import_wh)]
    for _ in range(draw(st.integers(5, 40))):
        step = draw(st.one_of(st.integers(1, 59), st.integers(1, 59), st.integers(60, 400)))
        if draw(st.booleans()):  # on the boundary itself, or right behind it
            step = LENGTH_S - at % LENGTH_S + draw(st.sampled_from([0, 0, 3])) if at % LENGTH_S > 800 else step
        at += step
        import_wh += draw(st.integers(0, 2 * step))
        late = draw(st.sampled_from([0, 0, 0, 5, 40, 110]))
        taken = sample(at, import_wh, received_at=at + late)
        samples.append(tampered(taken) if draw(st.integers(0, 30)) == 0 else taken)
    return samples


def _remembered(state: MeterState) -> tuple[object, ...]:
    """Return what the next readings follow from; that a meter was opened is said once, and marks every later sample."""
    boundaries = {at: (each.index, each.raw_hash) for at, each in state.boundaries.items()}
    return state.flags & ~ReadingFlag.TAMPER, state.tampered, boundaries


def _lived(samples: Sequence[RegisterSample], crash: int | None) -> tuple[Log, bool]:
    """Live through samples, with a restart before one of them; say whether every boundary was read as without it."""
    log, exact = Log(), True
    just_restarted = False
    for number, taken in enumerate(samples):
        if number == crash:
            before = _remembered(log.frames.state)
            log.restart()
            assert _remembered(log.frames.state) == before
            just_restarted = True
        boundaries = len(log.frames.state.boundaries)
        accepted = log.frames.state.last_index
        log.take(taken)
        if just_restarted and log.frames.state.last_index is not accepted:
            # Between the last frame, which nobody has any more, and this one lay a boundary.
            exact = len(log.frames.state.boundaries) == boundaries or taken.metered_at % LENGTH_S == 0
            just_restarted = False
        log.close()
    return log, exact


@given(days(), st.integers(1, 40))
def test_a_restart_at_any_moment_changes_no_reading(samples: list[RegisterSample], crash: int) -> None:
    unbroken, _ = _lived(samples, None)
    restarted, exact = _lived(samples, crash % len(samples))
    if exact:
        assert restarted.readings == unbroken.readings
    else:
        assert {each.interval for each in restarted.readings} >= {each.interval for each in unbroken.readings}


def test_a_frame_on_the_boundary_is_all_that_is_kept() -> None:
    log = Log()
    kept = [log.take(sample(at)) for at in (NOON, NOON + 300, NOON + 600, NOON + LENGTH_S)]
    assert [len(each) for each in kept] == [1, 0, 0, 1]


def test_a_boundary_between_two_frames_keeps_both() -> None:
    log = Log()
    times = (NOON - 10, NOON + 10, NOON + 845, NOON + 890, NOON + 895, NOON + 903)
    kept = [[each.received_at - NOON for each in log.take(sample(at))] for at in times]
    assert kept == [[-10], [10], [845], [], [], [895, 903]]


def test_a_restart_across_the_boundary_loses_no_interval() -> None:
    log = Log()
    for at in (NOON, NOON + 850, NOON + 880):
        log.take(sample(at, 1_000 + (at - NOON) // 10))
    log.restart()
    log.take(sample(NOON + 905, 1_091))
    log.close()
    assert [(each.interval, each.import_wh) for each in log.readings] == [(NOON, 90)]


def test_an_opened_cover_is_not_forgotten_by_a_restart() -> None:
    log = Log()
    log.take(sample(NOON))
    assert len(log.take(tampered(sample(NOON + 300)))) == 1
    assert log.take(tampered(sample(NOON + 310))) == []
    log.restart()
    log.take(sample(NOON + LENGTH_S))
    log.close()
    assert [ReadingFlag(each.flags) for each in log.readings] == [ReadingFlag.TAMPER]


def test_a_refused_frame_is_not_kept() -> None:
    log = Log()
    log.take(sample(NOON, 1_000))
    assert log.take(sample(NOON + LENGTH_S, 999)) == []
    assert list(log.frames.at_boundary) == [sample(NOON, 1_000).raw_hash]


@pytest.mark.parametrize(
    "frame",
    [
        KeptFrame("linky", NOON + 2, producer_frame(NOON)),
        KeptFrame("csv", NOON, encode_row(SERIAL, NOON, 123_456_789, 4_567)),
    ],
)
def test_a_kept_frame_is_decoded_as_it_came(frame: KeptFrame) -> None:
    decoded = decode_frame(frame)
    assert isinstance(decoded, RegisterSample)
    assert (decoded.import_index_wh, decoded.export_index_wh, decoded.metered_at) == (123_456_789, 4_567, NOON)
    assert decoded.received_at == frame.received_at
    assert isinstance(decode_frame(replace(frame, raw=frame.raw[:-5])), Rejected)
