"""A home's answers to the balance of its street: asks the node while an interval runs, and believes what can be.

A balance that is missing, old or absurd changes nothing, and after two minutes without one nothing more is answered:
the home follows its contract, and what was answered before stays as it is.
Units: W, Wh, UTC epoch seconds. Refuses: nothing.
"""

from typing import Any, Final

import httpx

from dispatch.answering import Answer, Balance
from dispatch.plant import Plant
from dispatch.trust import Alarm
from node.agent.alarms import Alarms
from node.client import Client, NodeRefused

ASKED_S: Final = 20
OLD_S: Final = 30
"""A balance that was measured longer ago, or lies further ahead, is not answered."""
SILENT_S: Final = 120
POWER_MAX_W: Final = 10**8
"""No street draws more."""
HOMES_MIN: Final = 5


class StreetAnswers:
    """One home's."""

    def __init__(self, client: Client, plant: Plant, length_s: int) -> None:
        self._client, self._plant, self._length_s = client, plant, length_s
        self._answer = Answer()
        self._asked_at: int | None = None
        self._told_at = -SILENT_S

    def at(self, interval: int, now: int, alarms: Alarms) -> Answer:
        """Return the answer that holds now, after asking the node if that is due."""
        self._answer.begin(interval, now)
        rating_w = self._rating_w
        if rating_w and (self._asked_at is None or not 0 <= now - self._asked_at < ASKED_S):
            self._asked_at = now
            self._hear(interval, now, rating_w, alarms)
        if now - self._told_at >= SILENT_S:
            self._answer.wh = self._answer.given_wh
        return self._answer

    @property
    def _rating_w(self) -> int:
        """Of the stores that are relied on, and stay at home."""
        return sum(max(self._plant.power_w(name)) for name in self._plant.forming if name not in self._plant.withdrawn)

    def _hear(self, interval: int, now: int, rating_w: int, alarms: Alarms) -> None:
        try:
            told = self._client.balance(rating_w)
        except (httpx.HTTPError, NodeRefused, ValueError, KeyError, TypeError):
            return  # whoever trades says that the node is away
        balance = None if told is None else _believed(told, now, self._length_s)
        facts = {} if told is None else {name: told.get(name) for name in ("interval", "at", "drawnWh", "powerW")}
        alarms.set(Alarm.BALANCE_ABSURD, "street", now, active=told is not None and balance is None, facts=facts)
        if told is not None and balance is not None:
            self._told_at = now
            if told["answering"]:
                self._answer.hear(balance, max(now, balance.at), interval + self._length_s, rating_w)


def _believed(told: dict[str, Any], now: int, length_s: int) -> Balance | None:
    """Return what a node told of its street; None when that can not be."""
    names = ("interval", "since", "at", "drawnWh", "powerW", "ratingW", "heard")
    if any(type(told.get(name)) is not int for name in names) or type(told.get("answering")) is not bool:
        return None
    balance = Balance(*(told[name] for name in names[:-1]))
    most_wh = POWER_MAX_W * length_s // 3_600
    possible = (
        balance.interval == balance.at - balance.at % length_s <= balance.since < balance.at
        and abs(balance.at - now) <= OLD_S
        and abs(balance.power_w) <= POWER_MAX_W
        and abs(balance.drawn_wh) <= most_wh
        and 0 <= balance.rating_w <= POWER_MAX_W
        and told["heard"] >= HOMES_MIN
    )
    return balance if possible else None
