"""One site's agent: plans its devices, quotes for the next interval, and drives them by the meter.

A pure state machine. It proposes; signing, submitting and cancelling are the node's. For each interval the node calls

1. `orders` when quoting opens, with a forecast, and `requote` whenever the book moved or time has passed; the result
   replaces what the site has resting in the book;
2. `contracted` with what was traded;
3. `actuate` at delivery, with the energy as metered behind the connection;
4. `learn_price` with how the book closed, as soon as it is known.

2 and 4 may come late or never. The state is integers only and survives `to_json` / `from_json` exactly.
Units: Wh metered, milli-Wh in stores, µ€/kWh, UTC epoch seconds; all int.
Refuses, with `ValueError`: intervals that go back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any, Self

from dispatch.answering import Answer, Rest, drive_answering
from dispatch.bidding import OrderProposal, QuoteRules, Situation, propose, requote
from dispatch.driving import STEERED_S_MIN, Exchange, Intention, Underway, drive, run_slow
from dispatch.goals import BILL_ALONE
from dispatch.island.sharing import CRITICAL, Load, share_out
from dispatch.plant import Device, Plant, Stay
from dispatch.price_shape import NOON_UTC_HOUR, PriceShape, closing_price
from dispatch.prices import GridTariff, exchange_prices
from dispatch.site_plan import CONNECTION_KW, SiteForecast, SitePlan, SitePlanner
from energy.interval import QUARTER_HOUR_S


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """What a site is; fixed while it runs."""

    devices: tuple[Device, ...] = ()
    rules: QuoteRules = field(default_factory=QuoteRules)
    length_s: int = QUARTER_HOUR_S
    gate_lead_s: int = 300
    """The gate closes this long before delivery starts; as in the market."""
    quoting_s: int = 600
    """Quotes concede from their opening price to the reservation price over this long before the gate closes, ≥ 1."""
    noon_utc_hour: int = NOON_UTC_HOUR
    """Hour of the UTC day, 0 to 23, in which the sun is highest here: when energy is cheap, until prices are known."""
    import_max_kw: float = CONNECTION_KW
    export_max_kw: float = CONNECTION_KW
    depth_prior_wh: int | None = None
    """Local trade to expect per interval before any was seen; None for what fills the stores in 24 intervals."""


class SiteAgent:
    """The agent of one site; hand all agents of a node the same `SitePlanner`."""

    def __init__(self, config: SiteConfig, planner: SitePlanner, contents_milliwh: Mapping[str, int] | None = None):
        self.config = config
        self.plant = Plant(config.devices, contents_milliwh)
        self.last_plan: SitePlan | None = None
        """The newest plan, for display; not part of the state."""
        self.goals = BILL_ALONE
        """What counts besides the bill in plans to come; not part of the state."""
        self.asked_w: dict[str, int] = {}
        """What each converter was asked for when devices were steered last, in the unit of `Plant.run` an hour."""
        self._planner = planner
        self._shape = PriceShape(config.length_s, _depth_prior_wh(config, self.plant), config.noon_utc_hour)
        self._next_delivery = 0
        self._intentions: dict[int, Intention] = {}
        self._quotes: dict[int, tuple[OrderProposal, ...]] = {}

    def plugged(self, device: str, until: int, wanted_milliwh: int, content_milliwh: int | None = None) -> None:
        """Note that a car has come: when it will leave, what it needs then, and what it says it holds."""
        self.plant.stays[device] = Stay(until, wanted_milliwh)
        for name in self.plant.stores:
            if content_milliwh is not None and name.startswith(device + "/"):
                self.plant.reported(name, content_milliwh)

    def unplugged(self, device: str) -> None:
        """Note that a car has left."""
        self.plant.stays.pop(device, None)

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
        self,
        now: int,
        interval: int,
        tariffs: Sequence[GridTariff],
        forecast: SiteForecast,
        local_hint: int | None = None,
        carbon_g_per_kwh: Sequence[int] = (),
    ) -> tuple[OrderProposal, ...]:
        """Plan afresh and return the quotes for one interval; none once its gate has closed.

        Args:
            now: UTC epoch seconds.
            interval: The interval to quote for; not delivered yet.
            tariffs: The supplier's prices of that interval and of those after it; the plan looks as far as they and
                the forecast reach.
            forecast: Begins with that interval.
            local_hint: Local price known better than the learned one, µ€/kWh.
            carbon_g_per_kwh: Of the supplier's energy, as far as the tariffs; empty when unknown.
        """
        config = self.config
        if interval < self._next_delivery:
            raise ValueError(f"interval {interval} was delivered; the next one is {self._next_delivery}")
        if now >= interval - config.gate_lead_s:
            return ()
        steps = min(len(forecast.load_wh), len(tariffs))
        tariffs = tariffs[:steps]
        local = [self._shape.expected(interval + i * config.length_s, tariff) for i, tariff in enumerate(tariffs)]
        if local_hint is not None:
            local[0] = replace(local[0], price_ueur_per_kwh=local_hint)
        plant = self._plant_at(interval)
        self.last_plan = plan = self._planner.plan(
            plant,
            _cut(forecast, steps),
            exchange_prices(tariffs, local),
            (config.import_max_kw, config.export_max_kw),
            self.goals,
            carbon_g_per_kwh[:steps],
        )
        earlier = self._intentions.get(interval)
        position_wh = 0 if earlier is None else earlier.position_wh
        if plan is None:
            self._intentions.pop(interval, None)
            self._quotes.pop(interval, None)
            return ()
        slow_wh = run_slow(plant, plan.setpoints_wh, interval, config.length_s)
        net_wh = forecast.net_wh + slow_wh
        situation = Situation(
            interval=interval,
            net_wh=net_wh,
            errors_wh=forecast.errors_wh,
            tariff=tariffs[0],
            expected_price_ueur_per_kwh=local[0].price_ueur_per_kwh,
            curve=plan.curve,
            cover_wh=plant.discharge(2**40, interval, config.length_s),
            position_wh=position_wh,
        )
        least, most = plan.curve.least_wh - net_wh, plan.curve.most_wh - net_wh
        self._intentions[interval] = Intention(
            net_wh=forecast.net_wh,
            setpoints_wh=plan.setpoints_wh,
            forced_wh=max(0, least) + min(0, most),
            charges=most > 0,
            discharges=least < 0,
            quoted_position_wh=position_wh,
            position_wh=position_wh,
            at_shared_wh=plan.curve.at(tariffs[0].shared_ueur_per_kwh) - net_wh,
        )
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
        """Drive the devices through one interval and return what crosses the connection.

        What is followed, `dispatch.driving.drive` says.

        Args:
            interval: In rising sequence.
            load_wh: Energy used, ≥ 0.
            pv_wh: Solar energy produced, ≥ 0.
            position_wh: Contracted exchange, bought minus sold.
        """
        if interval < self._next_delivery:
            raise ValueError(f"interval {interval} was delivered; the next one is {self._next_delivery}")
        kept = self._intended(interval)
        exchange = drive(self.plant, interval, self.config.length_s, kept, load_wh - pv_wh, position_wh)
        self.delivered(interval)
        return exchange

    def delivered(self, interval: int) -> None:
        """Note that an interval is over, whose devices `steer` drove and whose contents are told."""
        self._next_delivery = interval + self.config.length_s
        self._intentions = {start: kept for start, kept in self._intentions.items() if start > interval}
        self._quotes = {start: kept for start, kept in self._quotes.items() if start > interval}

    def steer(self, interval: int, now: int, seen: Underway, answer: Answer | None = None) -> dict[str, int]:
        """Return the power (W, drawn > 0) of each device for the rest of an interval; nothing of the agent is changed.

        As in `actuate`, what was agreed for the whole interval is followed: what went otherwise so far is made good.

        Args:
            interval: The one that is under way.
            now: UTC epoch seconds, within it.
            seen: What the meters say.
            answer: To the balance of the street, as far as it was heard; see `drive_answering`. None for none.
        """
        length_s = max(STEERED_S_MIN, interval + self.config.length_s - now)
        kept = self._intended(interval)
        answer = answer or Answer()
        answer.begin(interval, now)
        moved_wh = seen.moved_wh - answer.given_wh
        forced_wh = kept.forced_wh - moved_wh
        kept = replace(
            kept,
            forced_wh=max(0, forced_wh) if kept.forced_wh > 0 else min(0, forced_wh) if kept.forced_wh < 0 else 0,
            setpoints_wh={name: wh * length_s // self.config.length_s for name, wh in kept.setpoints_wh.items()},
        )
        rest = Rest(
            now=now,
            length_s=length_s,
            net_wh=seen.net_w * length_s // 3_600,
            left_wh=seen.position_wh - seen.exchange_wh + answer.given_wh,
            moved_wh=moved_wh,
            draws_wh=int(self.config.import_max_kw * 1e3) * length_s // 3_600,
            feeds_wh=int(self.config.export_max_kw * 1e3) * length_s // 3_600,
        )
        plant = self.plant.copy()
        drive_answering(plant, rest, kept, answer)
        return self._powers_w(plant, length_s)

    def steer_island(self, interval: int, now: int, seen: Underway, exchange_w: int | None = None) -> dict[str, int]:
        """Return the power of each device while the grid is lost, or comes back; see `steer`.

        What the home uses is critical and comes first (D2): stores give for it, and for what was sold to neighbours.
        Everything else, cars that must leave and what the plan would run, shares what the sun and neighbours leave.

        Args:
            interval: The one that is under way.
            now: UTC epoch seconds, within it.
            seen: What the meters say.
            exchange_w: What may cross the connection; None for what was agreed with neighbours.
        """
        length_s = max(STEERED_S_MIN, interval + self.config.length_s - now)
        plant = self.plant.copy()
        plant.keep(length_s)
        planned = self._intended(interval).setpoints_wh
        wishes = {name: max(0, planned.get(name, 0)) * length_s // self.config.length_s for name in plant.slow}
        net_wh = seen.net_w * length_s // 3_600
        left_wh = seen.position_wh - seen.exchange_wh if exchange_w is None else exchange_w * length_s // 3_600
        loads = [Load(name, CRITICAL + 1, wh) for name, wh in wishes.items() if plant.draws_wh(name, wh) > 0]
        wishes |= share_out(loads, max(0, left_wh - net_wh))
        net_wh += sum(plant.draws_wh(name, plant.run(name, wh, now, length_s)) for name, wh in wishes.items())
        if net_wh < left_wh:
            plant.charge(left_wh - net_wh, -net_wh, now, length_s)
        else:
            plant.discharge(net_wh - left_wh, now, length_s)
        return self._powers_w(plant, length_s)

    def _powers_w(self, plant: Plant, length_s: int) -> dict[str, int]:
        self.asked_w = {name: wh * 3_600 // length_s for name, wh in plant.done_wh.items()}
        return {device.name: plant.mean_w(device.name, length_s) for device in plant.devices}

    def _intended(self, interval: int) -> Intention:
        """Return what was decided for an interval; without a plan the contract is followed both ways."""
        return self._intentions.get(interval) or Intention(0, {}, 0, True, True, 0, 0)

    def _plant_at(self, interval: int) -> Plant:
        """Return the devices as expected when an interval begins: what is still to be delivered goes as intended."""
        plant = self.plant.copy()
        for start, intention in sorted(self._intentions.items()):
            if start < interval:
                drive(plant, start, self.config.length_s, intention, intention.net_wh, intention.position_wh)
        return plant

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON values, integers and text only."""
        return {
            "contents": dict(self.plant.contents),
            "stays": {name: list(astuple(stay)) for name, stay in self.plant.stays.items()},
            "shape": self._shape.to_json(),
            "next_delivery": self._next_delivery,
            "intentions": [[interval, asdict(kept)] for interval, kept in self._intentions.items()],
            "quotes": [[interval, [quote.to_json() for quote in kept]] for interval, kept in self._quotes.items()],
        }

    @classmethod
    def from_json(cls, config: SiteConfig, planner: SitePlanner, state: Mapping[str, Any]) -> Self:
        """Return the agent that `to_json` described, for the same configuration."""
        agent = cls(config, planner, state["contents"])
        agent.plant.stays = {name: Stay(*values) for name, values in state["stays"].items()}
        agent._shape = PriceShape.from_json(state["shape"])
        agent._next_delivery = state["next_delivery"]
        agent._intentions = {interval: Intention(**kept) for interval, kept in state["intentions"]}
        agent._quotes = {
            interval: tuple(OrderProposal.from_json(quote) for quote in kept) for interval, kept in state["quotes"]
        }
        return agent


def _cut(forecast: SiteForecast, steps: int) -> SiteForecast:
    return replace(
        forecast,
        load_wh=forecast.load_wh[:steps],
        pv_wh=forecast.pv_wh[:steps],
        heat_wh=forecast.heat_wh[:steps],
        wind_wh=forecast.wind_wh[:steps],
    )


def _depth_prior_wh(config: SiteConfig, plant: Plant) -> int:
    if config.depth_prior_wh is not None:
        return config.depth_prior_wh
    return round(sum(store.capacity_kwh for store in plant.stores.values()) * 1e3) // 24
