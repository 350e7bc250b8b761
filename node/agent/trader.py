"""A home's orders at its node: quotes for the next interval whose gate is open, and learns how the one before closed.

What rests at the node is what counts, so nothing of it is remembered: after a restart the orders that are there are
compared with those that are wanted. A node that is away, refuses an order or answers nonsense is an alarm; the home is
planned all the same, for the tariffs known last. Units: Wh, µ€/kWh, UTC epoch seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import httpx

from dispatch.bidding import OrderProposal
from dispatch.goals import BILL_ALONE, Goals
from dispatch.prices import GridTariff
from dispatch.site import SiteAgent
from dispatch.site_plan import SiteForecast
from dispatch.trust import Alarm
from energy.errors import Unavailable
from energy.identity import Digest, digest_from_hex
from market.orders import Side
from node.agent.alarms import Alarms
from node.agent.foresight import HORIZON_S
from node.agent.outlook import PriceOutlook
from node.agent.quotes import Resting, changes
from node.client import Client, NodeRefused, NotAReceipt
from node.rules.rule import Rule, within
from oracles.typed_data import RULE

REQUOTED_S: Final = 60
SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
POSITIONS_KEPT: Final = 8
GOAL_KEYS: Final = {
    "carbon_ueur_per_g": "carbonUeurPerG",
    "peak_ueur_per_kw": "peakUeurPerKw",
    "reserve_permille": "reservePermille",
}
"""What a node calls each of the community's goals."""
_WEATHER: Final = {
    "temp_millic": ("temp_c", 1_000),
    "rh_permille": ("rh_pct", 10),
    "wind_m_per_h": ("wind_kmh", 1_000),
    "sky_clear_permille": ("sky_clear", 1_000),
}
"""Columns of the weather file by kind of fact, and how much of the fact's unit is one of theirs."""


class Trader:
    """One home's."""

    def __init__(
        self,
        client: Client,
        agent: SiteAgent,
        gate_lead_s: int,
        length_s: int,
        outlook: PriceOutlook,
        saved: Mapping[str, Any] | None,
    ) -> None:
        self._client, self._agent, self.outlook = client, agent, outlook
        self._gate_lead_s, self._length_s = gate_lead_s, length_s
        self._interval: int | None = None
        """That is quoted for."""
        self._traded_at: int | None = None
        self._wanted: tuple[OrderProposal, ...] = ()
        self._positions: dict[int, int] = {}
        self._tariffs: dict[int, GridTariff] = {}
        self.goals = BILL_ALONE
        """The community's, as far as the node has said."""
        self._carbon: dict[int, int] = {}
        """Of the grid, by interval, in g CO2e/kWh; as far as the node knows."""
        self._weather_of: dict[tuple[str, str], int] = {}
        """Round of the last weather that was told, by kind and place."""
        self._learned = 0
        self._rule: Rule | None = None
        """That the member signed last on the page."""
        self.island = False
        """Whether the node said last that the community lives without the grid."""
        if saved:
            self._interval, self._learned = saved["interval"], saved["learned"]
            self._positions = dict(saved["positions"])
            self._rule = Rule.of(saved["rule"]) if saved.get("rule") else None
            self._tariffs = {interval: GridTariff(*prices) for interval, *prices in saved["tariffs"]}
            self.goals = Goals(**saved.get("goals", {}))

    def to_json(self) -> dict[str, Any]:
        """Return what is to survive a restart."""
        return {
            "interval": self._interval,
            "learned": self._learned,
            "goals": asdict(self.goals),
            "rule": None if self._rule is None else RULE.to_json(self._rule.values),
            "positions": [list(item) for item in self._positions.items()],
            "tariffs": [
                [interval, t.import_ueur_per_kwh, t.export_ueur_per_kwh, t.short_ueur_per_kwh, t.long_ueur_per_kwh]
                for interval, t in self._tariffs.items()
            ],
        }

    def position_wh(self, interval: int) -> int:
        """Return what is contracted for an interval, as far as it is known: bought minus sold."""
        return self._positions.get(interval, 0)

    def tariffs(self, interval: int) -> list[GridTariff]:
        """Return the tariffs from an interval on, published or else expected, as far as plans reach without a gap."""
        found = []
        for start in range(interval, interval + HORIZON_S, self._length_s):
            tariff = self._tariffs.get(start) or self.outlook.tariff(start)
            if tariff is None:
                break
            found.append(tariff)
        return found

    def carbon(self, interval: int, steps: int = 1) -> list[int]:
        """Return the grid's carbon from an interval on, g CO2e/kWh, published or expected; empty when nobody said."""
        starts = range(interval, interval + steps * self._length_s, self._length_s)
        found = [self._carbon.get(start, self.outlook.carbon(start)) for start in starts]
        return [carbon for carbon in found if carbon is not None] if None not in found else []

    def due(self, now: int, alarms: Alarms) -> int | None:
        """Return the interval to plan for when that is due: once, as soon as the gate before it has closed."""
        closes_after = now + self._gate_lead_s
        interval = closes_after - closes_after % self._length_s + self._length_s
        if interval == self._interval:
            return None
        if self._interval is not None:
            self._finish(self._interval, now, alarms)
        self._asked(self._read_tariffs, now, alarms)
        self.outlook.follow(interval, self._tariffs, self._carbon)
        self._interval, self._traded_at = interval, None
        return interval

    def new_weather(self, now: int, alarms: Alarms) -> list[dict[str, Any]]:
        """Return rows of weather that the oracles agreed on and that were not told yet; none without a node."""
        rows: dict[int, dict[str, Any]] = {}

        def read() -> None:
            for series in self._known_facts():
                column = _WEATHER.get(series["kind"])
                place = (series["kind"], series["place"])
                if column is None or series["knownAt"] <= self._weather_of.get(place, -1):
                    continue
                name, unit = column
                for number, value in enumerate(series["values"]):
                    at = series["first"] + number * series["stepS"]
                    rows.setdefault(at, {"time": at})[name] = value / unit
                self._weather_of[place] = series["knownAt"]

        self._asked(read, now, alarms)
        return [rows[at] for at in sorted(rows)]

    def _known_facts(self) -> list[dict[str, Any]]:
        try:
            return self._client.facts()
        except NodeRefused as refused:
            if refused.status == 404:
                return []  # a node of before there were facts
            raise

    def plan(self, now: int, interval: int, forecast: SiteForecast) -> None:
        """Plan the home; what is to be quoted follows from it."""
        tariffs = self.tariffs(interval)[: len(forecast.load_wh)]
        carbon = self.carbon(interval, len(tariffs))
        self._wanted = self._agent.orders(now, interval, tariffs, forecast, carbon_g_per_kwh=carbon)

    def trade(self, now: int, alarms: Alarms) -> bool:
        """Bring the book up to date once a minute, and return whether anything is new."""
        if self._interval is None or (self._traded_at is not None and now - self._traded_at < REQUOTED_S):
            return False
        self._traded_at = now
        return self._asked(lambda: self._quote(now, alarms), now, alarms)

    def withdraw(self, alarms: Alarms, now: int) -> None:
        """Take everything back that rests for the interval that is quoted."""
        self._wanted = ()
        if self._interval is not None:
            self._asked(lambda: self._replace(self._interval or 0, (), alarms, now), now, alarms)

    def document(self) -> list[dict[str, Any]]:
        """Return what is quoted, and why."""
        return [
            {
                "interval": each.interval,
                "side": each.side.name.lower(),
                "quantity_wh": each.quantity_wh,
                "limit_price_ueur_per_kwh": each.limit_price_ueur_per_kwh,
                "reason": each.reason.kind.name.lower().replace("_", "-"),
                "reservation_ueur_per_kwh": each.reason.reservation_ueur_per_kwh,
            }
            for each in self._wanted
        ]

    # -- AT THE NODE

    def _asked(self, work: Callable[[], None], now: int, alarms: Alarms) -> bool:
        try:
            work()
        except (httpx.HTTPError, NodeRefused, NotAReceipt, ValueError, KeyError, TypeError) as error:
            alarms.set(Alarm.NODE_AWAY, "node", now, active=True, facts={"error": type(error).__name__})
            return False
        alarms.set(Alarm.NODE_AWAY, "node", now, active=False)
        return True

    def _read_tariffs(self) -> None:
        signal = self._client.signal()
        told = signal.get("goals", {})
        self.goals = Goals(**{name: told[key] for name, key in GOAL_KEYS.items() if key in told})
        for item in signal["items"]:
            start, bought, sold = item["interval"], item["importTariff"], item["exportTariff"]
            if any(type(each) is not int for each in (start, bought, sold)) or start % self._length_s:
                raise ValueError(f"no tariff of an interval: {item}")
            sold = min(bought, sold)
            self._tariffs[start] = GridTariff(bought, sold, bought, sold)
            if type(carbon := item.get("carbonGPerKwh")) is int:
                self._carbon[start] = carbon
        newest = max(self._tariffs, default=0)
        self._tariffs = {start: t for start, t in self._tariffs.items() if start > newest - 3 * 86_400}
        self._carbon = {start: grams for start, grams in self._carbon.items() if start in self._tariffs}

    def _quote(self, now: int, alarms: Alarms) -> None:
        interval = self._interval
        assert interval is not None
        status = self._client.status()
        self.island = str(status.get("mode", "")).startswith("island")
        if interval not in status["openIntervals"]:
            return
        self._note_position(interval)
        book = self._client.book(interval)
        bid = book.bids[0].price if book and book.bids else None
        ask = book.asks[0].price if book and book.asks else None
        rule = self._client.rule()
        if rule is not None and (self._rule is None or rule.since > self._rule.since):
            self._rule = rule  # a node can not bring an old one back
        self._wanted = within(self._agent.requote(now, interval, bid, ask), self._rule, status["now"])
        self._replace(interval, self._wanted, alarms, now)
        self._note_position(interval)

    def _note_position(self, interval: int) -> None:
        self._positions[interval] = position_wh = self._client.position_wh(interval)
        self._agent.contracted(interval, position_wh)
        self._positions = dict(sorted(self._positions.items())[-POSITIONS_KEPT:])

    def _replace(self, interval: int, wanted: tuple[OrderProposal, ...], alarms: Alarms, now: int) -> None:
        resting: dict[Digest, Resting] = {}
        filled_wh: dict[Digest, int] = {}
        for item in self._client.orders(account=self._client.account, interval=interval, status="resting"):
            digest = digest_from_hex(item["digest"])
            resting[digest] = Resting(SIDES[item["side"]], item["quantityWh"], item["limitPrice"])
            filled_wh[digest] = item["filledWh"]
        todo = changes(resting, wanted, filled_wh)
        refused: NodeRefused | None = None
        for digest in todo.cancelled:
            try:
                self._client.cancel(digest)
            except NodeRefused as error:
                refused = error
        for each in todo.placed:
            try:
                self._client.place(each.side, each.quantity_wh, each.limit_price_ueur_per_kwh, interval=interval)
            except NodeRefused as error:
                refused = error
        facts = {} if refused is None else {"code": refused.code, "problem": str(refused)}
        alarms.set(Alarm.ORDER_REFUSED, "orders", now, active=refused is not None, facts=facts)

    def _finish(self, interval: int, now: int, alarms: Alarms) -> None:
        """Note what was traded until the gate closed, and learn how the book did."""

        def learn() -> None:
            self._note_position(interval)
            for row in self._client.intervals(start=interval, end=interval + 1):
                if interval > self._learned and interval in self._tariffs:
                    self._agent.learn_price(interval, self._tariffs[interval], row["tradedWh"], row["price"])
                    self._learned = interval

        self._asked(learn, now, alarms)
        self._wanted = ()


def market_of(client: Client) -> tuple[int, int]:
    """Return how long an interval is and how long before it its gate closes, in seconds.

    Raises:
        Unavailable: the node does not answer.
    """
    try:
        status = client.status()
    except httpx.HTTPError as error:
        raise Unavailable(f"the node does not answer: {error}", retry_after_s=10) from error
    return status["intervalLengthS"], status["gateLeadS"]
