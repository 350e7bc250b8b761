"""A neighbourhood without a node: site agents on real homes, the real matching engine, the real settlement."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from dispatch.driving import Exchange
from dispatch.plant import Device
from dispatch.site import SiteAgent, SiteConfig
from dispatch.site_plan import SitePlanner
from dispatch.street_forecast import StreetForecaster
from energy.identity import Address, MeterId
from market.commands import AdmitAccount, CancelOrder, CloseGate, OpenInterval, PlaceOrder, ReleaseInterval
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import Trade
from market.metered import Metered, Source
from market.orders import Order, TimeInForce
from market.settlement import IntervalSettlement, Tariff, settle_interval
from tests.support.market import SIGNATURE, accepted, address, digest
from tests.support.sierra_crest import QUARTERS_PER_DAY, quarter_wh, tariff

INTERVAL_S = 900
METERED_LAG = 2
"""A quarter-hour's readings are known two quarter-hours later, before the gate of the next one closes."""
ROUNDS_S = (600, 400, 200, 1)
"""When the agents quote, seconds before the gate closes."""
SUPPLIER = address(9_999)


@dataclass
class Neighbourhood:
    """Homes by their column in the data; `None` is a participant with neither load nor sun."""

    homes: Sequence[int | None]
    devices: Sequence[tuple[Device, ...]]
    trading: bool = True
    horizon_steps: int = 64
    agents: list[SiteAgent] = field(init=False)
    bills_neur: list[int] = field(init=False)
    exchanges: list[list[Exchange]] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    _market: MarketState = field(init=False)

    def __post_init__(self) -> None:
        planner = SitePlanner(INTERVAL_S)
        self.agents = [SiteAgent(SiteConfig(devices), planner) for devices in self.devices]
        self._forecaster: StreetForecaster | None = None
        self.bills_neur = [0] * len(self.agents)
        self._market = MarketState(MarketConfig())
        self._nonces = count()
        for number in range(len(self.agents)):
            accepted(apply(self._market, AdmitAccount(address(number), 10**15), 0))

    def energies_wh(self, site: int, quarter: int) -> tuple[int, int]:
        """Return load and solar production of a site in a quarter of the year."""
        home = self.homes[site]
        return (0, 0) if home is None else (quarter_wh("load_wh", home, quarter), quarter_wh("pv_wh", home, quarter))

    def learn(self, first_quarter: int, last_quarter: int) -> None:
        """Show the readings of past quarters, the last one excluded."""
        if self._forecaster is None:
            horizon_s = (self.horizon_steps + METERED_LAG) * INTERVAL_S
            self._forecaster = StreetForecaster(len(self.agents), first_quarter * INTERVAL_S, INTERVAL_S, horizon_s)
        for quarter in range(first_quarter, last_quarter):
            energies = [self.energies_wh(site, quarter) for site in range(len(self.agents))]
            self._forecaster.observe(quarter * INTERVAL_S, *zip(*energies, strict=True))

    def live(self, first_quarter: int, quarters: int = QUARTERS_PER_DAY) -> None:
        """Trade, deliver and settle consecutive quarters."""
        for quarter in range(first_quarter, first_quarter + quarters):
            self.learn(quarter - METERED_LAG, quarter - METERED_LAG + 1)
            trades = self._trade(quarter)
            self._deliver(quarter, trades)
            self.trades += trades

    def _trade(self, quarter: int) -> list[Trade]:
        interval = quarter * INTERVAL_S
        gate = self._market.config.gate_closure(interval)
        tariffs = [tariff(quarter + step) for step in range(self.horizon_steps)]
        accepted(apply(self._market, OpenInterval(interval), gate - ROUNDS_S[0]))
        assert self._forecaster is not None
        forecasts = self._forecaster.forecasts(interval, self.horizon_steps)
        trades: list[Trade] = []
        for before_gate in ROUNDS_S:
            for site, agent in enumerate(self.agents):
                now = gate - before_gate
                proposals = (
                    agent.orders(now, interval, tariffs, forecasts[site])
                    if before_gate == ROUNDS_S[0]
                    else agent.requote(now, interval, *self._best(interval))
                )
                for resting in self._market.resting_orders(address(site)):
                    accepted(apply(self._market, CancelOrder(address(site), resting.digest, SIGNATURE), now))
                for proposal in proposals if self.trading else ():
                    nonce = next(self._nonces)
                    order = Order(
                        address(site),
                        interval,
                        proposal.side,
                        proposal.quantity_wh,
                        proposal.limit_price_ueur_per_kwh,
                        TimeInForce.GOOD_TILL_GATE,
                        nonce,
                        0,
                    )
                    events = accepted(apply(self._market, PlaceOrder(order, digest(nonce), SIGNATURE), now))
                    trades += [event for event in events if isinstance(event, Trade)]
                for party, trader in enumerate(self.agents):
                    trader.contracted(interval, position_wh(trades, address(party)))
        self._close(quarter, trades)
        return trades

    def _close(self, quarter: int, trades: Sequence[Trade]) -> None:
        interval = quarter * INTERVAL_S
        traded_wh = sum(trade.quantity_wh for trade in trades)
        turnover = sum(trade.quantity_wh * trade.price_ueur_per_kwh for trade in trades)
        best = self._best(interval)
        for agent in self.agents:
            agent.learn_price(interval, tariff(quarter), traded_wh, turnover // traded_wh if trades else None, *best)
        accepted(apply(self._market, CloseGate(interval), self._market.config.gate_closure(interval)))
        accepted(apply(self._market, ReleaseInterval(interval), interval))

    def _deliver(self, quarter: int, trades: Sequence[Trade]) -> None:
        interval = quarter * INTERVAL_S
        metered = []
        self.exchanges.append([])
        for site, agent in enumerate(self.agents):
            position = position_wh(trades, address(site))
            exchange = agent.actuate(interval, *self.energies_wh(site, quarter), position)
            self.exchanges[-1].append(exchange)
            meter = MeterId(site.to_bytes(32, "big"))
            metered.append(
                Metered(address(site), meter, Source.SOLAR, exchange.import_wh, exchange.export_wh, final=True)
            )
        prices = tariff(quarter)
        settled = settle_interval(
            trades,
            metered,
            Tariff(
                interval,
                prices.import_ueur_per_kwh,
                prices.export_ueur_per_kwh,
                prices.short_ueur_per_kwh,
                prices.long_ueur_per_kwh,
            ),
            SUPPLIER,
        )
        assert isinstance(settled, IntervalSettlement), str(settled)
        for site in range(len(self.agents)):
            self.bills_neur[site] -= settled.nets.get(address(site), 0)

    def _best(self, interval: int) -> tuple[int | None, int | None]:
        bids, asks = self._market.book_depth(interval, 1)
        return (bids[0][0] if bids else None), (asks[0][0] if asks else None)


def position_wh(trades: Sequence[Trade], account: Address) -> int:
    """Return bought minus sold."""
    bought = sum(trade.quantity_wh for trade in trades if trade.buyer == account)
    return bought - sum(trade.quantity_wh for trade in trades if trade.seller == account)
