"""An oracle vouches for what it has seen: the same record, within 2 Wh at each end, and nothing else."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from energy.errors import Unavailable
from energy.interval import Interval
from energy.results import Accepted, Rejected
from metering.meter import MeterState, close_interval, estimate_interval, observe
from metering.readings import Reading, ReadingFlag
from metering.vee.standing import open_end
from node.readings.oracle_watch import Sightings, WatchfulGuard
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.records import IntervalReadings
from oracles.rejections import OracleReject
from oracles.signatures import address_of
from oracles.signers import KeySigner
from oracles.typed_data import reading_hash
from tests.support.evidence import ORACLE_KEYS, make_evidence
from tests.support.meters import CONFIG, NOON, sample, tampered
from tests.support.oracles import DOMAIN

SAMPLES = [sample(NOON, 1_000), sample(NOON + 900, 1_100), sample(NOON + 1_800, 1_250)]


def readings() -> tuple[Reading, Reading]:
    state = MeterState(CONFIG)
    for each in SAMPLES:
        assert isinstance(observe(state, each, each.received_at), Accepted)
    closed = [close_interval(state, Interval(NOON + 900 * n), reading_hash) for n in range(2)]
    first, second = (each.events[0] for each in closed if isinstance(each, Accepted))
    return first, second


FIRST, SECOND = readings()


def seen(through: int = 3, off_wh: int = 0) -> Sightings:
    sightings = Sightings([CONFIG])
    for each in SAMPLES[:through]:
        moved = replace(each, import_index_wh=each.import_index_wh + off_wh)
        sightings.take(moved, "linky", each.received_at)
    return sightings


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[GuardedSigner]:
    with closing(GuardStore(tmp_path / "oracle.signed", address_of(ORACLE_KEYS[0]))) as store:
        yield GuardedSigner(KeySigner(ORACLE_KEYS[0]), store)


@pytest.mark.parametrize(("off_wh", "field"), [(0, None), (2, None), (-2, None), (3, "import_index_wh")])
def test_the_same_registers_within_two_watt_hours_are_vouched_for(off_wh: int, field: str | None) -> None:
    assert seen(off_wh=off_wh).contradicts(FIRST) == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"import_wh": 105}, "import_wh"),
        ({"export_wh": 5}, "export_wh"),
        ({"export_index_wh": 503}, "export_index_wh"),
        ({"quality": 17 | 1 << 8}, "quality"),
    ],
)
def test_a_reading_that_says_something_else_is_refused(change: dict[str, int], field: str) -> None:
    assert seen().contradicts(replace(FIRST, **change)) == field  # type: ignore[arg-type]


def test_what_was_not_seen_is_not_vouched_for() -> None:
    with pytest.raises(Unavailable):
        seen(2).contradicts(SECOND)
    assert Sightings([]).contradicts(FIRST) == "meter"


def test_an_opened_cover_must_not_be_kept_silent() -> None:
    sightings = Sightings([CONFIG])
    for each in (SAMPLES[0], tampered(sample(NOON + 300, 1_050)), SAMPLES[1]):
        sightings.take(each, "linky", each.received_at)
    assert sightings.contradicts(FIRST) == "flags"
    assert sightings.contradicts(replace(FIRST, flags=int(ReadingFlag.TAMPER))) is None


def test_nobody_is_estimated_away_who_was_measured() -> None:
    state = MeterState(CONFIG)
    guess = estimate_interval(state, Interval(NOON), open_end(state, NOON, {}), None, reading_hash)
    assert seen().contradicts(guess) == "quality"
    assert seen(1).contradicts(guess) is None


def test_a_key_signs_what_its_oracle_has_seen_and_the_totals_of_it(guard: GuardedSigner) -> None:
    watchful = WatchfulGuard(guard, seen())
    wrong = watchful.sign_readings(DOMAIN, [replace(FIRST, import_wh=150, import_index_wh=1_150)])
    assert isinstance(wrong, Rejected)
    assert (wrong.code, wrong.facts["field"]) == (OracleReject.MEASURE_MISMATCH, "import_index_wh")
    whole = IntervalReadings(NOON, FIRST.previous_hash, 100, 0)
    assert isinstance(watchful.sign_interval(DOMAIN, whole), Rejected), "it has vouched for nothing yet"
    assert isinstance(watchful.sign_readings(DOMAIN, [FIRST, SECOND]), Accepted)
    assert isinstance(watchful.sign_interval(DOMAIN, replace(whole, import_wh=101)), Rejected)
    assert isinstance(watchful.sign_interval(DOMAIN, whole), Accepted)
    assert isinstance(watchful.sign_run(DOMAIN, make_evidence().run), Rejected)


def test_samples_that_are_none_are_counted() -> None:
    sightings = seen()
    sightings.take(SAMPLES[0], "linky", NOON + 1_800)
    sightings.take(replace(SAMPLES[0], serial="041876097483"), "linky", NOON + 1_800)
    assert sightings.rejected == {"REPLAY": 1, "FOREIGN_METER": 1}
