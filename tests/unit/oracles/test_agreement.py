from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Digest, MeterId
from energy.results import Accepted, Rejected
from metering.readings import ReadingFlag
from oracles.agreement import AGREE_WH, Observation, agree, agreement_needed, lying_max, outliers
from oracles.rejections import OracleReject

METER = MeterId(b"\x01" * 32)


def saw(name: str, import_wh: int, export_wh: int = 0, flags: int = 0) -> Observation:
    return Observation(name, import_wh, export_wh, flags, 900, Digest(b"\x02" * 32))


@pytest.mark.parametrize(
    ("oracles", "liars", "needed"), [(1, 0, 2), (3, 0, 2), (4, 1, 3), (6, 1, 3), (7, 2, 5), (10, 3, 7)]
)
def test_fewer_than_a_third_may_lie(oracles: int, liars: int, needed: int) -> None:
    assert lying_max(oracles) == liars
    assert agreement_needed(oracles, 2) == needed


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


def test_two_readers_that_lie_alike_are_no_majority_of_three_honest_ones() -> None:
    observations = [saw("a", 100), saw("b", 100), saw("c", 101), saw("d", 5_000), saw("e", 5_000)]
    answer = agree(METER, observations, 5, 3)
    assert isinstance(answer, Accepted)
    assert answer.events[0].import_wh == 100
    assert outliers(answer.events[0], observations) == ["d", "e"]


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
