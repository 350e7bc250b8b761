"""A home in a file: its meters, its devices, and where commands go. The member's own; no node ever sees it.

    {"schema": "resilia/home/1", "grid_meter": "linky:/dev/ttyUSB0", "solar_meter": "sunspec-inverter:tcp://10.0.0.7:502",
     "wind_meter": "sunspec-inverter:tcp://10.0.0.9:502", "heat_meter": "mbus-heat:/dev/ttyUSB1?address=5",
     "import_max_w": 9000, "export_max_w": 6000,
     "devices": [{"name": "battery", "kind": "lithium", "values": {"capacity_kwh": 6.4}, "solar_only": true,
                  "meter": "sunspec-battery:tcp://10.0.0.8:502"}],
     "loads": [{"name": "fridge", "priority": 0, "power_w": 150, "inrush_permille": 5000},
               {"name": "boiler", "priority": 2, "power_w": 2000}],
     "goals": {"carbon_ueur_per_g": 100, "reserve_permille": 300},
     "mqtt": "mqtt://127.0.0.1:1883/home"}

`solar_meter`, `wind_meter`, `heat_meter`, `loads`, `goals`, `mqtt`, and a device's `meter` may be left out; a meter is
named as in a community's list of members. A goal that the home does not name is the community's.
Anything else that is wrong is refused with its field. Units: W, µ€, thousandths; all int.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dispatch.behind_meter import GRID, HEAT_MOST, SUN, WIND
from dispatch.behind_meter import HEAT as HEAT_NEED
from dispatch.goals import GOALS_MAX
from dispatch.island.restart import Restart, SwitchedLoad
from dispatch.optimiser.parts import HEAT
from dispatch.plant import Device, Plant
from dispatch.site import SiteConfig
from dispatch.street_forecast import Other
from energy.errors import Misconfigured
from metering.protocols import split_source
from node.planning.site_file import devices_of, object_of, read_document, whole_number

SCHEMA: Final = "resilia/home/1"
POWER_W_MAX: Final = 10**6
OWN_METERS: Final = (GRID, SUN, WIND, HEAT_NEED)
FIELDS: Final = frozenset(
    {
        *("schema", "grid_meter", "solar_meter", "wind_meter", "heat_meter"),
        *("import_max_w", "export_max_w", "devices", "loads", "goals", "mqtt", "noon_utc_hour"),
    }
)


@dataclass(frozen=True, slots=True)
class HomeFile:
    """What the file says."""

    grid_meter: str
    solar_meter: str
    """Empty when the sun has no meter of its own."""
    import_max_w: int
    export_max_w: int
    devices: tuple[Device, ...]
    contents_milliwh: dict[str, int]
    device_meters: dict[str, str]
    """Source of each metered device's meter."""
    mqtt: str
    """Broker and topic that commands and states go to and weather comes from; empty for files alone."""
    noon_utc_hour: int
    wind_meter: str = ""
    """Of turbines; empty for none."""
    heat_meter: str = ""
    """Of the heat that the home needs; empty when nobody counts it."""
    loads: tuple[SwitchedLoad, ...] = ()
    """What has a switch of its own, for an island."""
    goals: Mapping[str, int] = field(default_factory=dict)
    """What the home has other goals for than the community, by the fields of `dispatch.goals.Goals`."""


def load_home(path: Path) -> HomeFile:
    """Read a home.

    Raises:
        Misconfigured: missing, no JSON, or a field is wrong; says which and what would be right.
    """
    return read_document(path, _home)


def _home(raw: object) -> HomeFile:
    fields = object_of(raw, "the file")
    if fields.get("schema") != SCHEMA:
        raise ValueError(f"schema must be {SCHEMA!r}, not {fields.get('schema')!r}")
    if unknown := set(fields) - FIELDS:
        raise ValueError(f"no field {min(unknown)!r}; there are {', '.join(sorted(FIELDS))}")
    listed = fields.get("devices", [])
    meters = {}
    plain: Any = listed
    if isinstance(listed, list):
        plain = [{k: v for k, v in item.items() if k != "meter"} if isinstance(item, dict) else item for item in listed]
    devices, contents = devices_of(plain)
    for place, device in enumerate(devices):
        if "meter" in listed[place]:
            meters[device.name] = _meter(listed[place], "meter", f"devices[{place}].meter")
    heats = any(to == HEAT for device in devices for part in device.layer.converters for to, _ in part.gives)
    if "heat_meter" in fields and not heats:
        raise ValueError("heat_meter is of no use without a device that gives heat")
    if taken := {*OWN_METERS, "load", "sun"} & {device.name for device in devices}:
        raise ValueError(f"no device may be called {min(taken)!r}: a meter or a forecast is")
    Plant(devices, contents)
    loads = _loads(fields.get("loads", []))
    if both := {device.name for device in devices} & {load.name for load in loads}:
        raise ValueError(f"{min(both)!r} is a device and a load")
    mqtt = fields.get("mqtt", "")
    if not isinstance(mqtt, str) or (mqtt and not mqtt.startswith("mqtt://")):
        raise ValueError(f"mqtt must be mqtt://HOST:PORT/TOPIC, not {mqtt!r}")
    return HomeFile(
        grid_meter=_meter(fields, "grid_meter", "grid_meter"),
        solar_meter=_own_meter(fields, "solar_meter"),
        wind_meter=_own_meter(fields, "wind_meter"),
        heat_meter=_own_meter(fields, "heat_meter"),
        loads=loads,
        goals=_goals(fields.get("goals", {})),
        import_max_w=whole_number(fields.get("import_max_w"), "import_max_w", 1, POWER_W_MAX),
        export_max_w=whole_number(fields.get("export_max_w"), "export_max_w", 0, POWER_W_MAX),
        devices=devices,
        contents_milliwh=contents,
        device_meters=meters,
        mqtt=mqtt,
        noon_utc_hour=whole_number(fields.get("noon_utc_hour", 12), "noon_utc_hour", 0, 23),
    )


def _goals(raw: object) -> dict[str, int]:
    told = object_of(raw, "goals")
    if unknown := set(told) - set(GOALS_MAX):
        raise ValueError(f"goals has no field {min(unknown)!r}; there are {', '.join(GOALS_MAX)}")
    return {name: whole_number(value, f"goals.{name}", 0, GOALS_MAX[name]) for name, value in told.items()}


def _loads(raw: object) -> tuple[SwitchedLoad, ...]:
    if not isinstance(raw, list):
        raise ValueError("loads must be a list")
    loads = []
    for place, item in enumerate(raw):
        where, fields = f"loads[{place}]", object_of(item, f"loads[{place}]")
        if unknown := set(fields) - {"name", "priority", "power_w", "inrush_permille"}:
            raise ValueError(f"{where} has no field {min(unknown)!r}")
        name = fields.get("name")
        if not isinstance(name, str) or not name or set("/+#") & set(name):
            raise ValueError(f"{where} must have a name without '/', '+' and '#'")
        loads.append(
            SwitchedLoad(
                name,
                whole_number(fields.get("priority"), f"{where}.priority", 0, 99),
                whole_number(fields.get("power_w"), f"{where}.power_w", 1, POWER_W_MAX),
                whole_number(fields.get("inrush_permille", 1_000), f"{where}.inrush_permille", 1_000, 20_000),
            )
        )
    Restart(loads)
    return tuple(loads)


def _own_meter(fields: dict[str, Any], name: str) -> str:
    return _meter(fields, name, name) if name in fields else ""


def _meter(fields: dict[str, Any], name: str, where: str) -> str:
    source = fields.get(name)
    if not isinstance(source, str):
        raise ValueError(f"{where} must be PROTOCOL:PLACE, as in a community's list of members, not {source!r}")
    try:
        split_source(source)
    except Misconfigured as error:
        raise ValueError(f"{where}: {error}") from error
    return source


def meters_of(home: HomeFile) -> dict[str, str]:
    """Return the source of every meter of a home, by the name under which `MemberAgent.heard` takes it."""
    own = {GRID: home.grid_meter, SUN: home.solar_meter, WIND: home.wind_meter, HEAT: home.heat_meter}
    return {name: source for name, source in own.items() if source} | home.device_meters


def site_of(home: HomeFile, length_s: int, gate_lead_s: int) -> SiteConfig:
    """Return a home as a site of a market."""
    return SiteConfig(
        home.devices,
        length_s=length_s,
        gate_lead_s=gate_lead_s,
        quoting_s=max(1, length_s - gate_lead_s),
        noon_utc_hour=home.noon_utc_hour,
        import_max_kw=home.import_max_w / 1e3,
        export_max_kw=home.export_max_w / 1e3,
    )


def others_of(home: HomeFile) -> list[Other]:
    """Return what a home has to forecast beside load and sun."""
    most_kw = max(home.import_max_w, home.export_max_w) / 1e3
    wind = [Other(WIND, most_kw, source=True)] if home.wind_meter else []
    heat = [Other(HEAT, HEAT_MOST * most_kw)] if home.heat_meter else []
    return [*wind, *heat, *(Other(device.name, presence=True) for device in home.devices if device.absent)]
