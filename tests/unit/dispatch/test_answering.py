"""Stores answer the balance of their street: converging with delay, noise, and homes that do not or do otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.answering import Answer, Balance, Rest, drive_answering
from dispatch.driving import Intention
from dispatch.layers import make
from dispatch.plant import Device, Plant

LENGTH_S = 900
STEP_S = 60
START = 1_800
POWER_W = 4_000
LIMIT_WH = 10_000


def battery(content_wh: int) -> Plant:
    layer = make("lithium", capacity_kwh=6.0, power_kw=POWER_W / 1e3, charge_yield=1.0, discharge_yield=1.0)
    plant = Plant([Device("battery", layer)])
    plant.reported("battery/cells", 1_000 * content_wh)
    return plant


@dataclass
class Home:
    """Follows a contract of nothing; rests unless it answers."""

    net_w: int
    at_shared_wh: int
    content_wh: int = 3_000
    answers: bool = True
    plant: Plant = field(init=False)
    answer: Answer = field(default_factory=Answer)
    drawn_ws: int = 0

    def __post_init__(self) -> None:
        self.plant = battery(self.content_wh)
        self.kept = Intention(0, {}, 0, charges=False, discharges=False, quoted_position_wh=0, position_wh=0)
        self.kept.at_shared_wh = self.at_shared_wh

    def live(self, now: int, told: Balance | None, noise_w: int = 0) -> int:
        """Live a step and return the power that is drawn."""
        end = START + LENGTH_S
        self.answer.begin(START, now)
        if told is not None and self.answers:
            self.answer.hear(told, now, end, POWER_W)
        twin, left_s = self.plant.copy(), end - now
        net_w = self.net_w + noise_w
        rest = Rest(now, left_s, net_w * left_s // 3_600, 0, 0, LIMIT_WH, LIMIT_WH)
        drive_answering(twin, rest, self.kept, self.answer)
        power_w = twin.drawn_wh("battery") * 3_600 // left_s
        content = self.plant.contents["battery/cells"] + power_w * STEP_S * 1_000 // 3_600
        assert self.plant.reported("battery/cells", content), "within the store"
        assert abs(power_w) <= POWER_W
        self.drawn_ws += (net_w + power_w) * STEP_S
        return net_w + power_w


def lived(homes: Sequence[Home], late: int = 1, noise_w: int = 0, silence: int = 0) -> list[int]:
    """Live an interval, and return what the street would have drawn by its end (Wh), as each step told.

    Args:
        homes: Of the street.
        late: Steps between the end of what a balance measures and when it is told.
        noise_w: Most that each home's use differs from step to step.
        silence: Of 1,000 balances, how many are lost on the way to a home.
    """
    dice, told, expected = Random(7), list[Balance](), list[int]()
    rating_w = POWER_W * sum(home.answers for home in homes)
    for step in range(LENGTH_S // STEP_S):
        now, power_w = START + step * STEP_S, 0
        for home in homes:
            lost = step <= late or dice.randrange(1_000) < silence
            power_w += home.live(now, None if lost else told[step - 1 - late], dice.randint(-noise_w, noise_w))
        drawn_wh = sum(home.drawn_ws for home in homes) // 3_600
        told.append(Balance(START, now, now + STEP_S, drawn_wh, power_w, rating_w))
        expected.append(told[-1].expected_wh(START + LENGTH_S))
    return expected


def street(net_w: int, worth: Sequence[int]) -> list[Home]:
    return [Home(net_w, at_shared_wh) for at_shared_wh in worth]


@pytest.mark.parametrize("net_w", [800, -800])
@pytest.mark.parametrize("late", [0, 1, 3])
def test_the_street_comes_to_its_balance_without_overshooting(net_w: int, late: int) -> None:
    homes = street(net_w, [-1_000 if net_w > 0 else 1_000] * 6)
    expected = lived(homes, late)
    assert abs(expected[0]) == 1_200
    assert abs(expected[-1]) <= 10
    assert all(each * net_w >= -10 * abs(net_w) for each in expected), "it never changes its side"


def test_a_balance_that_does_not_show_the_last_answer_is_not_answered_again() -> None:
    answer = Answer()
    answer.begin(START, START + 120)
    told = Balance(START, START, START + 60, 20, 1_200, 2 * POWER_W)
    assert answer.hear(told, START + 120, START + LENGTH_S, POWER_W)
    assert answer.wh == -(20 + 1_200 * 840 // 3_600) // 2
    for since in (START, START + 60, START + 119):
        assert not answer.hear(Balance(START, since, since + 60, 20, 1_200, POWER_W), START + 180, 2_700, POWER_W)
    assert answer.hear(Balance(START, START + 120, START + 180, 0, 1_200, POWER_W), START + 180, 2_700, POWER_W)


@pytest.mark.parametrize(
    ("interval", "since", "at"), [(900, START, START + 60), (START, START + 60, START), (START, START, START + 121)]
)
def test_a_balance_of_another_interval_or_of_what_is_to_come_is_not_answered(
    interval: int, since: int, at: int
) -> None:
    answer = Answer()
    answer.begin(START, START + 120)
    assert not answer.hear(Balance(interval, since, at, 500, 500, POWER_W), START + 120, START + LENGTH_S, POWER_W)
    assert answer.wh == 0


def test_whoever_can_takes_over_from_the_empty_the_silent_and_the_unwilling() -> None:
    """One of them alone is left: its part of what is missing grows with each balance."""
    able = Home(400, -1_000)
    homes = [able, Home(400, -1_000, content_wh=0), Home(400, 0), Home(400, 1_000), Home(400, -1_000, answers=False)]
    expected = lived(homes)
    assert 490 <= expected[0] <= 500
    assert 0 <= expected[-1] <= 150
    assert [home.answer.wh for home in homes[1:]] == [0, 0, 0, 0]
    assert able.answer.wh <= -350


def test_no_store_does_what_does_not_pay_whatever_a_balance_says() -> None:
    """A lie of a megawatt moves a home to what its plan does at the shared price, and not a Wh beyond."""
    home = Home(0, -300)
    for step in range(LENGTH_S // STEP_S):
        now = START + step * STEP_S
        home.live(now, Balance(START, now, now, 10**9, 10**9, 1))
        home.live(now, Balance(START, now, now, -(10**9), -(10**9), 1)) if step == 3 else None
    assert home.answer.wh == -300


def test_an_answer_is_taken_back_when_the_street_changes_its_side() -> None:
    home = Home(0, -400)
    home.live(START, Balance(START, START, START, 200, 0, POWER_W))
    assert home.answer.wh == -200
    home.live(START + 60, Balance(START, START + 60, START + 60, -150, 0, POWER_W))
    assert home.answer.wh == -50
    home.live(START + 120, Balance(START, START + 120, START + 120, -150, 0, POWER_W))
    assert home.answer.wh == 0, "no further than without an answer"


def test_the_next_interval_begins_without_an_answer() -> None:
    home = Home(0, -400)
    home.live(START, Balance(START, START, START, 200, 0, POWER_W))
    home.answer.begin(START + LENGTH_S, START + LENGTH_S + 3)
    assert (home.answer.wh, home.answer.given_wh, home.answer.power_w) == (0, 0, 0)


@pytest.mark.parametrize(
    ("wished_wh", "at_shared_wh", "forced_wh", "moved_wh", "limits_wh", "answer_wh"),
    [
        (-900, -1_000, 0, 0, (LIMIT_WH, 250), -350),  # 100 Wh are used behind the connection
        (900, 1_000, 0, 0, (250, LIMIT_WH), 150),
        (-500, -1_000, 0, -900, (LIMIT_WH, LIMIT_WH), -100),  # moved before, for other reasons
        (-500, -1_000, 300, 0, (LIMIT_WH, LIMIT_WH), 0),  # what must be charged at any price is
    ],
)
def test_an_answer_is_bounded_by_connection_and_plan(
    wished_wh: int, at_shared_wh: int, forced_wh: int, moved_wh: int, limits_wh: tuple[int, int], answer_wh: int
) -> None:
    answer = Answer()
    answer.begin(START, START)
    answer.wh = wished_wh
    kept = Intention(0, {}, forced_wh, False, False, 0, 0, at_shared_wh)
    drive_answering(battery(3_000), Rest(START, LENGTH_S, 100, 0, moved_wh, *limits_wh), kept, answer)
    assert answer.wh == answer_wh


@given(
    homes=st.lists(
        st.tuples(st.integers(-3_000, 3_000), st.integers(-1_000, 1_000), st.integers(0, 6_000), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    late=st.integers(0, 3),
    noise_w=st.sampled_from([0, 200]),
    silence=st.sampled_from([0, 300]),
)
def test_no_street_is_further_from_its_balance_than_without_answers(
    homes: list[tuple[int, int, int, bool]], late: int, noise_w: int, silence: int
) -> None:
    """Up to the noise of one step told late, carried by the whole interval."""
    with_answers = lived([Home(*each) for each in homes], late, noise_w, silence)
    without = lived([Home(*each[:3], answers=False) for each in homes], late, noise_w, silence)
    doubt_wh = 5 * len(homes) + noise_w * len(homes) * LENGTH_S // 3_600
    assert abs(with_answers[-1]) <= abs(without[-1]) + doubt_wh
