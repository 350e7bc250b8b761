"""Which raw frames of a meter are kept: as few as possible, and all that its readings follow from after a restart.

Kept are the frames that settle a boundary of intervals, the one before when the boundary lies between two frames, every
frame that brings a new remark, such as an opened cover, and the first within reach of the next boundary, so that a
restart across that boundary does not lose it. Given to `take` again in their sequence, they lead to the same readings.
Units: UTC epoch seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from energy.results import Accepted, Rejected
from metering.intervals import INTERPOLATION_REACH_S, IndexAt
from metering.meter import Boundary, MeterConfig, MeterState, clear_tamper, observe
from metering.protocols import PROTOCOLS
from metering.readings import Reading, ReadingFlag
from metering.registers import RegisterSample
from metering.validation import CLOCK_DRIFT_S_MAX, NO_FLAG, Timed, check_time
from node.storage.readings_log import KeptFrame, SeenBoundary
from oracles.hashing import keccak

Heard = tuple[RegisterSample, KeptFrame] | SeenBoundary | None
"""What a meter's readings follow from: a frame and what it says, what was agreed on, or that a person has looked."""


def decode_frame(frame: KeptFrame) -> RegisterSample | Rejected:
    """Decode a raw frame by its protocol, as it was decoded when it came."""
    return PROTOCOLS[frame.protocol].decode(frame.raw, frame.received_at)


@dataclass(slots=True)
class MeterFrames:
    """One meter, with the frames that its next readings rest on."""

    state: MeterState
    at_boundary: dict[bytes, list[KeptFrame]] = field(default_factory=dict)
    """Frames that settled a boundary, by their hash, until the reading is signed; a meter without a clock says the same
    at several boundaries while nothing flows."""
    _latest: KeptFrame | None = None
    """The last accepted frame, unless it is kept."""
    _kept_at: int = -1
    """When the last kept frame was taken."""

    @classmethod
    def resumed(cls, config: MeterConfig, last: Reading | None, kept: Sequence[Heard]) -> Self:
        """Return the meter as it was before a restart.

        Args:
            config: The meter's.
            last: Its last signed reading that was measured, None before the first.
            kept: Every frame that was kept since that reading's interval began, oldest first, with what it says, and
                what was agreed on since; None where a person said that the meter had been looked at.
        """
        frames = cls(MeterState.resume(config, last))
        for sample, frame in (each for each in kept if isinstance(each, tuple)):
            timed = check_time(sample, frame.received_at)
            if last is not None and sample.raw_hash == last.raw_hash and isinstance(timed, Timed):
                # Of all remarks on the clock in that interval, those of its last frame are about the next one too.
                frames.state.flags &= timed.flags
        for heard in kept:
            if heard is None:
                clear_tamper(frames.state)
            elif isinstance(heard, SeenBoundary):
                frames.adopt(heard)
            else:
                frames.take(*heard, heard[1].received_at)
        return frames

    def take(self, sample: RegisterSample, frame: KeptFrame, now: int) -> Accepted[KeptFrame] | Rejected:
        """Observe a sample and return the frames to keep because of it, oldest first; a refusal changes nothing.

        Args:
            sample: What the frame says.
            frame: The frame.
            now: The node's time.
        """
        state = self.state
        remarked = (state.flags, state.tampered)
        doubt = ReadingFlag.NODE_CLOCK if frame.clock_doubtful else NO_FLAG
        outcome = observe(state, sample, now, doubt)
        if isinstance(outcome, Rejected):
            return outcome
        index = state.last_index
        assert index is not None, "an accepted sample is remembered"
        keep: list[KeptFrame] = []
        if outcome.events:
            if outcome.events[0].index.at != index.at and self._latest is not None:
                keep.append(self._latest)
            keep.append(frame)
            self.at_boundary.setdefault(sample.raw_hash, []).append(frame)
        elif (state.flags, state.tampered) != remarked or self._is_first_within_reach(index.at):
            keep.append(frame)
        self._latest = None if keep else frame
        if keep:
            self._kept_at = index.at
        return Accepted(tuple(keep))

    def seen(self, instant: int) -> SeenBoundary | None:
        """Return what was seen at a boundary, with the frame behind it; None when nothing was."""
        boundary = self.state.boundaries.get(instant)
        frames = self.at_boundary.get(boundary.raw_hash) if boundary else None
        if boundary is None or not frames:
            return None
        index = boundary.index
        return SeenBoundary(
            self.state.config.meter,
            instant,
            index.import_wh,
            index.export_wh,
            int(boundary.flags),
            boundary.observed_at,
            # A meter without a clock says the same again, and is timed by when that came.
            next((each for each in frames if each.received_at == boundary.observed_at), frames[0]),
        )

    def adopt(self, agreed: SeenBoundary) -> None:
        """Put what the oracles agreed on in the place of what was read here, or nothing when they did not agree."""
        boundaries = dict(self.state.boundaries)
        boundaries.pop(agreed.at, None)
        if agreed.frame is not None:
            raw_hash = keccak(agreed.frame.raw)
            index = IndexAt(agreed.at, agreed.import_wh, agreed.export_wh)
            boundaries[agreed.at] = Boundary(index, ReadingFlag(agreed.flags), agreed.observed_at, raw_hash)
            self.at_boundary.setdefault(raw_hash, []).append(agreed.frame)
        self.state.boundaries = dict(sorted(boundaries.items()))

    def forget_frames(self) -> None:
        """Let go of the frames of boundaries that no reading needs any more."""
        needed = {each.raw_hash for each in self.state.boundaries.values()}
        oldest = min(self.state.boundaries, default=0) - CLOCK_DRIFT_S_MAX
        self.at_boundary = {
            raw_hash: [frame for frame in frames if frame.received_at >= oldest] or frames[-1:]
            for raw_hash, frames in self.at_boundary.items()
            if raw_hash in needed
        }

    def _is_first_within_reach(self, at: int) -> bool:
        length = self.state.config.interval_length_s
        reach_begins = at - at % length + length - INTERPOLATION_REACH_S
        return self._kept_at < reach_begins <= at
