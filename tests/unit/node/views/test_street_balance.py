"""The balance of a street from the registers of its meters, for members that answer it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from energy.identity import Address, Digest, MeterId
from market.config import MarketConfig
from market.events import Trade
from market.mechanism import Sharing
from market.metered import Source
from metering.intervals import Deltas
from node.coop.community import LINK_KIND, Member
from node.views.street_balance import ANSWERING_S, Seen, StreetBalance

START = 1_751_371_200
ORDER = Digest(bytes(32))
SHARING = MarketConfig(sharing=Sharing.IN_PROPORTION)
ACCOUNTS = [Address(bytes([number + 1]) * 20) for number in range(6)]
MEMBERS = [
    Member(
        account, f"H{place}", "home", MeterId(bytes([place + 1]) * 32), "sml:tcp://x", "S", Source.SOLAR, 9_000, 6_000
    )
    for place, account in enumerate(ACCOUNTS)
]


class Street:
    """Homes of a steady power each, heard whenever the balance is asked for."""

    def __init__(self, powers_w: Sequence[int], market: MarketConfig = SHARING) -> None:
        self.powers_w, self.balance = list(powers_w), StreetBalance(market)
        self.trades: list[Trade] = []
        self.heard_at: dict[int, int] = {}
        self.members = list(MEMBERS)

    def seen(self, now: int) -> list[Seen]:
        found = []
        for place, power_w in enumerate(self.powers_w):
            at = self.heard_at.get(place, now)
            wh = power_w * (at - START) // 3_600
            found.append(Seen(self.members[place], at, Deltas(max(0, wh), max(0, -wh))))
        return found

    def ask(self, after_s: int, who: int = 0, rating_w: int = 0) -> Any:
        now = START + after_s
        return self.balance.ask(now, ACCOUNTS[who], rating_w, self.seen(now), self.trades)


def test_energy_so_far_and_power_of_all_who_are_heard() -> None:
    street = Street([3_600, 3_600, 3_600, 3_600, -7_200, 0])
    street.ask(120)
    assert street.ask(180) == {
        "interval": START,
        "since": START + 120,
        "at": START + 180,
        "drawnWh": 360,
        "powerW": 7_200,
        "heard": 6,
        "accounts": 6,
        "ratingW": 0,
        "answering": False,
    }


def test_before_a_minute_has_passed_no_power_is_known_and_nothing_told() -> None:
    street = Street([3_600] * 5)
    assert street.ask(59) is None
    assert street.ask(60)["powerW"] == 18_000


def test_a_change_of_power_shows_in_a_minute_of_measuring() -> None:
    street = Street([3_600] * 5)
    street.ask(120)
    street.balance._tracks[MEMBERS[0].meter].points[-1] = (START + 120, -60)
    told = street.ask(180)
    assert told["powerW"] == 4 * 3_600 + (180 + 60) * 60


def test_a_meter_that_spoke_earlier_is_carried_on_by_its_power() -> None:
    street = Street([3_600] * 5)
    street.ask(120)
    street.heard_at[0] = START + 180
    assert street.ask(210)["drawnWh"] == 5 * 210


def test_fewer_than_five_homes_are_never_told() -> None:
    street = Street([3_600] * 5)
    assert street.ask(120) is not None
    street.heard_at[2] = START + 119
    assert street.ask(239)["heard"] == 5
    assert street.ask(240) is None, "a meter was silent for two minutes"


def test_a_home_with_a_silent_meter_is_not_counted_by_its_other_one() -> None:
    street = Street([3_600] * 6)
    street.members[5] = replace(MEMBERS[5], account=ACCOUNTS[0])
    street.heard_at[0] = START + 60
    street.ask(60)
    assert street.ask(181) is None
    del street.heard_at[0]
    assert street.ask(241)["accounts"] == 5


def test_a_link_is_no_part_of_the_street_and_what_was_bought_of_it_is_balanced() -> None:
    street = Street([1_200] * 5 + [-6_000])
    street.members[5] = replace(MEMBERS[5], kind=LINK_KIND)
    street.ask(120)
    assert street.ask(180)["drawnWh"] == 300
    street.trades = [
        Trade(START, 0, 100_000, 1_200, ORDER, ORDER, ACCOUNTS[0], ACCOUNTS[5], 0, 0),
        Trade(START, 1, 100_000, 700, ORDER, ORDER, ACCOUNTS[0], ACCOUNTS[1], 0, 0),
    ]
    told = street.ask(240)
    assert (told["drawnWh"], told["powerW"]) == (400 - 1_200 * 240 // 900, 6_000 - 4_800)


def test_where_nothing_is_shared_nothing_is_told() -> None:
    assert Street([3_600] * 6, MarketConfig()).ask(120) is None


def test_ratings_of_those_who_ask_are_added_up_while_they_ask() -> None:
    street = Street([3_600] * 6)
    assert street.ask(120, 0, 5_000)["ratingW"] == 5_000
    assert street.ask(130, 1, 3_000)["ratingW"] == 8_000
    told = street.ask(140, 2, 0)
    assert (told["ratingW"], told["answering"]) == (8_000, False)
    assert street.ask(120 + ANSWERING_S, 2)["ratingW"] == 8_000
    assert street.ask(121 + ANSWERING_S, 2)["ratingW"] == 3_000
    assert street.ask(190, 1, 10**9)["ratingW"] == 9_000, "no more than its connection"


def test_the_power_is_as_old_as_the_slowest_of_those_who_answer() -> None:
    street = Street([3_600] * 6)
    for second in range(60, 300, 10):
        street.heard_at |= {0: START + second - second % 90, 5: START + 180}
        told = street.ask(second, 0, 5_000)
    assert told["since"] == START + 180, "every 90 s, and the last one does not answer"


def test_who_is_not_heard_does_not_count_as_answering() -> None:
    street = Street([3_600] * 6)
    street.heard_at[0] = START + 60
    street.ask(60, 0, 5_000)
    told = street.ask(200, 0, 5_000)
    assert (told["heard"], told["ratingW"], told["answering"]) == (5, 0, False)


def test_a_stranger_is_told_nothing_and_counts_for_nothing() -> None:
    street = Street([3_600] * 5)
    assert street.ask(120, 5, 9_000) is None
    assert street.ask(130)["ratingW"] == 0


def test_another_interval_begins_with_nothing() -> None:
    street = Street([0] * 6)
    street.ask(120)
    assert street.ask(900 + 30) is None


@pytest.mark.parametrize("rating_w", [-5, 0])
def test_no_rating_answers_nothing(rating_w: int) -> None:
    assert Street([3_600] * 6).ask(120, 0, rating_w)["ratingW"] == 0
