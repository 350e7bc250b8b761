from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from energy.results import Accepted, Rejected
from metering.readings import QualityCode, ReadingFlag, TrustClass, quality
from metering.rejections import MeteringReject
from metering.vee.catalogue import RULES
from metering.vee.days import LATE_AFTER_S, Second, is_high_or_low, is_zero_day, judge_second, partial_flags, spikes
from metering.vee.local_time import utc_of_local
from tests.support.evidence import METERS
from tests.support.oracles import first_reading

PARIS = ZoneInfo("Europe/Paris")


def test_the_rules_are_22_in_their_sequence_and_each_has_its_function() -> None:
    from importlib import import_module

    assert [rule.code for rule in RULES] == [f"R{number:02}" for number in range(1, 23)]
    for rule in RULES:
        module, name = rule.place.split(":")
        assert hasattr(import_module(f"metering.{module}"), name), rule


def test_r13_a_supply_that_was_cut_is_remarked() -> None:
    assert partial_flags(True) == ReadingFlag.PARTIAL
    assert not partial_flags(False)


@pytest.mark.parametrize(
    ("day", "places"),
    [
        ([100, 100, 100, 281], ()),
        ([200, 200, 200, 561], (3,)),
        ([200, 200, 200, 560], ()),
        ([10, 10, 10, 500], ()),
        ([10, 10, 10, 501], (3,)),
        ([0, 0, 0, 9_000], (3,)),
        ([900, 900, 900, 900], ()),
        ([9_000, 9_000, 10, 10], (0, 1)),
        ([9_000, 10], ()),
        ([], ()),
    ],
)
def test_r14_a_spike_stands_out_of_its_day(day: list[int], places: tuple[int, ...]) -> None:
    assert spikes(day) == places


@pytest.mark.parametrize(
    ("day", "others", "found"),
    [
        (1_000, [1_000] * 4, False),
        (200, [1_000] * 4, False),
        (199, [1_000] * 4, True),
        (4_000, [1_000] * 4, False),
        (4_001, [1_000] * 4, True),
        (9_999, [1_000] * 2, False),
    ],
)
def test_r15_a_day_far_from_the_usual(day: int, others: Sequence[int], found: bool) -> None:
    assert is_high_or_low(day, others) == found


def test_r17_a_day_of_zeros() -> None:
    assert is_zero_day([0] * 96)
    assert not is_zero_day([0] * 95 + [1])
    assert is_zero_day([0] * 96, [[0, 5], [3, 3], [9, 0]])
    assert not is_zero_day([0] * 96, [[0, 0], [0, 0], [9, 0]])


def test_r18_the_hour_that_comes_twice_is_told_apart_by_sequence() -> None:
    night = [datetime(2026, 10, 25, 2, minute) for minute in (0, 15, 30, 45)]
    stamps = [datetime(2026, 10, 25, 1, 45), *night, *night, datetime(2026, 10, 25, 3, 0)]
    answer = utc_of_local(stamps, PARIS)
    assert isinstance(answer, Accepted)
    assert [after - before for before, after in zip(answer.events, answer.events[1:], strict=False)] == [900] * 9


def test_r18_one_of_two_equal_hours_alone_is_ambiguous() -> None:
    for stamps in ([datetime(2026, 10, 25, 2, 15)], [datetime(2026, 10, 25, 1, 45), datetime(2026, 10, 25, 2, 0)]):
        answer = utc_of_local(stamps, PARIS)
        assert isinstance(answer, Rejected)
        assert answer.code is MeteringReject.AMBIGUOUS_TIME


def test_r18_an_hour_that_was_skipped_never_was() -> None:
    answer = utc_of_local([datetime(2026, 3, 29, 2, 30)], PARIS)
    assert isinstance(answer, Rejected)
    assert answer.facts == {"place": 0, "reason": "the clocks skipped it"}
    assert isinstance(utc_of_local([datetime(2026, 3, 29, 1, 45), datetime(2026, 3, 29, 3, 0)], PARIS), Accepted)


def test_r19_a_second_reading_is_the_same_disputed_or_a_correction() -> None:
    first = first_reading(METERS[0])
    end = first.interval + first.period_s
    other = replace(first, import_wh=first.import_wh + 1)
    assert judge_second(first, first, end) is Second.SAME
    assert judge_second(first, other, end + LATE_AFTER_S) is Second.DISPUTED
    assert judge_second(first, other, end + LATE_AFTER_S + 1) is Second.CORRECTION
    estimate = replace(first, quality=quality(TrustClass.B, QualityCode.ESTIMATED_LINEAR))
    assert judge_second(estimate, other, end) is Second.CORRECTION
