"""One site's agent: learns from its meter and from public prices, quotes for the next interval, drives its battery.

A pure state machine. It proposes; signing, submitting and cancelling are the node's. For each interval the node calls

1. `orders` when quoting opens and `requote` whenever the book moved or time has passed; the result replaces what the
   site has resting in the book;
2. `contracted` with what was traded;
3. `actuate` at delivery, with the energy as metered behind the connection;
4. `observe` with the reading, and `learn_price` with how the book closed, as soon as they are known.

Any of 2 and 4 may come late or never. The state is integers only and survives `to_json` / `from_json` exactly.
Units: Wh on the AC side, milli-Wh in the store, µ€/kWh, UTC epoch seconds; all int.
Refuses, with `ValueError`: intervals that go back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from dispatch.bidding import (
    OrderProposal,
    QuoteRules,
    Situation,
    charge_steps,
    discharge_steps,
    propose,
    requote,
)
from dispatch.forecast import SiteForecaster
from dispatch.planner import HORIZON_STEPS, Plan, Planner
from dispatch.price_shape import NOON_UTC_HOUR, PriceShape, closing_price
from dispatch.prices import GridTariff, exchange_prices
from dispatch.safety import UNBOUNDED_WH, GridBand, actuate
from dispatch.storage import Battery, BatterySpec
from energy.interval import QUARTER_HOUR_S


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """What a site is; fixed while it runs."""

    battery: BatterySpec | None
    rules: QuoteRules = field(default_factory=QuoteRules)
    length_s: int = QUARTER_HOUR_S
    gate_lead_s: int = 300
    """The gate closes this long before delivery starts; as in the market."""
    quoting_s: int = 600
    """Quotes concede from their opening price to the reservation price over this long before the gate closes, ≥ 1."""
    horizon_steps: int = HORIZON_STEPS
    """Longest plan, in intervals."""
    noon_utc_hour: int = NOON_UTC_HOUR
    """Hour of the UTC day, 0 to 23, in which the sun is highest here: when energy is cheap, until prices are known."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a site did in one interval."""

    import_wh: int
    """Drawn from the grid, ≥ 0."""
    export_wh: int
    """Fed into the grid, ≥ 0; never in the same interval as an import."""
    charge_wh: int
    discharge_wh: int
    stored_milliwh: int
    """Energy in the store at the end; 0 without a battery."""


@dataclass(slots=True)
class _Intention:
    """What was decided for an interval at quoting, for use at delivery."""

    load_wh: int
    """Forecast."""
    pv_wh: int
    """Forecast."""
    charge_worth_ueur_per_kwh: int
    """Worth of charging one more AC kWh."""
    discharge_cost_ueur_per_kwh: int
    """Cost of discharging one more AC kWh, wear included."""
    import_ueur_per_kwh: int
    export_ueur_per_kwh: int
    quoted_position_wh: int
    """Bought minus sold when the quotes were made."""
    position_wh: int
    """Bought minus sold so far."""

    def filled_wh(self) -> int:
        """Return what was traded since the quotes were made; they are on one side, so it only grows."""
        return abs(self.position_wh - self.quoted_position_wh)

    def band(self, position_wh: int) -> GridBand:
        """Return the exchanges at which the battery rests.

        What was contracted is always kept to. Beyond it, surplus is stored only where that is worth the export
        tariff, and load is served only where that costs no more than the import tariff.
        """
        stores_more = position_wh > 0 or self.charge_worth_ueur_per_kwh >= self.export_ueur_per_kwh
        serves_more = position_wh < 0 or self.discharge_cost_ueur_per_kwh <= self.import_ueur_per_kwh
        return GridBand(
            position_wh if stores_more else -UNBOUNDED_WH,
            position_wh if serves_more else UNBOUNDED_WH,
        )


class SiteAgent:
    """The agent of one site; hand all agents of a node the same `Planner`."""

    def __init__(self, config: SiteConfig, planner: Planner, stored_milliwh: int = 0) -> None:
        self.config = config
        self.last_plan: Plan | None = None
        """The newest plan, for display; not part of the state."""
        self._planner = planner
        self._forecaster = SiteForecaster(config.length_s)
        self._shape = PriceShape(config.length_s, _depth_prior_wh(config.battery), config.noon_utc_hour)
        self._stored_milliwh = stored_milliwh
        self._next_delivery = 0
        self._intentions: dict[int, _Intention] = {}
        self._quotes: dict[int, tuple[OrderProposal, ...]] = {}

    @property
    def battery(self) -> Battery | None:
        """The battery as the last `actuate` left it."""
        return None if self.config.battery is None else Battery(self.config.battery, self._stored_milliwh)

    def observe(self, interval: int, load_wh: int, pv_wh: int) -> None:
        """Learn from the metered load and solar production of one interval, in rising sequence."""
        self._forecaster.observe(interval, load_wh, pv_wh)

    def learn_price(
        self,
        interval: int,
        tariff: GridTariff,
        traded_wh: int,
        mean_ueur_per_kwh: int | None,
        best_bid_ueur_per_kwh: int | None = None,
        best_ask_ueur_per_kwh: int | None = None,
    ) -> None:
        """Learn from how the book of an interval closed: energy and mean price of its trades, and the best of what was
        left; None where there is none.
        """
        price = closing_price(mean_ueur_per_kwh, best_bid_ueur_per_kwh, best_ask_ueur_per_kwh)
        self._shape.observe(interval, tariff, price, traded_wh)

    def orders(
        self, now: int, interval: int, tariffs: Sequence[GridTariff], local_hint: int | None = None
    ) -> tuple[OrderProposal, ...]:
        """Plan afresh and return the quotes for one interval; none once its gate has closed.

        Args:
            now: UTC epoch seconds.
            interval: The interval to quote for; not delivered yet.
            tariffs: The supplier's prices of that interval and of those after it; the plan looks as far as they reach.
            local_hint: Local price known better than the learned one, µ€/kWh.
        """
        config = self.config
        if interval < self._next_delivery:
            raise ValueError(f"interval {interval} was delivered; the next one is {self._next_delivery}")
        if now >= interval - config.gate_lead_s:
            return ()
        steps = min(config.horizon_steps, len(tariffs))
        forecast = self._forecaster.forecast(interval, steps)
        local = [
            self._shape.expected(interval + i * config.length_s, tariff) for i, tariff in enumerate(tariffs[:steps])
        ]
        if local_hint is not None:
            local[0] = replace(local[0], price_ueur_per_kwh=local_hint)
        battery = self._battery_at(interval)
        plan = self._planner.plan(battery, forecast, exchange_prices(tariffs[:steps], local))
        earlier = self._intentions.get(interval)
        situation = Situation(
            interval=interval,
            load_wh=forecast.load_wh[0],
            pv_wh=forecast.pv_wh[0],
            error_wh=self._forecaster.error_wh,
            tariff=tariffs[0],
            expected_price_ueur_per_kwh=local[0].price_ueur_per_kwh,
            battery=battery,
            value=plan.value,
            position_wh=0 if earlier is None else earlier.position_wh,
            length_s=config.length_s,
        )
        self.last_plan = plan
        self._intentions[interval] = _intention(situation)
        self._quotes[interval] = propose(situation, config.rules)
        return self.requote(now, interval)

    def requote(
        self,
        now: int,
        interval: int,
        best_bid_ueur_per_kwh: int | None = None,
        best_ask_ueur_per_kwh: int | None = None,
    ) -> tuple[OrderProposal, ...]:
        """Return what should rest in the book by now, without planning again; none once the gate has closed."""
        left_s = interval - self.config.gate_lead_s - now
        if left_s <= 0 or interval not in self._quotes:
            return ()
        progress_permille = (self.config.quoting_s - left_s) * 1_000 // self.config.quoting_s
        return requote(
            self._quotes[interval],
            self.config.rules,
            progress_permille,
            self._intentions[interval].filled_wh(),
            best_bid_ueur_per_kwh,
            best_ask_ueur_per_kwh,
        )

    def contracted(self, interval: int, position_wh: int) -> None:
        """Note what was traded so far for an interval that was quoted: bought minus sold."""
        if interval in self._intentions:
            self._intentions[interval].position_wh = position_wh

    def actuate(self, interval: int, load_wh: int, pv_wh: int, position_wh: int) -> Exchange:
        """Drive the battery through one interval and return what crosses the connection.

        Args:
            interval: In rising sequence.
            load_wh: Energy used, ≥ 0.
            pv_wh: Solar energy produced, ≥ 0.
            position_wh: Contracted exchange, bought minus sold.
        """
        if interval < self._next_delivery:
            raise ValueError(f"interval {interval} was delivered; the next one is {self._next_delivery}")
        charge_wh = discharge_wh = 0
        battery = self.battery
        if battery is not None:
            charge_wh, discharge_wh = actuate(
                battery, self._band(interval, position_wh), load_wh, pv_wh, self.config.length_s
            )
            self._stored_milliwh = battery.step(charge_wh, discharge_wh, self.config.length_s).stored_milliwh
        self._next_delivery = interval + self.config.length_s
        self._intentions = {start: kept for start, kept in self._intentions.items() if start > interval}
        self._quotes = {start: kept for start, kept in self._quotes.items() if start > interval}
        net_wh = load_wh + charge_wh - pv_wh - discharge_wh
        return Exchange(max(0, net_wh), max(0, -net_wh), charge_wh, discharge_wh, self._stored_milliwh)

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON values, integers only."""
        return {
            "forecaster": self._forecaster.to_json(),
            "shape": self._shape.to_json(),
            "stored_milliwh": self._stored_milliwh,
            "next_delivery": self._next_delivery,
            "intentions": [[interval, asdict(kept)] for interval, kept in self._intentions.items()],
            "quotes": [[interval, [quote.to_json() for quote in kept]] for interval, kept in self._quotes.items()],
        }

    @classmethod
    def from_json(cls, config: SiteConfig, planner: Planner, state: Mapping[str, Any]) -> Self:
        """Return the agent that `to_json` described, for the same configuration."""
        agent = cls(config, planner, state["stored_milliwh"])
        agent._forecaster = SiteForecaster.from_json(state["forecaster"])
        agent._shape = PriceShape.from_json(state["shape"])
        agent._next_delivery = state["next_delivery"]
        agent._intentions = {interval: _Intention(**kept) for interval, kept in state["intentions"]}
        agent._quotes = {
            interval: tuple(OrderProposal.from_json(quote) for quote in kept) for interval, kept in state["quotes"]
        }
        return agent

    def _band(self, interval: int, position_wh: int) -> GridBand:
        """Return the dead band of an interval; without an intention the battery follows the contract both ways."""
        intention = self._intentions.get(interval)
        return GridBand(position_wh, position_wh) if intention is None else intention.band(position_wh)

    def _battery_at(self, interval: int) -> Battery | None:
        """Return the battery as expected when an interval begins: intervals still to be delivered go as intended."""
        battery = self.battery
        if battery is None:
            return None
        for start, intention in sorted(self._intentions.items()):
            if start < interval:
                band = intention.band(intention.position_wh)
                charge_wh, discharge_wh = actuate(
                    battery, band, intention.load_wh, intention.pv_wh, self.config.length_s
                )
                battery = battery.step(charge_wh, discharge_wh, self.config.length_s)
        return battery


def _intention(situation: Situation) -> _Intention:
    tariff = situation.tariff
    charge = charge_steps(situation)
    discharge = discharge_steps(situation)
    return _Intention(
        load_wh=situation.load_wh,
        pv_wh=situation.pv_wh,
        charge_worth_ueur_per_kwh=charge[0].worth_ueur_per_kwh if charge else tariff.export_ueur_per_kwh,
        discharge_cost_ueur_per_kwh=discharge[0].worth_ueur_per_kwh if discharge else tariff.import_ueur_per_kwh,
        import_ueur_per_kwh=tariff.import_ueur_per_kwh,
        export_ueur_per_kwh=tariff.export_ueur_per_kwh,
        quoted_position_wh=situation.position_wh,
        position_wh=situation.position_wh,
    )


def _depth_prior_wh(battery: BatterySpec | None) -> int:
    """Return the local trade to expect per interval before any was seen: what fills the battery in 24 intervals."""
    return 0 if battery is None else battery.capacity_wh // 24
