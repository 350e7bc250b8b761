"""The neighbours' saving through the real auction, of what perfect foresight of the pooled street would save.

15 sound homes with their batteries, four times 14 days, in hours. The agents know the past only: they forecast, quote
ahead of the slot, and their orders meet in the real engine. Each hour is lived in steps of five minutes, of even power
since the data say no more: the battery follows what was contracted, and answers the balance of the street, which it is
told a step late. A part of the homes bids falsely: their prices are shifted away from what they are worth to them.
Foresight is one linear programme over all batteries and the whole fortnight. Settlement is the node's, with the
community's `sharing`; what is left is at the tariff.

Beside the share stand the same days without answers, settled without and with `sharing`, and by what crossed to the
grid alone (all deviations of neighbours netted).
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured, Part, say
from benchmarks.dispatch.street import SOUND, street_year
from dispatch.answering import Answer, Balance
from dispatch.bidding import OrderProposal, QuoteRules
from dispatch.driving import Underway
from dispatch.forecasting.features import Floats
from dispatch.layers import make
from dispatch.optimiser.conditions import Conditions, Exchange
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import ELECTRICITY, placed
from dispatch.optimiser.planning import solve
from dispatch.plant import Device
from dispatch.prices import GridTariff
from dispatch.site import SiteAgent, SiteConfig
from dispatch.site_plan import SitePlanner
from dispatch.street_forecast import StreetForecaster
from energy.identity import Address, Digest, MeterId
from energy.results import Accepted
from market.commands import AdmitAccount, CancelOrder, CloseGate, OpenInterval, PlaceOrder, ReleaseInterval
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import Trade
from market.mechanism import Sharing
from market.metered import Metered, Source
from market.orders import Order, Side, TimeInForce
from market.settlement import IntervalSettlement, Tariff, settle_interval
from market.terms import Terms

HOUR_S: Final = 3_600
STEP_S: Final = 300
STEPS_LATE: Final = 1
"""The street's balance is told so many steps after it was measured."""
FIRST_DAYS: Final = (14, 91, 182, 273)
"""First days of the fortnights; the first one leaves two weeks to learn from."""
DAYS: Final = 14
LEARNED_DAYS: Final = 14
EXPORT_UEUR_PER_KWH: Final = 50_000
CAPACITY_KWH: Final = 6.4
POWER_KW: Final = 5.0
RATING_W: Final = 5_000
ONE_WAY: Final = 0.93
BATTERY: Final = Device(
    "battery",
    make("lithium", capacity_kwh=CAPACITY_KWH, power_kw=POWER_KW, charge_yield=ONE_WAY, discharge_yield=ONE_WAY),
)
HORIZON_H: Final = 36
QUOTES_BEFORE_GATE_S: Final = (600, 300, 1)
FALSE_EVERY: Final = 3
"""Each third home bids falsely."""
FALSE_SHIFT_PERMILLE: Final = 150
"""Of the tariff band, against the side it is on."""
SUPPLIER: Final = Address(b"\xff" * 20)
STREETS: Final = {"truthful": (False, True), "false": (True, True), "contract": (True, False)}
"""Whether some bid falsely, and whether batteries answer the balance of the street or follow their contracts alone."""
SETTLED: Final = ("", "_shared", "_netted")
"""By the node's settlement; with the community's `sharing`; by what crosses to the grid alone."""


@dataclass
class Auction:
    """One fortnight."""

    first_hour: int
    false_bidders: bool
    answering: bool
    bills_eur: Floats = field(default_factory=lambda: np.zeros(len(SOUND)))
    shared_bills_eur: Floats = field(default_factory=lambda: np.zeros(len(SOUND)))
    """With `sharing`."""
    netted_bill_eur: float = 0.0
    """Of the street as one connection: what is lost in the batteries alone."""
    traded_kwh: float = 0.0

    def __post_init__(self) -> None:
        year = street_year()
        self.load_wh = np.rint(1e3 * year.load_kwh[list(SOUND)]).astype(np.int64)
        self.pv_wh = np.rint(1e3 * year.pv_kwh[list(SOUND)]).astype(np.int64)
        self.prices = np.rint(1e6 * year.price_eur_per_kwh).astype(np.int64)
        planner = SitePlanner(HOUR_S)
        config = SiteConfig((BATTERY,), QuoteRules(steps_max=4), length_s=HOUR_S)
        self.agents = [SiteAgent(config, planner) for _ in SOUND]
        self.answers = [Answer() for _ in SOUND]
        learned_from = self.first_hour - 24 * LEARNED_DAYS
        self.forecaster = StreetForecaster(len(SOUND), learned_from * HOUR_S, HOUR_S, (HORIZON_H + 2) * HOUR_S)
        self.market = MarketState(MarketConfig(interval_length_s=HOUR_S))
        self.nonce = 0
        for home in range(len(SOUND)):
            self._do(AdmitAccount(_address(home), 10**15), 0)
        for hour in range(learned_from, self.first_hour - 1):
            self._observe(hour)
        self.forecaster.test_on_past(7)

    def run(self, hours: int) -> None:
        """Trade, deliver and settle consecutive hours."""
        for hour in range(self.first_hour, self.first_hour + hours):
            self._observe(hour - 1)
            trades = self._trade(hour)
            self._deliver(hour, trades)

    def _observe(self, hour: int) -> None:
        self.forecaster.observe(hour * HOUR_S, self.load_wh[:, hour].tolist(), self.pv_wh[:, hour].tolist())

    def _tariff(self, hour: int) -> GridTariff:
        price = int(self.prices[min(hour, len(self.prices) - 1)])
        return GridTariff(price, EXPORT_UEUR_PER_KWH, price, EXPORT_UEUR_PER_KWH)

    def _trade(self, hour: int) -> list[Trade]:
        interval = hour * HOUR_S
        gate = self.market.config.gate_closure(interval)
        self._do(OpenInterval(interval), gate - QUOTES_BEFORE_GATE_S[0])
        tariffs = [self._tariff(hour + step) for step in range(HORIZON_H)]
        forecasts = self.forecaster.forecasts(interval, HORIZON_H)
        trades: list[Trade] = []
        for before in QUOTES_BEFORE_GATE_S:
            for home, agent in enumerate(self.agents):
                first = before == QUOTES_BEFORE_GATE_S[0]
                now = gate - before
                wanted = (
                    agent.orders(now, interval, tariffs, forecasts[home])
                    if first
                    else agent.requote(now, interval, *self._best(interval))
                )
                trades += self._replace(home, interval, wanted, now)
                for party, trader in enumerate(self.agents):
                    trader.contracted(interval, _position(trades, party))
        self._close(hour, interval, trades)
        return trades

    def _replace(self, home: int, interval: int, wanted: tuple[OrderProposal, ...], now: int) -> list[Trade]:
        """Let a home's orders in the book be what it wants, and return the trades that this makes."""
        for resting in self.market.resting_orders(_address(home)):
            self._do(CancelOrder(_address(home), resting.digest, bytes(65)), now)
        trades = []
        for proposal in wanted:
            self.nonce += 1
            price = self._price(home, proposal)
            order = Order(
                _address(home),
                interval,
                proposal.side,
                proposal.quantity_wh,
                price,
                TimeInForce.GOOD_TILL_GATE,
                self.nonce,
                0,
            )
            digest = Digest(self.nonce.to_bytes(32, "big"))
            trades += [each for each in self._do(PlaceOrder(order, digest, bytes(65)), now) if isinstance(each, Trade)]
        return trades

    def _price(self, home: int, proposal: OrderProposal) -> int:
        """Return the limit that a home bids: its own, or for a false bidder one that is better for it."""
        limit = proposal.limit_price_ueur_per_kwh
        if not self.false_bidders or home % FALSE_EVERY:
            return limit
        band = int(self.prices[proposal.interval // HOUR_S]) - EXPORT_UEUR_PER_KWH
        shift = band * FALSE_SHIFT_PERMILLE // 1_000 // 1_000 * 1_000
        return limit + shift if proposal.side == Side.SELL else max(limit - shift, 0)

    def _close(self, hour: int, interval: int, trades: list[Trade]) -> None:
        traded_wh = sum(trade.quantity_wh for trade in trades)
        turnover = sum(trade.quantity_wh * trade.price_ueur_per_kwh for trade in trades)
        best = self._best(interval)
        for agent in self.agents:
            agent.learn_price(interval, self._tariff(hour), traded_wh, turnover // traded_wh if trades else None, *best)
        self._do(CloseGate(interval), self.market.config.gate_closure(interval))
        self._do(ReleaseInterval(interval), interval)
        self.traded_kwh += traded_wh / 1e3

    def _deliver(self, hour: int, trades: list[Trade]) -> None:
        drawn_wh = self._lived(hour, [_position(trades, home) for home in range(len(SOUND))])
        interval, price = hour * HOUR_S, int(self.prices[hour])
        metered = [
            Metered(_address(home), _meter(home), Source.SOLAR, max(0, wh), max(0, -wh), final=True)
            for home, wh in enumerate(drawn_wh)
        ]
        tariff = Tariff(interval, price, EXPORT_UEUR_PER_KWH, price, EXPORT_UEUR_PER_KWH)
        for sharing, bills in ((Sharing.NONE, self.bills_eur), (Sharing.IN_PROPORTION, self.shared_bills_eur)):
            settled = settle_interval(trades, metered, tariff, SUPPLIER, Terms(sharing=sharing))
            assert isinstance(settled, IntervalSettlement)
            bills -= [settled.nets.get(_address(home), 0) / 1e9 for home in range(len(SOUND))]
        street_wh = sum(drawn_wh)
        self.netted_bill_eur += street_wh * (price if street_wh > 0 else EXPORT_UEUR_PER_KWH) / 1e9

    def _lived(self, hour: int, positions_wh: list[int]) -> list[int]:
        """Live an hour in steps, and return what each home drew less what it fed in."""
        interval = hour * HOUR_S
        net_wh = (self.load_wh[:, hour] - self.pv_wh[:, hour]).tolist()
        drawn_wh, moved_wh, told = [0] * len(SOUND), [0] * len(SOUND), list[Balance]()
        for step in range(HOUR_S // STEP_S):
            now, before_wh = interval + step * STEP_S, sum(drawn_wh)
            for home, agent in enumerate(self.agents):
                answer = self.answers[home]
                answer.begin(interval, now)
                if self.answering and step > STEPS_LATE:
                    answer.hear(told[step - 1 - STEPS_LATE], now, interval + HOUR_S, RATING_W)
                agent.steer(
                    interval, now, Underway(net_wh[home], drawn_wh[home], moved_wh[home], positions_wh[home]), answer
                )
                asked_wh = {part: power_w * STEP_S // HOUR_S for part, power_w in agent.asked_w.items()}
                agent.plant.believed(asked_wh, now, STEP_S)
                moved_wh[home] += agent.plant.drawn_wh(BATTERY.name)
                lived_wh = net_wh[home] * (now + STEP_S - interval) // HOUR_S
                drawn_wh[home] = lived_wh + moved_wh[home]
            power_w = (sum(drawn_wh) - before_wh) * HOUR_S // STEP_S
            told.append(Balance(interval, now, now + STEP_S, sum(drawn_wh), power_w, RATING_W * len(SOUND)))
        for agent in self.agents:
            agent.delivered(interval)
        return drawn_wh

    def _best(self, interval: int) -> tuple[int | None, int | None]:
        bids, asks = self.market.book_depth(interval, 1)
        return (bids[0][0] if bids else None), (asks[0][0] if asks else None)

    def _do(self, command: object, now: int) -> tuple[object, ...]:
        answer = apply(self.market, command, now)  # type: ignore[arg-type]
        if not isinstance(answer, Accepted):
            raise SystemExit(f"the market refused {command}: {answer}")
        return tuple(answer.events)


def parts() -> dict[str, Part]:
    """Return each fortnight, on each street, to be lived one after the other."""
    return {
        f"auction_{first_day}_{street}": partial(_bills, first_day, street)
        for first_day in FIRST_DAYS
        for street in STREETS
    }


def _bills(first_day: int, street: str) -> Measured:
    """Return the bills of a fortnight: of each home through the auction, and of the street in other ways."""
    net, price = _fortnight(first_day)
    nothing, known = float(_bill(net, price).sum()), pooled_foresight(net.sum(axis=0), price)
    fortnight = Auction(24 * first_day, *STREETS[street])
    fortnight.run(24 * DAYS)
    saved = float(nothing - fortnight.bills_eur.sum()) / (nothing - known)
    say(f"  from day {first_day}, {street}: {saved:.4f}")
    bills = (fortnight.bills_eur, fortnight.shared_bills_eur, np.array([fortnight.netted_bill_eur]))
    name = f"bills_eur_{first_day}"
    found: Measured = {name: f"{nothing:.6f} {known:.6f}"}
    for way, each in zip(SETTLED, bills, strict=True):
        found[f"{name}_{street}{way}"] = " ".join(f"{bill:.6f}" for bill in each)
    return found


def whole(found: Measured) -> Measured:
    """Return the share of foresight's saving, and who pays more than alone."""
    alone, ends = np.zeros(len(SOUND)), np.zeros(2)
    bills = {f"{street}{way}": np.zeros(1 if way == "_netted" else len(SOUND)) for street in STREETS for way in SETTLED}
    for first_day in FIRST_DAYS:
        alone += self_consumption(*_fortnight(first_day))
        ends += _numbers(found.pop(f"bills_eur_{first_day}"))
        for name, summed in bills.items():
            summed += _numbers(found.pop(f"bills_eur_{first_day}_{name}"))
    nothing, foresight = ends.tolist()

    def share(each: Floats) -> float:
        return round(float(nothing - each.sum()) / (nothing - foresight), 4)

    def worse(each: Floats) -> int:
        return int((each > alone + 1e-6).sum())

    sums = (nothing, float(alone.sum()), float(bills["false_shared"].sum()), foresight)
    return {
        "market_share_of_foresight": share(bills["false_shared"]),
        "market_share_of_foresight_truthful": share(bills["truthful_shared"]),
        "market_share_of_foresight_netted": share(bills["false_netted"]),
        "market_share_of_foresight_without_answers": share(bills["contract_shared"]),
        "market_share_of_foresight_without_answers_or_sharing": share(bills["contract"]),
        "self_consumption_share_of_foresight": share(alone),
        "members_worse_than_alone": worse(bills["truthful_shared"]),
        "members_worse_than_alone_false_bidders": worse(bills["false_shared"]),
        "members_worse_than_alone_without_answers": worse(bills["contract_shared"]),
        "market_bills_eur": " ".join(f"{bill:.1f}" for bill in sums),
    }


def _fortnight(first_day: int) -> tuple[Floats, Floats]:
    """Return what the homes use less their sun, and what energy costs, through a fortnight."""
    hours, year = slice(24 * first_day, 24 * (first_day + DAYS)), street_year()
    return year.net_kwh[list(SOUND)][:, hours], year.price_eur_per_kwh[hours]


def _numbers(text: float | int | str) -> Floats:
    return np.array(str(text).split(), dtype=np.float64)


def _bill(net_kwh: Floats, price: Floats) -> Floats:
    bill: Floats = (np.maximum(net_kwh, 0) * price - np.maximum(-net_kwh, 0) * EXPORT_UEUR_PER_KWH / 1e6).sum(axis=-1)
    return bill


def self_consumption(net_kwh: Floats, price: Floats) -> Floats:
    """Return each home's bill when it stores every surplus and serves every deficit, alone."""
    capacity, power, way = CAPACITY_KWH, POWER_KW, ONE_WAY
    stored, after = np.zeros(len(net_kwh)), net_kwh.copy()
    for hour in range(net_kwh.shape[1]):
        out = np.minimum(np.minimum(np.maximum(net_kwh[:, hour], 0), power), stored * way)
        into = np.minimum(np.minimum(np.maximum(-net_kwh[:, hour], 0), power), (capacity - stored) / way)
        stored = stored - out / way + into * way
        after[:, hour] += into - out
    return _bill(after, price)


def pooled_foresight(net_kwh: Floats, price: Floats) -> float:
    """Return the least bill of the street when it knows all hours and shares all batteries."""
    homes, steps = len(SOUND), len(price)
    layer = make(
        "lithium",
        capacity_kwh=homes * CAPACITY_KWH,
        power_kw=homes * POWER_KW,
        charge_yield=ONE_WAY,
        discharge_yield=ONE_WAY,
        loss_per_month=0.0,
        wear_eur_per_kwh=1e-6,
    )
    model = Model([placed(layer, "B", {ELECTRICITY: ELECTRICITY})], [ELECTRICITY], steps, 1.0)
    exchange = Exchange(price, np.full(steps, EXPORT_UEUR_PER_KWH / 1e6), 1e4, 1e4)
    plan = solve(model, Conditions({ELECTRICITY: net_kwh}, {ELECTRICITY: exchange}, {"B/cells": 0.0}), None, 600.0)
    return plan.bill_eur


def _address(home: int) -> Address:
    return Address((home + 1).to_bytes(20, "big"))


def _meter(home: int) -> MeterId:
    return MeterId((home + 1).to_bytes(32, "big"))


def _position(trades: list[Trade], home: int) -> int:
    account = _address(home)
    return sum(trade.quantity_wh * ((trade.buyer == account) - (trade.seller == account)) for trade in trades)
