"""What several oracles saw of a meter is brought to one before anything is drafted, or nothing is adopted."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Unavailable
from energy.identity import Address, MeterId
from energy.interval import Interval
from energy.results import Accepted
from metering.files.csv_row import decode_row, encode_row
from metering.meter import MeterConfig, MeterState
from metering.readings import ReadingFlag, TrustClass
from metering.registers import RegisterSample
from node.coop.decided import NO_END, Decided, Role
from node.coop.seats import Always
from node.readings.agreeing import GRACE_S, Agreeing
from node.readings.correcting import Disagreement
from node.readings.meter_frames import MeterFrames
from node.storage import readings_log
from node.storage.log import AppendLog
from node.storage.readings_log import KeptFrame, SeenBoundary
from node.views.concerns import Code, Concerns
from oracles.typed_data import Domain
from tests.support.oracles import DOMAIN

METER = MeterId(b"\x05" * 32)
CONFIG = MeterConfig(METER, "SC-1", TrustClass.C, 36_000, 36_000)
START = 1_751_371_200
END = START + 900
WAIT_S = 7_200


def frames_of(*registers: tuple[int, int]) -> MeterFrames:
    """Return a meter that has shown its import register at some instants."""
    frames = MeterFrames(MeterState(CONFIG))
    for at, import_wh in registers:
        row = encode_row("SC-1", at, import_wh, 0)
        sample = decode_row(row, 0)
        assert isinstance(sample, RegisterSample)
        assert isinstance(frames.take(sample, KeptFrame("csv", 0, row), at), Accepted)
    return frames


@dataclass
class Eyes:
    """An oracle on another machine; without `frames` it is out of reach."""

    address: Address
    frames: MeterFrames | None = None
    off_wh: int = 0

    def observed(
        self, domain: Domain, meters: Collection[MeterId], instants: Collection[int]
    ) -> list[SeenBoundary] | None:
        if self.frames is None:
            raise Unavailable("away")
        seen = [self.frames.seen(instant) for instant in sorted(instants)]
        return [replace(each, import_wh=each.import_wh + self.off_wh) for each in seen if each is not None]


@dataclass
class Node:
    agreeing: Agreeing
    frames: MeterFrames
    log: AppendLog
    concerns: Concerns
    eyes: Sequence[Eyes] = field(default_factory=list)

    def agreed(self, now: int = END) -> bool:
        return asyncio.run(self._agreed(now))

    async def _agreed(self, now: int) -> bool:
        answer = await self.agreeing.agreed(Interval(START, 900), now)
        await self.log.synced()
        return answer

    def imported(self) -> int:
        boundaries = self.frames.state.boundaries
        return boundaries[END].index.import_wh - boundaries[START].index.import_wh


SHOWN = ((START, 1_000), (END, 1_250))


@contextmanager
def node_with(folder: Path, own: MeterFrames, *eyes: MeterFrames | None) -> Iterator[Node]:
    log = AppendLog(folder / "readings.log", bytes(32))
    concerns = Concerns()
    guards: list[Any] = [Eyes(Address(bytes([number] * 20)), each) for number, each in enumerate(eyes)]
    meters = {METER: own}
    rules = Decided({Role.ORACLE: 2}, {(Role.ORACLE, each.address): (0, NO_END) for each in guards})
    agreeing = Agreeing(DOMAIN, guards, rules, meters, {METER: WAIT_S}, {METER: "H01"}, log, concerns, Always())
    try:
        yield Node(agreeing, own, log, concerns, guards)
    finally:
        asyncio.run(log.close())


def test_what_the_oracles_saw_takes_the_place_of_what_the_node_read(tmp_path: Path) -> None:
    own = frames_of((START, 1_000), (END, 1_900))
    seen = [frames_of(*SHOWN) for _ in range(3)]
    with node_with(tmp_path, own, *seen, None) as node:
        assert node.agreed()
        assert node.imported() == 250
        assert not node.concerns.open()
        (kept,) = [readings_log.decode(each) for each in node.log.records()]
        assert isinstance(kept, SeenBoundary)
        assert (kept.at, kept.import_wh) == (END, 1_250)
        again = frames_of((START, 1_000), (END, 1_900))
        again.adopt(kept)
        assert again.state.boundaries == own.state.boundaries, "as after a restart"
        frame = own.seen(END)
        assert frame is not None
        assert frame.frame == KeptFrame("csv", 0, encode_row("SC-1", END, 1_250, 0))


def test_a_node_whose_own_cable_is_broken_reads_through_the_oracles(tmp_path: Path) -> None:
    with node_with(tmp_path, frames_of(), *(frames_of(*SHOWN) for _ in range(4))) as node:
        assert node.agreed()
        assert node.imported() == 250


def test_a_frame_that_does_not_say_what_its_oracle_says_counts_for_nothing(tmp_path: Path) -> None:
    with node_with(tmp_path, frames_of(*SHOWN), *(frames_of(*SHOWN) for _ in range(4))) as node:
        node.eyes[1].off_wh = 1  # within what readers may differ by, but its frame says otherwise
        assert node.agreed()
        assert [(each.code, each.facts["oracles"]) for each in node.concerns.open()] == [
            (Code.ORACLE_OUTLIER, "oracle 2")
        ]
        node.eyes[1].off_wh = 0


def test_two_liars_of_four_leave_nothing_and_a_person_is_told_who(tmp_path: Path) -> None:
    lie = frames_of((START, 1_000), (END, 1_300))
    with node_with(tmp_path, frames_of(*SHOWN), frames_of(*SHOWN), lie, lie, frames_of(*SHOWN)) as node:
        for now in (END, END + GRACE_S, END + WAIT_S):
            with pytest.raises(Disagreement, match="do not agree") as caught:
                node.agreed(now)
        node.agreeing.say_why(caught.value, START, END)
        (said,) = node.concerns.open()
        assert (said.code, said.label) == (Code.ORACLES_DISAGREE, "H01")
        assert said.facts["oracles"] == "oracle 1, oracle 2, oracle 3, oracle 4"
        assert not list(node.log.records())
        node.agreeing.say_why(None, START, END)
        assert not node.concerns.open()


def test_who_has_not_seen_it_yet_is_waited_for_a_minute(tmp_path: Path) -> None:
    seen = [frames_of(*SHOWN) for _ in range(3)]
    with node_with(tmp_path, frames_of(*SHOWN), *seen, frames_of((START, 1_000))) as node:
        assert not node.agreed(END + GRACE_S - 1)
        assert node.agreed(END + GRACE_S)


def test_what_the_node_alone_has_read_is_estimated_in_the_end(tmp_path: Path) -> None:
    blind = [frames_of((START, 1_000)) for _ in range(4)]
    with node_with(tmp_path, frames_of(*SHOWN), *blind) as node:
        assert not node.agreed(END + WAIT_S - 1)
        assert node.agreed(END + WAIT_S)
        assert END not in node.frames.state.boundaries
        (kept,) = [readings_log.decode(each) for each in node.log.records()]
        assert isinstance(kept, SeenBoundary)
        assert kept.frame is None


def test_too_few_that_answer_are_waited_for(tmp_path: Path) -> None:
    heard = frames_of(*SHOWN), None, None, None
    with (
        node_with(tmp_path, frames_of(*SHOWN), *heard) as node,
        pytest.raises(Unavailable, match="too few oracles answer"),
    ):
        node.agreed(END + WAIT_S)
    (tmp_path / "readings.log").unlink()
    with node_with(tmp_path, frames_of(*SHOWN), None, None) as node, pytest.raises(Unavailable):
        node.agreed()


def test_a_mark_counts_when_most_have_seen_it(tmp_path: Path) -> None:
    seen = [frames_of(*SHOWN) for _ in range(3)]
    for frames in seen[:2]:
        boundary = frames.state.boundaries[END]
        frames.state.boundaries[END] = replace(boundary, flags=ReadingFlag.TAMPER)
    with node_with(tmp_path, frames_of(*SHOWN), *seen) as node:
        assert node.agreed()
        assert node.frames.state.boundaries[END].flags == ReadingFlag.TAMPER
