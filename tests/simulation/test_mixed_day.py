"""A day with meters of mixed protocols: every reading is right or marked, none is invented, none is lost.

Noise and lost bytes on the lines, unplugged cables, restarts of the node, two lying oracles, one lying meter, one that
was replaced, one clock five minutes off, and the hour that comes twice in October. Real protocols on real lines, and
the node's own measuring with signatures, log and projection; the contract's side of the chain is a dictionary.
"""

import asyncio
import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hexbytes import HexBytes

from energy.identity import ZERO_DIGEST, Digest, hex_text
from energy.results import Rejected
from metering.files.csv_row import HEADER, encode_row
from metering.readings import NO_FRAME_HASH, Reading, is_final
from metering.registers import RegisterSample
from metering.sources.csv_file import CsvSource
from node.clock import SimulatedClock
from node.coop.community import Community
from node.coop.decided import NO_END, Decided, Role
from node.coop.tariffs import TariffSchedule
from node.privacy.salt_files import create_salts
from node.readings.drafting import meter_config
from node.readings.measuring import Measuring
from node.readings.neighbourhood import NEIGHBOURHOOD_FILE, Neighbourhood
from node.readings.oracle_watch import Sightings, WatchfulGuard
from node.readings.rows import reading_of
from node.storage.database import open_database
from node.storage.log import AppendLog
from node.storage.projection import Projection
from node.views.concerns import Code, Concerns
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.hashing import keccak
from oracles.records import IntervalReadings, history_hash, record_hash
from oracles.signers import KeySigner
from oracles.typed_data import community_domain, reading_hash
from tests.support.agreements import AGREEMENT
from tests.support.mixed_street import AFTER_S, BEFORE_S, LENGTH_S, House, street

OCTOBER = 1_792_886_400
"""2026-10-25T00:00Z, an hour before the clocks go back."""
ORACLES, QUORUM = 5, 3
LIE_WH = 60


class Board:
    """What the contract of readings keeps."""

    def __init__(self) -> None:
        self.last = 0
        self.histories: dict[int, Digest] = {0: ZERO_DIGEST}

    async def last_attested(self) -> int:
        return self.last

    async def history_at(self, interval: int) -> Digest:
        return self.histories[interval]

    async def send(self, _contract: str, _function: str, values: Any, signatures: list[bytes]) -> None:
        attested = IntervalReadings(*values)
        assert self.last in (0, attested.interval - LENGTH_S), "in sequence"
        assert len(signatures) >= QUORUM
        self.histories[attested.interval] = history_hash(self.histories[self.last], record_hash(attested))
        self.last = attested.interval

    async def event_receipt(self, _contract: str, _event: str, interval: int) -> Any:
        return {"transactionHash": HexBytes(keccak(interval.to_bytes(8, "big")))}


class Day:
    """The day of one street."""

    def __init__(self, folder: Path, start: int, houses: int, intervals: int, seed: int) -> None:
        self.folder, self.start, self.intervals = folder, start, intervals
        self.chance = random.Random(seed)
        self.clock = SimulatedClock(start - 60)
        self.houses = street(folder, self.clock, houses, intervals, seed)
        members = tuple(house.member() for house in self.houses)
        self.community: Community = replace(
            AGREEMENT, members=members, first_interval=start, oracle_quorum=QUORUM, time_zone="Europe/Paris"
        )
        self.by_serial = {house.serial: house for house in self.houses}
        self.board = Board()
        self.salts = create_salts(
            folder / "salts", self.community.salt_subjects(), self.community.first_interval, b"salt"
        )
        self.projection = Projection(
            open_database(f"sqlite:///{folder}/node.sqlite"), TariffSchedule([(0, 1, 1, 1, 1, 1)])
        )
        configs = [meter_config(self.community, member) for member in members]
        self.eyes = [Sightings(configs) for _ in range(ORACLES)]
        self.files = ExitStack()
        self.files.callback(self.projection.engine.dispose)
        stores = [
            GuardStore(folder / f"oracle-{number}.signed", self._key(number).address) for number in range(ORACLES)
        ]
        for store in stores:
            self.files.callback(store.close)
        self.guards = [
            WatchfulGuard(GuardedSigner(self._key(number), store), self.eyes[number])
            for number, store in enumerate(stores)
        ]
        self.refused: Counter[str] = Counter()
        self.feeder = [3_000_000, 0]
        (folder / "feeder.csv").write_bytes(HEADER + b"\n")
        (folder / NEIGHBOURHOOD_FILE).write_text(
            '[feeder]\nsource = "csv:feeder.csv"\nserial = "FEEDER"\npower_max_w = 900000\n'
        )
        self.measuring = self._opened()

    @staticmethod
    def _key(number: int) -> KeySigner:
        return KeySigner(keccak(f"oracle {number}".encode()))

    def _rules(self) -> Decided:
        keys = {(Role.ORACLE, guard.address): (0, NO_END) for guard in self.guards}
        return Decided({Role.ORACLE: self.community.oracle_quorum}, keys)

    def _opened(self) -> Measuring:
        self.log = AppendLog(self.folder / "readings.log", self.community.digest())
        domain = community_domain(self.community.chain_id, self.community.contracts.readings)
        board: Any = self.board
        measuring = Measuring(
            *(
                self.community,
                self.folder,
                domain,
                self.salts,
                board,
                self.log,
                self.guards,
                self.projection,
                self.clock,
                self._rules(),
            )
        )
        measuring.listening.files.append(CsvSource(self.folder / "street.csv"))
        return measuring

    async def restart(self) -> None:
        """End the node between two frames, and open it again on what is on disk."""
        await self.measuring.synced()
        self.refused.update(self.measuring.rejected)
        await self.log.close()
        self.measuring = self._opened()
        await self.measuring.recover()

    async def live(self) -> None:
        """Let the day pass."""
        await self.measuring.recover()
        end = self.start + self.intervals * LENGTH_S
        for number in range(self.intervals + 1):
            boundary = self.start + number * LENGTH_S
            for after_s in (-BEFORE_S, 0, AFTER_S):
                await self._speak(boundary + after_s, after_s)
            self._feed(boundary, number)
            await self.measuring.attest_due(boundary + 30)
            if number % max(self.intervals // 3, 2) == 1:
                await self.restart()
        self.clock.advance_to(end + 3 * 3_600)
        await self.measuring.attest_due(self.clock.now())
        self.refused.update(self.measuring.rejected)
        for house in self.houses:
            house.pull()
        await self.log.close()

    async def _speak(self, at: int, after_s: int) -> None:
        self.clock.advance_to(max(self.clock.now(), at))
        for house in self.houses:
            if house.on_time == (after_s == 0):
                noisy = house.number > 4 and self.chance.random() < 0.12
                for outcome in await house.tell(self.start, at, self.chance, noisy):
                    self._take(house, outcome, at)
        if after_s == 0:
            for each in CsvSource(self.folder / "street.csv").read_new():
                for eyes in self.eyes:
                    eyes.take(each, "csv", self.clock.now())
            self.measuring.read_files()

    def _take(self, house: House, outcome: RegisterSample | Rejected, at: int) -> None:
        for number, eyes in enumerate(self.eyes):
            lies = isinstance(outcome, RegisterSample) and at > self.start + LENGTH_S and house.number == 5 + number
            if lies and number < 2:
                assert isinstance(outcome, RegisterSample)
                eyes.take(
                    replace(outcome, import_index_wh=outcome.import_index_wh + LIE_WH), house.protocol, self.clock.now()
                )
            else:
                eyes.take(outcome, house.protocol, self.clock.now())
        if isinstance(outcome, Rejected):
            self.refused[outcome.code.name] += 1
        else:
            self.measuring.take(outcome, house.protocol)

    def _feed(self, boundary: int, number: int) -> None:
        if number:
            self.feeder[0] += sum(
                house.drawn_wh[number - 1] * 100 // house.admits_percent - house.fed_wh[number - 1]
                for house in self.houses
            )
        with open(self.folder / "feeder.csv", "ab") as file:
            file.write(encode_row("FEEDER", boundary, *self.feeder) + b"\n")

    def readings(self) -> dict[str, list[Reading]]:
        """Return every reading on the board, by house."""
        found: dict[str, list[Reading]] = {house.label: [] for house in self.houses}
        labels = {hex_text(member.meter): member.label for member in self.community.members}
        for number in range(self.intervals):
            for row in self.projection.readings(self.start + number * LENGTH_S):
                found[labels[row.meter]].append(reading_of(row, LENGTH_S))
        return found


def _judged(day: Day) -> Counter[str]:
    kinds: Counter[str] = Counter()
    found = day.readings()
    starts = [day.start + number * LENGTH_S for number in range(day.intervals)]
    for house in day.houses:
        readings = found[house.label]
        assert [each.interval for each in readings] == starts, "none lost"
        assert [each.sequence for each in readings] == list(range(day.intervals))
        for earlier, later in pairwise(readings):
            assert later.previous_hash == reading_hash(earlier)
        boundaries = [house.at_boundary(day.start, day.start + n * LENGTH_S) for n in range(day.intervals + 1)]
        for number, reading in enumerate(readings):
            if not is_final(reading):
                kinds["marked"] += 1
                continue
            before, after = boundaries[number], boundaries[number + 1]
            said = reading.import_wh, reading.export_wh, reading.import_index_wh, reading.export_index_wh
            assert said == (after[0] - before[0], after[1] - before[1], *after), f"{house.label} {number}"
            assert reading.raw_hash != NO_FRAME_HASH
            kinds["right"] += 1
        measured = [number for number, reading in enumerate(readings) if is_final(reading)]
        for first, last in pairwise(measured):
            # What estimates between two measured ones add up to is what really flowed.
            between = sum(each.import_wh for each in readings[first + 1 : last])
            assert between == boundaries[last][0] - boundaries[first + 1][0], f"{house.label} {first}: none invented"
    return kinds


def _lived(folder: Path, start: int, houses: int, intervals: int, seed: int) -> tuple[Day, Counter[str]]:
    day = Day(folder, start, houses, intervals, seed)
    with day.files:
        asyncio.run(day.live())
        kinds, found = _judged(day), day.readings()
        _liar_is_named(day)
    second, third, fourth = (found[day.houses[place].label] for place in (1, 2, 3))
    assert not any(is_final(each) for each in second), "a clock that is five minutes off is marked"
    assert not any(is_final(each) for each in third[intervals // 2 :]), "another meter hangs there"
    assert not any(is_final(each) for each in fourth[intervals // 4 : intervals // 4 + 2]), "nothing was heard"
    assert day.refused["FOREIGN_METER"] > 0
    assert day.board.last == start + (intervals - 1) * LENGTH_S
    return day, kinds


def _liar_is_named(day: Day) -> None:
    concerns = Concerns()
    neighbours = Neighbourhood(day.folder, day.community, day.projection, day.clock, concerns)
    neighbours.judge(day.board.last)
    said = {each.code: each.facts for each in concerns.open()}
    assert "H01" in str(said[Code.BALANCE]["suspects"])


def test_a_few_meters_around_the_hour_that_comes_twice(tmp_path: Path) -> None:
    _, kinds = _lived(tmp_path, OCTOBER, 12, 12, seed=4)
    assert kinds["right"] > 70
    assert kinds["marked"] >= 12 + 6 + 2


@pytest.mark.long
def test_fifty_meters_through_the_day_of_twenty_five_hours(tmp_path: Path) -> None:
    day, kinds = _lived(tmp_path, OCTOBER - 2 * 3_600, 50, 100, seed=11)
    assert sum(kinds.values()) == 5_000
    assert kinds["right"] > 4_000
    print(dict(kinds), dict(day.refused))
