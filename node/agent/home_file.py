"""A home in a file: its meters, its devices, and where commands go. The member's own; no node ever sees it.

    {"schema": "resilia/home/1", "grid_meter": "linky:/dev/ttyUSB0", "solar_meter": "sunspec-inverter:tcp://10.0.0.7:502",
     "import_max_w": 9000, "export_max_w": 6000,
     "devices": [{"name": "battery", "kind": "lithium", "values": {"capacity_kwh": 6.4}, "solar_only": true,
                  "meter": "sunspec-battery:tcp://10.0.0.8:502"}],
     "mqtt": "mqtt://127.0.0.1:1883/home"}

`solar_meter`, `mqtt`, and a device's `meter` may be left out; a meter is named as in a community's list of members.
Anything else that is wrong is refused with its field. Units: W; all int.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatch.plant import Device, Plant
from energy.errors import Misconfigured
from metering.protocols import split_source
from node.planning.site_file import devices_of, object_of, read_document, whole_number

SCHEMA: Final = "resilia/home/1"
POWER_W_MAX: Final = 10**6
FIELDS: Final = frozenset(
    {"schema", "grid_meter", "solar_meter", "import_max_w", "export_max_w", "devices", "mqtt", "noon_utc_hour"}
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
    if taken := {"grid", "solar"} & {device.name for device in devices}:
        raise ValueError(f"no device may be called {min(taken)!r}: a meter is")
    Plant(devices, contents)
    mqtt = fields.get("mqtt", "")
    if not isinstance(mqtt, str) or (mqtt and not mqtt.startswith("mqtt://")):
        raise ValueError(f"mqtt must be mqtt://HOST:PORT/TOPIC, not {mqtt!r}")
    return HomeFile(
        grid_meter=_meter(fields, "grid_meter", "grid_meter"),
        solar_meter=_meter(fields, "solar_meter", "solar_meter") if "solar_meter" in fields else "",
        import_max_w=whole_number(fields.get("import_max_w"), "import_max_w", 1, POWER_W_MAX),
        export_max_w=whole_number(fields.get("export_max_w"), "export_max_w", 0, POWER_W_MAX),
        devices=devices,
        contents_milliwh=contents,
        device_meters=meters,
        mqtt=mqtt,
        noon_utc_hour=whole_number(fields.get("noon_utc_hour", 12), "noon_utc_hour", 0, 23),
    )


def _meter(fields: dict[str, Any], name: str, where: str) -> str:
    source = fields.get(name)
    if not isinstance(source, str):
        raise ValueError(f"{where} must be PROTOCOL:PLACE, as in a community's list of members, not {source!r}")
    try:
        split_source(source)
    except Misconfigured as error:
        raise ValueError(f"{where}: {error}") from error
    return source
