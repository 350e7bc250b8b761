"""One year of each layer in closed loop: what hydrogen, molten salt, sand, a biogas CHP and cars save, each alone.

15 sound homes behind one transformer, with their batteries, a heat network and the year's tariff, hour by hour. Each
hour is planned afresh over 36 h: the running hour is metered, what comes is forecast from the past only (load and sun
by `dispatch.forecasting`, heat as yesterday). Starts and least loads are in the plan, in whole numbers, and each start
is paid; planned without them, hydrogen and the CHP make a year dearer. Stores begin at their floor, which belongs to
the device like its steel. The batteries, which follow the meter, then bring the exchange to what was planned. The data
has no heat demand: it is made of a season, a day and noise by a seed,
8 kWh of heat a day and home in summer (hot water) and 40 in winter. Without the layers a heat pump of 12 kW and a gas
boiler (0.12 €/kWh) give the heat. `gain_X` is the share of the year's bill that X saves, wear and starts included,
investment not; what is left in a store at the end counts for nothing. For cars the bill to beat has them charged at
full power when they come.

Run it with `--only layers_year`; each year is kept by `--keep`, and how far it is is said once in thirty days.
"""

import csv
import gzip
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured, Part, say
from benchmarks.dispatch.outages import SESSIONS
from benchmarks.dispatch.street import HOURS, SOUND, street_year
from dispatch.forecasting.features import Floats
from dispatch.layers import make
from dispatch.optimiser.conditions import Conditions, Exchange
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import ELECTRICITY, HEAT, NOWHERE, Converter, Layer
from dispatch.optimiser.planning import solve
from dispatch.plant import Device, Plant, Stay
from dispatch.street_forecast import StreetForecaster

HOUR_S: Final = 3_600
HORIZON: Final = 36
LEARNED_H: Final = 14 * 24
SAID_H: Final = 30 * 24
EXPORT: Final = 0.05
BATTERY: Final = Device("battery", make("lithium", capacity_kwh=6.4 * len(SOUND), power_kw=5.0 * len(SOUND)))
PUMP: Final = Device("pump", make("heat_pump", power_kw=12.0))
BOILER: Final = Device("boiler", Layer("boiler", (), (Converter("burner", NOWHERE, ((HEAT, 1.0),), 200.0, 0.12),)))
LAYERS: Final = {
    "hydrogen": Device("hydrogen", make("hydrogen", capacity_kwh=3_000.0, electrolyser_kw=15.0, fuel_cell_kw=8.0)),
    "molten_salt": Device(
        "molten_salt", make("molten_salt", capacity_kwh=400.0, charge_kw=30.0, turbine_kw=8.0, heat_kw=25.0)
    ),
    "sand": Device("sand", make("sand", capacity_kwh=2_000.0, charge_kw=30.0, heat_kw=20.0)),
    "chp": Device("chp", make("biogas", engine_kw=8.0, digester_kw=8.0, gas_store_kwh=60.0)),
}
GAP: Final = 0.2
"""How far from the best each of the 8,400 plans of a year may be, of its turnover: 0.03 takes three times as long."""
ELECTRICITY_VALUE_KEPT: Final = 0.5
"""Share of the mean tariff that energy kept beyond the horizon is held to be worth."""


@dataclass
class Year:
    """One year with a set of devices."""

    devices: tuple[Device, ...]
    cars: bool = False
    planned_cars: bool = True
    bill_eur: float = 0.0
    starts: int = 0
    given_kwh: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        year = street_year()
        self.load = np.rint(1e3 * year.load_kwh[list(SOUND)].sum(0)).astype(np.int64)
        self.sun = np.rint(1e3 * year.pv_kwh[list(SOUND)].sum(0)).astype(np.int64)
        self.heat = heat_demand()
        self.price = year.price_eur_per_kwh
        self.sessions = car_sessions() if self.cars else []
        owners = sorted({session.home for session in self.sessions})
        cars = tuple(Device(home, make("car", capacity_kwh=60.0), absent=True) for home in owners)
        empty = Plant((*self.devices, *cars))
        floors = {name: round(1e6 * store.floor_kwh) for name, store in empty.stores.items()}
        self.plant = Plant(empty.devices, floors)
        switched = any(part.switched for part in self.plant.converters.values())
        self.model = Model(self.plant.layers, [ELECTRICITY], HORIZON, 1.0, switching=switched)
        self.learned = StreetForecaster(1, 0, HOUR_S, (HORIZON + 2) * HOUR_S, [1_000.0])
        self.running: set[str] = set()

    def run(self, first: int, end: int) -> float:
        """Live the hours and return the bill."""
        for hour in range(first):
            self.learned.observe(hour * HOUR_S, [int(self.load[hour])], [int(self.sun[hour])])
        for hour in range(first, end):
            self._cars_come_and_go(hour)
            self._live(hour)
            self.learned.observe(hour * HOUR_S, [int(self.load[hour])], [int(self.sun[hour])])
            if (hour + 1) % SAID_H == 0:
                say(f"    day {(hour + 1) // 24}: {self.bill_eur:.2f} €")
        return self.bill_eur

    def _cars_come_and_go(self, hour: int) -> None:
        for session in self.sessions:
            if session.arrive == hour:
                self.plant.stays[session.home] = Stay(session.depart * HOUR_S, round(1e3 * session.wanted_wh))
                self.plant.reported(f"{session.home}/cells", round(1e3 * session.content_wh))
            elif session.depart == hour:
                self.plant.stays.pop(session.home, None)

    def _live(self, hour: int) -> None:
        now, plant = hour * HOUR_S, self.plant
        net_wh = int(self.load[hour] - self.sun[hour])
        plan = solve(self.model, self._conditions(hour), None, 5.0, gap=GAP)
        plant.keep(HOUR_S)
        starts = 0.0
        for name in plant.slow:
            part = plant.converters[name]
            if part.takes == NOWHERE and any(to == HEAT for to, _ in part.gives):
                continue
            share = next((s for to, s in part.gives if to == ELECTRICITY), 0.0)
            wish = float(plan.taken_kwh[name][0]) * (share if share and part.takes != ELECTRICITY else 1.0)
            done = plant.run(name, round(1e3 * wish), now, HOUR_S)
            starts += self._started(name, done)
        drawn_wh = sum(plant.draws_wh(name, wh) for name, wh in plant.done_wh.items())
        wanted_wh = round(1e3 * float(plan.exchange_kwh[ELECTRICITY][0])) - net_wh - drawn_wh
        must_wh = plant.must_charge_wh(now, HOUR_S)
        if not self.planned_cars:
            at_once_wh = self._charge_cars_now(now)
            drawn_wh, must_wh, wanted_wh = drawn_wh + at_once_wh, 0, wanted_wh - at_once_wh
        if max(wanted_wh, must_wh) > 0:
            drawn_wh += plant.charge(max(wanted_wh, must_wh), 0, now, HOUR_S)
        else:
            drawn_wh -= plant.discharge(-wanted_wh, now, HOUR_S)
        self._pay(hour, net_wh + drawn_wh, starts)

    def _charge_cars_now(self, now: int) -> int:
        """Charge each car at full power up to what its owner wants."""
        taken = 0
        for name, stay in self.plant.stays.items():
            lacking = max(0, stay.wanted_milliwh - self.plant.contents[f"{name}/cells"])
            taken += self.plant.run(f"{name}/charge", -(-lacking * 20 // 19) // 1_000, now, HOUR_S)
        return taken

    def _started(self, name: str, done_wh: int) -> float:
        part, cost = self.plant.converters[name], 0.0
        if done_wh and part.switched and name not in self.running:
            cost, self.starts = part.start_cost_eur, self.starts + 1
        (self.running.add if done_wh else self.running.discard)(name)
        return cost

    def _pay(self, hour: int, exchange_wh: int, starts_eur: float) -> None:
        plant, cost = self.plant, starts_eur
        heat_kwh = float(self.heat[hour])
        for name, wh in plant.done_wh.items():
            part = plant.converters[name]
            share = next((s for to, s in part.gives if to == ELECTRICITY), 0.0)
            taken = wh / 1e3 / (share if share and part.takes != ELECTRICITY else 1.0)
            cost += taken * part.cost_eur_per_kwh
            heat_kwh -= taken * sum(s for to, s in part.gives if to == HEAT)
            self.given_kwh[name] = self.given_kwh.get(name, 0.0) + wh / 1e3
        cost += max(0.0, heat_kwh) * 0.12
        cost += max(exchange_wh, 0) / 1e3 * float(self.price[hour]) - max(-exchange_wh, 0) / 1e3 * EXPORT
        self.bill_eur += cost

    def _conditions(self, hour: int) -> Conditions:
        (said,) = self.learned.forecasts(hour * HOUR_S, HORIZON)
        net = (np.array(said.load_wh) - np.array(said.pv_wh)) / 1e3
        net[0] = (self.load[hour] - self.sun[hour]) / 1e3
        before = hour + np.arange(HORIZON) % 24 - 24
        heat = np.where(np.arange(HORIZON) == 0, self.heat[hour], self.heat[before])
        ahead = np.minimum(hour + np.arange(HORIZON), HOURS - 1)
        exchange = Exchange(self.price[ahead], np.full(HORIZON, EXPORT), 1e4, 1e4)
        contents = {name: content / 1e6 for name, content in self.plant.contents.items()}
        usual = float(self.price[max(0, hour - 24 * 30) : hour].mean())
        worth = {name: self._kept_value(name, usual) for name in self.plant.stores}
        available, floor = self._presence(hour)
        demand, exchanges, running = {ELECTRICITY: net, HEAT: heat}, {ELECTRICITY: exchange}, frozenset(self.running)
        return Conditions(demand, exchanges, contents, worth, available, floor, running=running)

    def _kept_value(self, store: str, usual: float) -> float:
        """Return what a kWh beyond the horizon is held to be worth: electricity at half the tariff, heat at the gas."""
        value = 0.0
        for part in self.plant.converters.values():
            if part.takes == store:
                gives = dict(part.gives)
                price = EXPORT if store.endswith("/cells") else ELECTRICITY_VALUE_KEPT * usual
                electric = gives.get(ELECTRICITY, 0.0) * price
                value = max(value, electric + gives.get(HEAT, 0.0) * 0.05 - part.cost_eur_per_kwh)
        return value

    def _presence(self, hour: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
        available: dict[str, Floats] = {}
        floor: dict[str, Floats] = {}
        for device in self.plant.devices:
            if not device.absent:
                continue
            stay = self.plant.stays.get(device.name)
            there = np.zeros(HORIZON)
            if stay is not None and self.planned_cars:
                left = stay.until // HOUR_S - hour
                there[: max(0, left)] = 1.0
                if 0 < left <= HORIZON:
                    wanted = np.where(np.arange(HORIZON) == left - 1, stay.wanted_milliwh / 1e6, 0.0)
                    floor[f"{device.name}/cells"] = wanted
            available |= {f"{device.name}/charge": there, f"{device.name}/discharge": there}
        return available, floor


@dataclass(frozen=True, slots=True)
class Session:
    """A car at home."""

    home: str
    arrive: int
    depart: int
    content_wh: float
    wanted_wh: float


def car_sessions() -> list[Session]:
    """Return the sessions of the sound homes' cars; what they hold when they come is what their file says."""
    owners, found = {f"H{home + 1:02d}" for home in SOUND}, []
    with gzip.open(SESSIONS, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["home"] in owners and row["arrival_soc_pct"]:
                whole = 600.0
                content, wanted = (whole * int(row[key] or 0) for key in ("arrival_soc_pct", "required_soc_pct"))
                found.append(Session(row["home"], int(row["arrive_hour"]), int(row["depart_hour"]), content, wanted))
    return found


def heat_demand(seed: int = 7) -> Floats:
    """Return the heat that the homes need each hour, kWh; hour 0 is that of the data, the first of August."""
    hour = np.arange(HOURS)
    season = 0.5 - 0.5 * np.cos(2 * np.pi * (hour / 24 + 17) / 365)  # 0 in mid July, 1 in mid January
    day = 1.0 + 0.5 * np.exp(-(((hour % 24 - 7) / 2) ** 2)) + 0.4 * np.exp(-(((hour % 24 - 20) / 3) ** 2))
    noise = np.random.default_rng(seed).gamma(20, 1 / 20, HOURS)
    heat: Floats = len(SOUND) * (8 + 32 * season) / 24 * day / day.mean() * noise
    return heat


def years() -> dict[str, Year]:
    """Return every year that is lived, by name."""
    base = (BATTERY, PUMP, BOILER)
    return (
        {"base": Year(base)}
        | {name: Year((*base, device)) for name, device in LAYERS.items()}
        | {"cars_at_once": Year(base, cars=True, planned_cars=False), "cars": Year(base, cars=True)}
    )


def parts() -> dict[str, Part]:
    """Return each year, to be lived one after the other."""
    return {f"year_{name}": partial(_lived, name, year) for name, year in years().items()}


def _lived(name: str, year: Year) -> Measured:
    bill = year.run(LEARNED_H, HOURS)
    say(f"  {name}: {bill:.2f} € in the year, {year.starts} starts")
    return {f"bill_{name}_eur": round(bill, 1), f"starts_{name}": year.starts}


def whole(found: Measured) -> Measured:
    """Return the gain of each layer."""
    bills = {name: float(found[f"bill_{name}_eur"]) for name in ("base", *LAYERS, "cars_at_once", "cars")}
    gains: Measured = {f"gain_{name}": round(1 - bills[name] / bills["base"], 4) for name in LAYERS}
    return gains | {"gain_cars": round(1 - bills["cars"] / bills["cars_at_once"], 4)}
