"""The devices behind one connection, their contents in whole numbers, and the rule that has the last word on them.

Whatever a plan or a person wishes, a device is run within its power, its content and its room, never below its floor,
and never both ways at once (invariant D1). What a plan calls a kWh is here a whole Wh on the side that is metered: the
electricity a converter draws or gives. What it takes out of a store is rounded up and what it puts in is rounded down,
so a store never gives back more than its yields allow.
Units: Wh metered, milli-Wh in stores, seconds; all int. Refuses, with `ValueError`: two devices of one name, contents
outside a store. Wishes are never refused: they are cut to what can be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dispatch.optimiser.parts import ELECTRICITY, HEAT, Converter, Layer, Store, placed

MILLIWH_PER_WH: Final = 1_000
_PARTS: Final = 1_000_000
"""Yields are held in parts per million."""
_KEPT_PARTS: Final = 10**9
"""What a store keeps over an interval is held in parts per billion."""


@dataclass(frozen=True, slots=True)
class Device:
    """One thing that somebody owns behind the connection."""

    name: str
    """Unique behind the connection; begins the names of its parts."""
    layer: Layer
    """As `dispatch.layers.make` returned it."""
    solar_only: bool = False
    """Whether it may charge from the site's own surplus only. Home batteries do: their energy stays solar."""
    absent: bool = False
    """Whether it is there only while plugged in: a car."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A car at its charger."""

    until: int
    """Departure, UTC epoch seconds."""
    wanted_milliwh: int
    """Content that its owner needs then."""


@dataclass(frozen=True, slots=True)
class _Fast:
    """A store that electricity goes into and out of with no other carrier: what corrects the plan."""

    device: Device
    store: Store
    charge: Converter
    discharge: Converter | None


class Plant:
    """All devices of a site, as they are now."""

    def __init__(self, devices: Iterable[Device], contents_milliwh: Mapping[str, int] | None = None) -> None:
        self.devices = tuple(devices)
        if len({device.name for device in self.devices}) != len(self.devices):
            raise ValueError("devices behind one connection have different names")
        carriers = {ELECTRICITY: ELECTRICITY, HEAT: HEAT}
        self.layers = tuple(placed(device.layer, device.name, carriers) for device in self.devices)
        self._owner = {part.name: device for device, layer in self._pairs() for part in layer.converters}
        self.converters = {part.name: part for layer in self.layers for part in layer.converters}
        self.stores = {store.name: store for layer in self.layers for store in layer.stores}
        self._capacity = {name: _milliwh(store.capacity_kwh) for name, store in self.stores.items()}
        self._floor = {name: _milliwh(store.floor_kwh) for name, store in self.stores.items()}
        self.contents = dict.fromkeys(self.stores, 0) | dict(contents_milliwh or {})
        self.stays: dict[str, Stay] = {}
        self.withdrawn: frozenset[str] = frozenset()
        """Names of devices that are not to be used for now."""
        self.done_wh: dict[str, int] = {}
        """What each converter did since `keep` was called last, in the unit of `run`."""
        for name, content in self.contents.items():
            if name not in self.stores or not 0 <= content <= self._capacity[name]:
                raise ValueError(f"{name} holds 0 to {self._capacity.get(name, 0)} milli-Wh, not {content}")
        fast = [each for device, layer in self._pairs() if (each := _fast(device, layer)) is not None]
        self._fast = sorted(fast, key=lambda each: each.discharge.cost_eur_per_kwh if each.discharge else 0.0)

    def _pairs(self) -> Iterable[tuple[Device, Layer]]:
        return zip(self.devices, self.layers, strict=True)

    @property
    def slow(self) -> tuple[str, ...]:
        """Names of the converters that keep to the plan whatever the meter says."""
        fast = {part.name for each in self._fast for part in (each.charge, each.discharge) if part is not None}
        return tuple(name for name in self.converters if name not in fast)

    @property
    def forming(self) -> tuple[str, ...]:
        """Names of the devices whose inverter can form an island: they hold and give electricity, and do not leave."""
        return tuple(each.device.name for each in self._fast if each.discharge is not None and not each.device.absent)

    @property
    def stored_milliwh(self) -> int:
        """Content of all stores."""
        return sum(self.contents.values())

    def copy(self) -> "Plant":
        """Return the same devices with contents of their own."""
        twin = Plant.__new__(Plant)
        twin.__dict__.update(self.__dict__)
        twin.contents, twin.stays, twin.done_wh = dict(self.contents), dict(self.stays), {}
        return twin

    def reported(self, store: str, content_milliwh: int) -> bool:
        """Believe what a device says of its own content; return whether it is possible at all."""
        if store not in self.stores or not 0 <= content_milliwh <= self._capacity[store]:
            return False
        self.contents[store] = content_milliwh
        return True

    def there(self, device: Device, now: int) -> bool:
        """Tell whether a device can be used at a moment."""
        if device.name in self.withdrawn:
            return False
        if not device.absent:
            return True
        stay = self.stays.get(device.name)
        return stay is not None and now < stay.until

    def keep(self, length_s: int) -> None:
        """Let every store lose what it loses over an interval, which begins."""
        self.done_wh = {}
        for name, store in self.stores.items():
            if store.kept_per_hour < 1.0:
                kept = round(_KEPT_PARTS * store.kept_per_hour ** (length_s / 3_600))
                self.contents[name] = self.contents[name] * kept // _KEPT_PARTS

    def run(self, name: str, wish_wh: int, now: int, length_s: int) -> int:
        """Run one converter for an interval as far as it can, and return what it did.

        Args:
            name: Of the converter.
            wish_wh: Electricity it should draw or give; of the rest, what it should take.
            now: Begin of the interval.
            length_s: Its length.
        """
        part = self.converters[name]
        done_wh = min(max(wish_wh, 0), self.most_wh(name, now, length_s))
        least = part.least_share * part.power_max_kw * 1e3 * length_s / 3_600
        if part.least_share and self._taken_up(part, done_wh) < least * MILLIWH_PER_WH:
            return 0
        self.done_wh[name] = self.done_wh.get(name, 0) + done_wh
        if part.takes in self.stores:
            self.contents[part.takes] -= self._taken_up(part, done_wh)
        taken = self._taken_down(part, done_wh)
        for to, share in part.gives:
            if to in self.stores:
                self.contents[to] += taken * round(_PARTS * share) // _PARTS
        return done_wh

    def most_wh(self, name: str, now: int, length_s: int) -> int:
        """Return the most a converter can do in an interval, in the unit of `run`."""
        part = self.converters[name]
        if not self.there(self._owner[name], now):
            return 0
        most = int(part.power_max_kw * 1e3) * MILLIWH_PER_WH * length_s // 3_600
        if _electric(part) and part.takes != ELECTRICITY:
            most = round(part.power_max_kw * 1e3 * _electric(part)) * length_s * MILLIWH_PER_WH // 3_600
        wh = most // MILLIWH_PER_WH
        if part.takes in self.stores:
            usable = max(0, self.contents[part.takes] - self._floor[part.takes])
            yielded = round(_PARTS * (_electric(part) or 1.0))
            wh = min(wh, usable * yielded // _PARTS // MILLIWH_PER_WH)
        for to, share in part.gives:
            if to in self.stores and share:
                room = self._capacity[to] - self.contents[to]
                wh = min(wh, room * _PARTS // round(_PARTS * share) // MILLIWH_PER_WH)
        return max(wh, 0)

    def _taken_up(self, part: Converter, wh: int) -> int:
        """Return the milli-Wh that a converter takes, rounded up."""
        if part.takes == ELECTRICITY or not _electric(part):
            return wh * MILLIWH_PER_WH
        return -(-wh * MILLIWH_PER_WH * _PARTS // round(_PARTS * _electric(part)))

    def _taken_down(self, part: Converter, wh: int) -> int:
        if part.takes == ELECTRICITY or not _electric(part):
            return wh * MILLIWH_PER_WH
        return wh * MILLIWH_PER_WH * _PARTS // round(_PARTS * _electric(part))

    def draws_wh(self, name: str, done_wh: int) -> int:
        """Return what a run of a converter adds to the site's use: negative for one that gives electricity."""
        part = self.converters[name]
        if part.takes == ELECTRICITY:
            return done_wh
        return -done_wh if _electric(part) else 0

    def drawn_wh(self, device: str) -> int:
        """Return what a device drew since `keep` was called last: negative for what it gave."""
        return sum(self.draws_wh(name, wh) for name, wh in self.done_wh.items() if self._owner[name].name == device)

    def mean_w(self, device: str, length_s: int) -> int:
        """Return the mean power of what a device drew, rounded towards rest, within what the plate says."""
        drawn_wh, most_w = self.drawn_wh(device), self.power_w(device)
        power_w = abs(drawn_wh) * 3_600 // length_s
        return min(power_w, most_w[0]) if drawn_wh >= 0 else -min(power_w, most_w[1])

    def believed(self, done_wh: Mapping[str, int], start: int, length_s: int) -> None:
        """Count what converters without a meter were asked to do over an interval, as far as they could."""
        self.keep(length_s)
        for name in sorted(done_wh, key=lambda name: self.converters[name].takes in self.stores):
            self.run(name, done_wh[name], start, length_s)

    def moved(self, device: str, charged_wh: int, discharged_wh: int) -> None:
        """Note what the meter of a device with one fast store counted, for one that tells no content itself."""
        for each in self._fast:
            if each.device.name == device:
                name = each.store.name
                into = charged_wh * MILLIWH_PER_WH * round(_PARTS * dict(each.charge.gives)[name]) // _PARTS
                out = 0 if each.discharge is None else self._taken_up(each.discharge, discharged_wh)
                self.contents[name] = min(max(self.contents[name] + into - out, 0), self._capacity[name])

    def power_w(self, device: str) -> tuple[int, int]:
        """Return the most that a device draws and gives, by its plate."""
        draws = gives = 0
        for name, part in self.converters.items():
            if self._owner[name].name == device and part.takes == ELECTRICITY:
                draws += int(part.power_max_kw * 1e3)
            elif self._owner[name].name == device:
                gives += round(part.power_max_kw * 1e3 * _electric(part))
        return draws, gives

    def charge(self, wanted_wh: int, surplus_wh: int, now: int, length_s: int) -> int:
        """Charge fast stores and return the energy that went in.

        Those that lack charge come first, then those that only the sun may fill.

        Args:
            wanted_wh: By all together.
            surplus_wh: Of the sun; the most that goes into stores for it alone.
            now: Begin of the interval.
            length_s: Its length.
        """
        left_wh, solar_wh = wanted_wh, max(0, surplus_wh)
        for each in sorted(self._fast, key=lambda each: (not self._lacks(each), not each.device.solar_only)):
            most = min(left_wh, solar_wh) if each.device.solar_only else left_wh
            done = self.run(each.charge.name, most, now, length_s)
            left_wh -= done
            solar_wh -= min(done, solar_wh)
        return wanted_wh - left_wh

    def discharge(self, wanted_wh: int, now: int, length_s: int) -> int:
        """Discharge fast stores, least wear first, but not what lacks charge, and return the energy that came out."""
        left_wh = wanted_wh
        for each in self._fast:
            if each.discharge is not None and not self._lacks(each):
                left_wh -= self.run(each.discharge.name, left_wh, now, length_s)
        return wanted_wh - left_wh

    def must_charge_wh(self, now: int, length_s: int) -> int:
        """Return what cars must take now to have what they need at departure, at full power until then."""
        total = 0
        for each in self._fast:
            stay = self.stays.get(each.device.name)
            if stay is None or now >= stay.until:
                continue
            lacking = max(0, stay.wanted_milliwh - self.contents[each.store.name])
            share = round(_PARTS * dict(each.charge.gives)[each.store.name])
            power = int(each.charge.power_max_kw * 1e3)
            later_wh = power * max(0, stay.until - now - length_s) // 3_600
            total += max(0, -(-lacking * _PARTS // share // MILLIWH_PER_WH) - later_wh)
        return total

    def _lacks(self, each: _Fast) -> bool:
        stay = self.stays.get(each.device.name)
        return stay is not None and self.contents[each.store.name] < stay.wanted_milliwh


def _milliwh(kwh: float) -> int:
    return round(kwh * 1e6)


def _electric(part: Converter) -> float:
    """Return the yield of electricity, 0 for a converter that gives none."""
    return next((share for to, share in part.gives if to == ELECTRICITY), 0.0)


def _fast(device: Device, layer: Layer) -> _Fast | None:
    if len(layer.stores) != 1 or any(part.switched for part in layer.converters):
        return None
    (store,) = layer.stores
    ways = {(part.takes, to): part for part in layer.converters for to, _ in part.gives}
    charge, discharge = ways.get((ELECTRICITY, store.name)), ways.get((store.name, ELECTRICITY))
    if charge is None or len(ways) != len(layer.converters) or len(ways) > 1 + (discharge is not None):
        return None
    return _Fast(device, store, charge, discharge)
