"""A member's agent: forecasts, plans and bids each interval from the home's own meters, and drives its devices.

It runs beside the node, not in it: the key that signs its orders stays on the member's machine, and the node learns of
the home nothing but orders and the readings that settle. `step` does what is due at a moment and may be called as
often as one likes; what it decided is on disk before anything leaves. Whatever is missing or absurd, the devices stay
within their limits (invariant D1) and the agent goes on: without the node it plans for the home alone, without a plan
it follows the contract, without meters the devices rest; without the grid, as an inverter of the home or the node says,
the home's own use comes first and all else shares what is left.
Units: Wh, W, µ€/kWh, UTC epoch seconds. Refuses, with `Unavailable`: to begin for the first time without a node.
"""

from collections.abc import Mapping
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import Any, Final

from dispatch.behind_meter import HEAT, SUN, WIND, Behind, BehindMeter
from dispatch.car_habit import CarHabit
from dispatch.driving import Underway
from dispatch.explain import explain
from dispatch.island.droop import settings_of
from dispatch.island.ramp import Ramp
from dispatch.plant import Stay
from dispatch.site import SiteAgent
from dispatch.site_plan import SitePlanner
from dispatch.trust import Alarm, ContentWatch, Obedience
from metering.registers import RegisterSample
from node.agent.alarms import Alarms
from node.agent.answers import StreetAnswers
from node.agent.files import COMMANDS, DAY_S, DROOP, FORECAST, STATUS, AgentFolder, Lived
from node.agent.foresight import Foresight
from node.agent.home_file import HomeFile, meters_of, others_of, site_of
from node.agent.outlook import PriceOutlook
from node.agent.page import PagePlan
from node.agent.switches import Switches
from node.agent.trader import Trader, market_of
from node.client import Client
from node.planning.reasons import document_of

SILENT_S: Final = 300
"""After so long without a word from every meter, the devices rest."""
LATE_S: Final = 120
"""An interval's readings are waited for so long."""
WEATHER_S: Final = 900
"""The node is asked for weather so often."""
COMMAND_S: Final = 180
"""A command holds so long: a device that hears no more rests then."""


class MemberAgent:
    """One home's."""

    def __init__(
        self, home: HomeFile, folder: AgentFolder, client: Client, now: int, shown_in: Path | None = None
    ) -> None:
        """Take up where the folder stands, or begin.

        Args:
            home: Its file.
            folder: What the agent keeps for itself.
            client: Of the node, with the member's key.
            now: UTC epoch seconds.
            shown_in: Folder of a node on this machine whose page shows the plan of the storage; None for none.

        Raises:
            Misconfigured: nothing can be shown there.
            Unavailable: the first time, when no node answers.
        """
        saved = folder.state()
        self._home, self.folder, self.alarms = home, folder, Alarms()
        length_s, gate_lead_s = saved["market"] if saved else market_of(client)
        self._length_s = length_s
        config = site_of(home, length_s, gate_lead_s)
        planner = SitePlanner(length_s)
        if saved:
            self.agent = SiteAgent.from_json(config, planner, saved["agent"])
        else:
            self.agent = SiteAgent(config, planner, home.contents_milliwh)
        first = now - now % length_s
        others = others_of(home)
        history = folder.history([each.name for each in others])
        self._next = saved["next"] if saved else first
        begun = history[0].interval if history else self._next
        self._lived = history[-1].interval if history else -1
        most_w, weather = max(home.import_max_w, home.export_max_w), list(folder.new_weather())
        self.foresight = Foresight(begun, length_s, most_w, history, others, weather)
        self._note_weather(self.foresight.absurd, now)
        cars = saved.get("cars", {}) if saved else {}
        self.habits = {each.name: CarHabit(*cars.get(each.name, ())) for each in others if each.presence}
        outlook = PriceOutlook(length_s, folder.prices(), folder.add_prices)
        self.trader = Trader(client, self.agent, gate_lead_s, length_s, outlook, saved["trader"] if saved else None)
        self._answers = StreetAnswers(client, self.agent.plant, length_s)
        own = [name for name in (SUN, WIND, HEAT) if name in meters_of(home)]
        self._meters = BehindMeter(most_w, own, home.device_meters)
        for meter, readings in (saved["meters"] if saved else {}).items():
            for reading in readings if meter in self._meters.meters else ():
                self._meters.heard(meter, *reading)
        plant = self.agent.plant
        self._page = None if shown_in is None else PagePlan(shown_in, plant)
        self._stores = {name.split("/")[0]: name for name in plant.stores}
        self._watches = {
            device: ContentWatch(round(plant.stores[store].capacity_kwh * 1e6), max(plant.power_w(device)))
            for device, store in self._stores.items()
        }
        self._tells_content: set[str] = set()
        self._obedience = {device: Obedience() for device in home.device_meters}
        self._asked_ws = dict.fromkeys(home.device_meters, 0)
        self._believed_ws: dict[str, int] = {}
        """Of converters without a meter: what they were asked for since the interval began."""
        self._powers_w: dict[str, int] = {}
        self._grid_seen: dict[str, tuple[bool, int]] = {}
        """By inverter of the home that tells: whether it sees the grid, and when it said so."""
        self.island = bool(saved and saved.get("island"))
        """Whether the devices are driven without the grid."""
        self.switches = Switches(home.loads, home.import_max_w, saved.get("loads", {}) if saved else {})
        self._ramp: Ramp | None = None
        """The way back, while the grid is taken up again."""
        folder.tell(DROOP, {"schema": "resilia/dispatch-droop/1", "inverters": settings_of(plant)})
        self._stepped_at = now
        self._weather_at = 0
        self._why: list[dict[str, Any]] = []
        nothing = {"devices": [], "valid_until": now}
        self.told: dict[str, Any] = {"commands": nothing, "status": {}, "forecast": {}}
        """What was told last: commands, status and forecast."""
        self._save()

    # -- WHAT METERS SAY

    def heard(self, meter: str, sample: RegisterSample) -> None:
        """Take in what a meter says: `grid`, `solar`, or a device by its name."""
        at = min(sample.metered_at, sample.received_at)
        if sample.grid_there is not None:
            self._grid_seen[meter] = (sample.grid_there, at)
        believed = self._meters.heard(meter, at, sample.import_index_wh, sample.export_index_wh)
        self.alarms.set(Alarm.METER_ABSURD, meter, at, active=not believed)
        if sample.charge_permille is not None and meter in self._watches:
            store = self._stores[meter]
            content = round(self.agent.plant.stores[store].capacity_kwh * 1e3) * sample.charge_permille
            self._tells_content.add(meter)
            if self._watches[meter].heard(content, at):
                self.agent.plant.reported(store, content)
            doubt = self._watches[meter].in_doubt
            facts = {"reported_permille": sample.charge_permille}
            self.alarms.set(Alarm.CONTENT_JUMPED, meter, at, active=doubt, facts=facts)

    # -- WHAT IS DUE

    def step(self, now: int) -> dict[str, int]:
        """Do what is due, and return the power (W, drawn > 0) that each device should have now."""
        self._take_inputs(now)
        self._count_asked(now)
        self._end_intervals(now)
        self._withdraw()
        self._plan_and_trade(now)
        self._powers_w = self._steer(now)
        self._tell(now)
        return dict(self._powers_w)

    def stop(self, now: int) -> None:
        """Take back what rests in the book, let the devices rest, and save."""
        self.trader.withdraw(self.alarms, now)
        self._powers_w = dict.fromkeys(self._powers_w, 0)
        if self._page is not None:
            self._page.show(now, self.agent.plant, None)
        self._save()
        self._tell(now, stopped=True)

    def _take_inputs(self, now: int) -> None:
        if now - self._weather_at >= WEATHER_S:
            if told := self.trader.new_weather(now, self.alarms):
                self.folder.add_weather(told)
            if now // DAY_S > self._weather_at // DAY_S:
                self.folder.compact_weather(now)
            self._weather_at = now
        rows = list(self.folder.new_weather())
        if rows:
            self._note_weather(self.foresight.weather(rows), now)
        stays = self.folder.new_stays()
        if stays is not None:
            self.plugged(stays)
        self.switches.said(self.folder.new_switched() or {})
        for load in self.switches.restart.loads:
            # With the grid there, whoever switches something off at home has done nothing wrong.
            silent = self._apart and load.name in self.switches.restart.silent(now)
            self.alarms.set(Alarm.LOAD_SILENT, load.name, now, active=silent)

    @property
    def _apart(self) -> bool:
        return self.island or self._ramp is not None

    def _note_weather(self, absurd: int, now: int) -> None:
        self.alarms.set(Alarm.WEATHER_ABSURD, "weather", now, active=absurd > 0, facts={"values": absurd})

    def plugged(self, stays: Mapping[str, Any]) -> None:
        """Take in which cars are there; what can not be understood is passed over."""
        absent = {device.name for device in self._home.devices if device.absent}
        for name in absent:
            told = stays.get(name)
            numbers = [told.get(key) for key in ("until", "wanted_wh")] if isinstance(told, dict) else [None]
            plant, store = self.agent.plant, self._stores[name]
            if told is None or any(type(number) is not int or number < 0 for number in numbers):
                if name in plant.stays:
                    self.habits[name].left(plant.contents[store])
                self.agent.unplugged(name)
                continue
            content = 1_000 * told["content_wh"] if type(told.get("content_wh")) is int else None
            self.habits[name].came(1_000 * told["wanted_wh"], content)
            plant.stays[name] = Stay(told["until"], 1_000 * told["wanted_wh"])
            if content is not None:
                plant.reported(store, content)

    def _count_asked(self, now: int) -> None:
        passed_s = max(0, now - self._stepped_at)
        for device in self._asked_ws:
            self._asked_ws[device] += self._powers_w.get(device, 0) * passed_s
        for part, power_w in self.agent.asked_w.items():
            if part.split("/")[0] not in self._asked_ws:
                self._believed_ws[part] = self._believed_ws.get(part, 0) + power_w * passed_s
        self._stepped_at = now

    def _end_intervals(self, now: int) -> None:
        """Close each interval that is over and whose readings are in, or will not come."""
        while self._next + self._length_s <= now:
            end = self._next + self._length_s
            behind = self._meters.between(self._next, end)
            if behind is None and now < end + LATE_S:
                return
            lived = self._lived_through(behind)
            if self._next > self._lived:  # else a crash came between the history and the state
                self.folder.append(lived)
                self._lived = self._next
            self.foresight.observe(lived)
            for device, counted in ({} if behind is None else behind.devices).items():
                self._judge(device, counted.net_wh)
                if device not in self._tells_content:
                    self.agent.plant.moved(device, counted.import_wh, counted.export_wh)
            done_wh = {part: asked_ws // 3_600 for part, asked_ws in self._believed_ws.items()}
            self.agent.plant.believed(done_wh, self._next, self._length_s)
            self._asked_ws, self._believed_ws = dict.fromkeys(self._asked_ws, 0), {}
            self.agent.delivered(self._next)
            self._next = end
            self._save()

    def _lived_through(self, behind: Behind | None) -> Lived:
        """Return the interval that is over, and which cars were there when it began."""
        stays = self.agent.plant.stays
        there = {name: 1_000 * (name in stays and self._next < stays[name].until) for name in self.habits}
        if behind is None:
            return Lived(self._next, None, None, there)
        return Lived(self._next, behind.load_wh, behind.pv_wh, {WIND: behind.wind_wh, HEAT: behind.heat_wh} | there)

    def _judge(self, device: str, done_wh: int) -> None:
        asked_wh = self._asked_ws[device] // 3_600
        obedience = self._obedience[device]
        obedience.judge(asked_wh, done_wh)
        facts = {"asked_wh": asked_wh, "done_wh": done_wh}
        self.alarms.set(Alarm.DEVICE_DISOBEYS, device, self._next, active=obedience.withdrawn, facts=facts)

    def _withdraw(self) -> None:
        disobedient = {device for device, obedience in self._obedience.items() if obedience.withdrawn}
        doubtful = {device for device, watch in self._watches.items() if watch.in_doubt}
        self.agent.plant.withdrawn = frozenset(disobedient | doubtful)

    def _plan_and_trade(self, now: int) -> None:
        due = self.trader.due(now, self.alarms)
        if due is not None:
            since = self.foresight.weather_missing(due)
            self.alarms.set(Alarm.WEATHER_MISSING, "weather", now, active=since is not None, facts={"from": since})
            # A plan is for one set of devices; its forecast begins with the interval that is traded next.
            forecast = self.foresight.forecast(due, len(self.trader.tariffs(due)), self.habits)
            if forecast is not None:
                self.foresight.told["series"] += self.trader.outlook.document(due, len(forecast.load_wh))
                self.folder.tell(FORECAST, self.foresight.told)
                self.agent.goals = replace(self.trader.goals, **self._home.goals)
                self.trader.plan(now, due, forecast)
                plan = self.agent.last_plan
                self.alarms.set(Alarm.NO_PLAN, "plan", now, active=plan is None)
                carbon, plant = self.trader.carbon(due) or None, self.agent.plant
                self._why = [] if plan is None else [document_of(why) for why in explain(plant, plan, carbon)]
                if self._page is not None:
                    self._page.show(now, self.agent.plant, plan)
                self._save()
        if self.trader.trade(now, self.alarms):
            self._save()

    def _steer(self, now: int) -> dict[str, int]:
        heard = self._meters.heard_until()
        net_w = self._meters.net_w()
        silent = heard is None or now - heard > SILENT_S or net_w is None
        self.alarms.set(Alarm.METER_SILENT, "meters", now, active=silent)
        interval = now - now % self._length_s
        if silent or heard is None or net_w is None:
            self.agent.asked_w = {}
            if self.island and heard is not None and now - heard > SILENT_S:
                self.switches.restart.dark(now)
            return {device.name: 0 for device in self._home.devices}
        behind = self._meters.between(interval, min(heard, now)) if heard > interval else None
        alone = any(not there and now - at <= SILENT_S for there, at in self._grid_seen.values())
        was, self.island = self.island, alone or self.trader.island
        seen = Underway(
            net_w=net_w,
            # Behind an inverter that has lost the grid nothing is exchanged, whatever was agreed.
            exchange_wh=0 if behind is None or alone else behind.grid.net_wh,
            moved_wh=0 if behind is None else behind.moved_wh,
            position_wh=0 if alone else self.trader.position_wh(interval),
        )
        if was and not self.island:
            exchange_w = net_w + sum(self._powers_w.values())
            self._ramp = Ramp(now, exchange_w, self._home.import_max_w, self._home.export_max_w)
        elif self.island or (self._ramp is not None and self._ramp.over(now)):
            self._ramp = None
        self._switch(now, seen, was=was)
        if self.island:
            return self.agent.steer_island(interval, now, seen)
        return self._back(interval, now, seen)

    def _switch(self, now: int, seen: Underway, *, was: bool) -> None:
        """Shed and start what has a switch of its own."""
        agreed_w, plant = seen.position_wh * 3_600 // self._length_s, self.agent.plant
        changed = self.switches.step(
            now, plant, seen.net_w, agreed_w, self.foresight.newest, island=self.island, ramp=self._ramp
        )
        if changed or self.island is not was:
            self._save()

    def _back(self, interval: int, now: int, seen: Underway) -> dict[str, int]:
        """Follow what was agreed, as far as the way back from an island has come."""
        if self._ramp is None:
            return self.agent.steer(interval, now, seen, self._answers.at(interval, now, self.alarms))
        powers = self.agent.steer(interval, now, seen)
        wanted_w = seen.net_w + sum(powers.values())
        allowed_w = self._ramp.within(now, wanted_w)
        if allowed_w == wanted_w:
            return powers
        return self.agent.steer_island(interval, now, seen, allowed_w)

    # -- WHAT IS TOLD AND SAVED

    def _tell(self, now: int, *, stopped: bool = False) -> None:
        powers = [{"name": name, "power_w": power} for name, power in self._powers_w.items()]
        until = now if stopped else now + COMMAND_S
        commands = {"schema": "resilia/dispatch-commands/1", "at": now, "valid_until": until, "devices": powers}
        commands |= {"loads": self.switches.commands()} if self._home.loads else {}
        status = self.status(now, stopped=stopped)
        self.told = {"commands": commands, "status": status, "forecast": self.foresight.told}
        self.folder.tell(COMMANDS, commands)
        self.folder.tell(STATUS, status)
        doubted = self.foresight.doubted + sum(meter.doubted for meter in self._meters.meters.values())
        values = {
            "doubted_values": ("Values of meters that were missing or absurd", doubted),
            "step_timestamp_seconds": ("When the agent worked last, UTC epoch", now),
            "withdrawn_devices": ("Devices that are not relied on for now", len(self.agent.plant.withdrawn)),
        }
        self.folder.tell_metrics(self.alarms.counts(), values)

    def status(self, now: int, *, stopped: bool = False) -> dict[str, Any]:
        """Return what the agent does and why, as JSON values."""
        interval = now - now % self._length_s
        plant = self.agent.plant
        contents = {device: plant.contents[store] // 1_000 for device, store in self._stores.items()}
        return {
            "schema": "resilia/dispatch-status/1",
            "at": now,
            "running": not stopped,
            "island": self.island,
            "returning": self._ramp is not None,
            "interval": interval,
            "goals": asdict(self.agent.goals),
            "agreed_wh": self.trader.position_wh(interval),
            "devices": [
                {
                    "name": device.name,
                    "power_w": self._powers_w.get(device.name, 0),
                    "content_wh": contents.get(device.name),
                    "withdrawn": device.name in plant.withdrawn,
                    "why": next((why for why in self._why if why["device"] == device.name), None),
                }
                for device in self._home.devices
            ],
            "loads": self.switches.document(),
            "start_order": self.switches.restart.order,
            "quotes": self.trader.document(),
            "forecasts": self.foresight.beliefs() + self.trader.outlook.beliefs(),
            "alarms": self.alarms.document(),
        }

    def _save(self) -> None:
        market = [self._length_s, self.agent.config.gate_lead_s]
        self.folder.save(
            {
                "market": market,
                "next": self._next,
                "agent": self.agent.to_json(),
                "trader": self.trader.to_json(),
                "meters": self._meters.kept_from(self._next),
                "island": self.island,
                "loads": dict(self.switches.restart.on),
                "cars": {name: astuple(habit) for name, habit in self.habits.items()},
            }
        )
