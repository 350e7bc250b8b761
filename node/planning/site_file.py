"""A site in a file, for planning it without a node: its devices, what it uses and makes, and what energy costs.

    {"schema": "resilia/site/1", "time_zone": "Europe/Paris", "start": 1493676000, "interval_s": 900,
     "load_wh": [310, …], "pv_wh": [0, …], "import_ueur_per_kwh": [210000, …], "export_ueur_per_kwh": [60000, …],
     "carbon_g_per_kwh": [48, …],
     "devices": [{"name": "battery", "kind": "lithium", "values": {"capacity_kwh": 6.4}, "solar_only": true,
                  "content_wh": {"cells": 3000}}]}

`carbon_g_per_kwh`, `heat_wh`, `wind_wh`, `devices` and what is in them beside name and kind may be left out.
`content_wh` names the stores of the kind. All lists have one value per interval. Anything else that is wrong is refused
with its field.
Units: Wh per interval, µ€/kWh, g CO2e/kWh, UTC epoch seconds; all int.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from dispatch.layers import make
from dispatch.plant import Device, Plant, Stay
from dispatch.prices import ExchangePrices
from dispatch.site_plan import SiteForecast
from energy import strict_json
from energy.errors import Misconfigured

SCHEMA: Final = "resilia/site/1"
INTERVALS_S: Final = (300, 900, 1_800, 3_600)
SERIES: Final = ("load_wh", "pv_wh", "import_ueur_per_kwh", "export_ueur_per_kwh")
OPTIONAL_SERIES: Final = ("heat_wh", "wind_wh", "carbon_g_per_kwh")
UNSTEERED: Final = ("wind", "facade")
"""Kinds that go as the weather does, and are no devices of a site."""
ENERGY_WH_MAX: Final = 10**9
PRICE_MAX: Final = 10**8


@dataclass(frozen=True, slots=True)
class SiteFile:
    """What the file says."""

    time_zone: str
    start: int
    interval_s: int
    series: Mapping[str, Sequence[int]]
    devices: tuple[Device, ...]
    contents_milliwh: Mapping[str, int]
    stays: Mapping[str, Stay]

    @property
    def intervals(self) -> int:
        """Number of intervals."""
        return len(self.series["load_wh"])

    def plant(self) -> Plant:
        """Return the devices with the contents that the file says."""
        plant = Plant(self.devices, self.contents_milliwh)
        plant.stays = dict(self.stays)
        return plant

    def forecast(self, steps: int) -> SiteForecast:
        """Return the first intervals, taken as a forecast."""
        load, pv, heat, wind = (self.series.get(f"{name}_wh", ())[:steps] for name in ("load", "pv", "heat", "wind"))
        return SiteForecast(self.start, tuple(load), tuple(pv), (), tuple(heat), tuple(wind))

    def prices(self, first: int, steps: int) -> tuple[ExchangePrices, ...]:
        """Return the supplier's prices of consecutive intervals, without a local market."""
        pairs = zip(
            self.series["export_ueur_per_kwh"][first : first + steps],
            self.series["import_ueur_per_kwh"][first : first + steps],
            strict=True,
        )
        return tuple(ExchangePrices(sold, sold, bought, bought, 0) for sold, bought in pairs)


Document = TypeVar("Document")


def load_site(path: Path) -> SiteFile:
    """Read a site.

    Raises:
        Misconfigured: missing, no JSON, or a field is wrong; says which and what would be right.
    """
    return read_document(path, _site)


def _site(raw: object) -> SiteFile:
    fields = object_of(raw, "the file")
    if fields.get("schema") != SCHEMA:
        raise ValueError(f"schema must be {SCHEMA!r}, not {fields.get('schema')!r}")
    known = {"schema", "time_zone", "start", "interval_s", "devices", "stays", *SERIES, *OPTIONAL_SERIES}
    if unknown := set(fields) - known:
        raise ValueError(f"no field {min(unknown)!r}; there are {', '.join(sorted(known))}")
    interval_s = whole_number(fields.get("interval_s"), "interval_s", 1, 3_600)
    if interval_s not in INTERVALS_S:
        raise ValueError(f"interval_s must be one of {', '.join(map(str, INTERVALS_S))}, not {interval_s}")
    start = whole_number(fields.get("start"), "start", 0, 2**40)
    if start % interval_s:
        raise ValueError(f"start must be a multiple of {interval_s}, not {start}")
    zone = fields.get("time_zone", "UTC")
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError, TypeError):
        raise ValueError(f"time_zone must be an IANA name such as Europe/Paris, not {zone!r}") from None
    series = {name: _series(fields, name) for name in SERIES}
    series |= {name: _series(fields, name) for name in OPTIONAL_SERIES if name in fields}
    lengths = {name: len(values) for name, values in series.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"all lists must have as many values: {lengths}")
    for place, (sold, bought) in enumerate(
        zip(series["export_ueur_per_kwh"], series["import_ueur_per_kwh"], strict=True)
    ):
        if sold > bought:
            raise ValueError(f"export_ueur_per_kwh[{place}] must be at most the import price {bought}, not {sold}")
    devices, contents = devices_of(fields.get("devices", []))
    stays = {
        name: Stay(
            whole_number(object_of(stay, f"stays.{name}").get("until"), f"stays.{name}.until", 0, 2**40),
            1_000 * whole_number(stay.get("wanted_wh"), f"stays.{name}.wanted_wh", 0, ENERGY_WH_MAX),
        )
        for name, stay in object_of(fields.get("stays", {}), "stays").items()
    }
    if strangers := set(stays) - {device.name for device in devices}:
        raise ValueError(f"stays.{min(strangers)} is no device")
    site = SiteFile(zone, start, interval_s, series, devices, contents, stays)
    site.plant()
    return site


def devices_of(raw: object) -> tuple[tuple[Device, ...], dict[str, int]]:
    """Return a list of devices, and the contents of their stores in milli-Wh by name.

    Raises:
        ValueError: a field is wrong; says which.
    """
    if not isinstance(raw, list):
        raise ValueError("devices must be a list")
    devices: list[Device] = []
    contents: dict[str, int] = {}
    for place, item in enumerate(raw):
        fields = object_of(item, f"devices[{place}]")
        name, kind = fields.get("name"), fields.get("kind")
        if not isinstance(name, str) or not name or "/" in name or not isinstance(kind, str):
            raise ValueError(f"devices[{place}] must have a name without '/' and a kind")
        if unknown := set(fields) - {"name", "kind", "values", "solar_only", "content_wh"}:
            raise ValueError(f"devices[{place}] has no field {min(unknown)!r}")
        values = object_of(fields.get("values", {}), f"devices[{place}].values")
        for parameter, value in values.items():
            if type(value) not in (int, float):
                raise ValueError(f"devices[{place}].values.{parameter} must be a number, not {value!r}")
        solar_only = fields.get("solar_only", False)
        if type(solar_only) is not bool:
            raise ValueError(f"devices[{place}].solar_only must be true or false")
        if kind in UNSTEERED:
            raise ValueError(f"devices[{place}]: {kind} goes as the weather does; give what it makes, not the device")
        device = Device(name, make(kind, **values), solar_only, kind == "car")
        devices.append(device)
        # What is not told is at its floor: a tank's cushion or warm salt belong to the device like its steel.
        contents |= {f"{name}/{each.name}": round(1e6 * each.floor_kwh) for each in device.layer.stores}
        for store, content in object_of(fields.get("content_wh", {}), f"devices[{place}].content_wh").items():
            where = f"devices[{place}].content_wh.{store}"
            contents[f"{name}/{store}"] = 1_000 * whole_number(content, where, 0, ENERGY_WH_MAX)
    return tuple(devices), contents


def _series(fields: Mapping[str, Any], name: str) -> tuple[int, ...]:
    values = fields.get(name)
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name} must be a list with one whole number per interval")
    low, high = (-PRICE_MAX, PRICE_MAX) if name.endswith("ueur_per_kwh") else (0, ENERGY_WH_MAX)
    return tuple(whole_number(value, f"{name}[{place}]", low, high) for place, value in enumerate(values))


def read_document(path: Path, made: Callable[[object], Document]) -> Document:
    """Return what is made of a JSON file; a `ValueError` of `made` names the field.

    Raises:
        Misconfigured: missing, no JSON, or a field is wrong; says which and what would be right.
    """
    try:
        raw = strict_json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Misconfigured(f"{path} is missing") from None
    except (OSError, strict_json.BadJson) as error:
        raise Misconfigured(f"{path} can not be read as JSON: {error}") from error
    try:
        return made(raw)
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error


def whole_number(value: object, name: str, low: int, high: int) -> int:
    """Return a whole number of a file.

    Raises:
        ValueError: it is none, or outside its bounds; says what would be right.
    """
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return value


def object_of(value: object, name: str) -> dict[str, Any]:
    """Return an object of a file.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    return value
