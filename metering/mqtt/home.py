"""Register samples out of Tasmota's, zigbee2mqtt's and Home Assistant's messages. Units: Wh, W.

Tasmota: ``tele/DEVICE/SENSOR`` with ENERGY in kWh, a number or one per phase, and a time without a zone, which counts
for nothing; its total can be reset by whoever has the plug. zigbee2mqtt: ``zigbee2mqtt/DEVICE`` with energy in kWh.
Home Assistant: `mqtt_statestream`, a topic for the state and one for its unit, or `mqtt_eventstream`, events in JSON.
Source: Tasmota documentation (JSON status responses); zigbee2mqtt exposes; Home Assistant integrations of these names.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from energy.results import Rejected
from metering.device_json import Json, number, read_object, read_value
from metering.mqtt.bundle import Message, sample_of, torn, unpack
from metering.registers import RegisterSample

_FACTORS: Final = {"Wh": Decimal(1), "kWh": Decimal(1_000), "MWh": Decimal(1_000_000)}


class SingleCollector:
    """Every message stands for itself."""

    def take(self, topic: str, payload: bytes) -> list[Message] | None:
        """Return the message."""
        return [(topic, payload)]


class StateCollector:
    """Puts a state and its unit together, entity by entity; an event passes as it is."""

    def __init__(self) -> None:
        self._units: dict[str, bytes] = {}

    def take(self, topic: str, payload: bytes) -> list[Message] | None:
        """Return the messages of a sample that a message completes; a state whose unit has not come is none."""
        entity, _, name = topic.rpartition("/")
        if name == "unit_of_measurement":
            self._units[entity] = payload
            return None
        if name == "state":
            unit = self._units.get(entity)
            return None if unit is None else [(topic, payload), (f"{entity}/unit_of_measurement", unit)]
        return [(topic, payload)] if payload.startswith(b"{") else None


def decode_tasmota(bundle: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a SENSOR message."""
    opened = _single(bundle)
    if opened is None:
        return torn(bundle)
    topic, status = opened
    energy = status.get("ENERGY")
    shown = energy if isinstance(energy, dict) else {}
    exported = shown.get("ExportActive", shown.get("Export"))
    # A meter's own register, where it has one: the total may run backwards while energy flows out.
    imported = shown.get("ImportActive", shown.get("Total"))
    parts = topic.split("/")
    device = parts[1] if len(parts) == 3 else topic
    power = _added(shown.get("Power"))
    return sample_of(bundle, device, _kwh(imported), _kwh(exported), power, None, received_at)


def decode_zigbee2mqtt(bundle: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a device's message."""
    opened = _single(bundle)
    if opened is None:
        return torn(bundle)
    topic, status = opened
    exported = status.get("produced_energy", status.get("energy_produced"))
    power = number(status.get("power"))
    device = topic.partition("/")[2] or topic
    told_at = _instant(status.get("last_seen"))
    return sample_of(bundle, device, _kwh(status.get("energy")), _kwh(exported), power, told_at, received_at)


def decode_home_assistant(bundle: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the register that an entity shows: one that counts what is drawn."""
    messages = unpack(bundle)
    if not messages:
        return torn(bundle)
    if len(messages) == 2 and messages[0][0].endswith("/state"):
        entity = ".".join(messages[0][0].split("/")[-3:-1])
        state: object = messages[0][1].decode("utf-8", "replace")
        unit, told_at = read_value(messages[1][1]), None
    else:
        event = read_object(messages[0][1])
        data: Any = event.get("event_data") if event else None
        new: Any = data.get("new_state") if isinstance(data, dict) else None
        if not isinstance(new, dict) or not isinstance(new.get("entity_id"), str):
            return torn(bundle)
        attributes = new.get("attributes")
        unit = attributes.get("unit_of_measurement") if isinstance(attributes, dict) else None
        entity, state, told_at = new["entity_id"], new.get("state"), _instant(new.get("last_updated"))
    factor, value = _FACTORS.get(str(unit)), number(state)
    energy = None if factor is None or value is None else value * factor
    return sample_of(bundle, entity, energy, None, None, told_at, received_at)


def _single(bundle: bytes) -> tuple[str, Json] | None:
    messages = unpack(bundle)
    status = read_object(messages[0][1]) if messages and len(messages) == 1 else None
    return None if not messages or status is None else (messages[0][0], status)


def _kwh(value: object) -> Decimal | None:
    added = _added(value)
    return None if added is None else added * 1_000


def _added(value: object) -> Decimal | None:
    """Return a number, or the sum of a list of numbers, one for each phase."""
    if not isinstance(value, list):
        return number(value)
    phases = [number(each) for each in value]
    return sum((each for each in phases if each is not None), Decimal(0)) if phases and None not in phases else None


def _instant(stamp: object) -> int | None:
    """Return a time in ISO 8601 with its zone, or in milliseconds since 1970."""
    if isinstance(stamp, int) and not isinstance(stamp, bool) and stamp > 0:
        return stamp // 1_000
    try:
        at = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    return int(at.timestamp()) if at is not None and at.tzinfo else None
