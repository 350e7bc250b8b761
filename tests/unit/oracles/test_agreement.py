from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Digest, MeterId
from energy.results import Accepted, Rejected
from metering.readings import ReadingFlag
from oracles.agreement import (
    AGREE_WH,
    Observation,
    agree,
    agree_on_values,
    agreement_needed,
    lying_max,
    outliers,
)
from oracles.rejections import OracleReject

METER = MeterId(b"\x01" * 32)


def saw(name: str, import_wh: int, export_wh: int = 0, flags: int = 0) -> Observation:
    return Observation(name, import_wh, export_wh, flags, 900, Digest(b"\x02" * 32))


@pytest.mark.parametrize(
    ("oracles", "liars", "heard", "needed"),
    [
        (1, 0, 1, 2),
        (3, 0, 3, 2),
        (3, 0, 2, 2),
        (4, 1, 4, 3),
        (4, 1, 3, 2),  # one is down: one of the three may lie
        (4, 1, 2, 2),
        (6, 1, 6, 5),
        (7, 2, 7, 5),
        (7, 2, 5, 3),
        (10, 3, 10, 7),
    ],
)
def test_fewer_than_a_third_may_lie(oracles: int, liars: int, heard: int, needed: int) -> None:
    assert lying_max(oracles) == liars
    assert agreement_needed(oracles, 2, heard) == needed


@pytest.mark.parametrize("lies", [(9_000, 9_000), (9_000, 9_001), (8_000, 9_000)])
def test_two_liars_of_four_leave_no_value(lies: tuple[int, int]) -> None:
    told = [saw("a", 100), saw("b", 100), saw("c", lies[0]), saw("d", lies[1])]
    assert isinstance(agree(METER, told, 4, 2), Rejected)
    assert isinstance(agree_on_values({}, {each.oracle: each.import_wh for each in told}, 4, 2, 2), Rejected)


def test_of_four_one_may_lie_and_one_be_silent() -> None:
    told = [saw("a", 100), saw("b", 101), saw("c", 9_000)]
    answer = agree(METER, told, 4, 2)
    assert isinstance(answer, Accepted)
    assert answer.events[0].import_wh == 100
    assert outliers(answer.events[0], told) == ["c"]
    assert agree_on_values({}, {"a": -5, "b": -4, "c": 70}, 4, 2, 2) == Accepted((-5,))


@given(st.data(), st.integers(1, 4), st.integers(0, 10**9), st.integers(0, 10**9))
def test_whatever_f_of_3f_plus_1_say_the_value_is_one_that_an_honest_oracle_agrees_with(
    data: st.DataObject, liars: int, import_wh: int, export_wh: int
) -> None:
    oracles = 3 * liars + 1
    honest = [
        saw(f"honest {n}", import_wh + data.draw(st.integers(0, AGREE_WH)), export_wh + data.draw(st.integers(0, 1)))
        for n in range(oracles - liars)
    ]
    lies = [
        saw(f"liar {n}", data.draw(st.integers(0, 2 * 10**9)), data.draw(st.integers(0, 2 * 10**9)))
        for n in range(liars)
    ]
    answer = agree(METER, data.draw(st.permutations([*honest, *lies])), oracles, 2)
    assert isinstance(answer, Accepted)
    (agreed,) = answer.events
    # A liar among those who agree can move the value no farther than an honest reader could be.
    assert import_wh - AGREE_WH <= agreed.import_wh <= import_wh + 2 * AGREE_WH
    assert export_wh - AGREE_WH <= agreed.export_wh <= export_wh + 2 * AGREE_WH


def test_readers_that_lie_alike_stand_alone_as_long_as_they_are_a_third() -> None:
    honest = [saw("a", 100), saw("b", 100), saw("c", 101), saw("f", 101), saw("g", 102)]
    lies = [saw("d", 5_000), saw("e", 5_000)]
    answer = agree(METER, honest + lies, 7, 3)
    assert isinstance(answer, Accepted)
    assert answer.events[0].import_wh == 101
    assert outliers(answer.events[0], honest + lies) == ["d", "e"]
    assert isinstance(agree(METER, honest[:3] + lies, 5, 3), Rejected), "of five, one may lie"


def test_without_enough_who_agree_there_is_no_value() -> None:
    answer = agree(METER, [saw("a", 100), saw("b", 103), saw("c", 500)], 3, 2)
    assert isinstance(answer, Rejected)
    assert answer.code is OracleReject.NO_AGREEMENT
    assert answer.facts == {"meter": "0x" + METER.hex(), "heard": 3, "agree": 1, "needed": 2}
    assert isinstance(agree(METER, [], 3, 2), Rejected)


def test_a_flag_counts_when_most_have_seen_it() -> None:
    tamper = int(ReadingFlag.TAMPER)
    seen = [saw("a", 1, flags=tamper), saw("b", 1, flags=tamper), saw("c", 1)]
    answer = agree(METER, seen, 3, 2)
    assert isinstance(answer, Accepted)
    assert answer.events[0].flags == tamper
    answer = agree(METER, [replace(each, flags=tamper if each.oracle == "a" else 0) for each in seen], 3, 2)
    assert isinstance(answer, Accepted)
    assert answer.events[0].flags == 0
