"""Register samples out of Shelly devices' messages, first and second generation. Units: Wh, W.

First generation: a topic per value, ``shellies/DEVICE/emeter/0/total`` in Wh and ``…/relay/0/energy`` in Wmin, or all
in ``shellies/DEVICE/info``. Second and later: JSON in ``DEVICE/events/rpc`` and ``DEVICE/status/COMPONENT``, energies
in Wh. An em component shows power only; its emdata component shows energy, once a minute. Time comes with a status of
the second generation only. Source: Shelly API reference, Gen1 (MQTT) and Gen2 (EM, EM1, EMData, Switch, PM1).
"""

from collections.abc import Iterable
from decimal import Decimal
from math import floor
from typing import Final

from energy.results import Rejected
from metering.device_json import Json, number, read_object
from metering.mqtt.bundle import Message, sample_of, torn, unpack
from metering.registers import RegisterSample

_WMIN_PER_WH: Final = 60
_NEEDED: Final = {
    "emeter": ("total", "total_returned"),
    "relay": ("energy",),
    "light": ("energy",),
    "roller": ("energy",),
}


class Gen1Collector:
    """Puts the topics of one value each together, meter by meter; a whole status passes as it is."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], dict[str, bytes]] = {}

    def take(self, topic: str, payload: bytes) -> list[Message] | None:
        """Return the messages of a sample that a message completes."""
        match topic.split("/"):
            case ["shellies", _, "info"]:
                return [(topic, payload)]
            case ["shellies", device, kind, place, name] if kind in _NEEDED:
                values = self._values.setdefault((device, kind, place), {})
                values[name] = payload
                needed = _NEEDED[kind]
                if name != needed[-1] or any(each not in values for each in needed):
                    return None
                names = [*needed, *(["power"] if "power" in values else [])]
                return [(f"shellies/{device}/{kind}/{place}/{each}", values[each]) for each in names]
        return None


class Gen2Collector:
    """Every message stands for itself."""

    def take(self, topic: str, payload: bytes) -> list[Message] | None:
        """Return the message, if it may hold a status."""
        return [(topic, payload)] if topic.endswith("/events/rpc") or "/status/" in topic else None


def decode_gen1(bundle: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a bundle of `Gen1Collector`."""
    messages = unpack(bundle)
    if not messages:
        return torn(bundle)
    match messages[0][0].split("/"):
        case ["shellies", device, "info"]:
            status = read_object(messages[0][1])
            return torn(bundle) if status is None else _gen1_status(bundle, device, status, received_at)
        case ["shellies", device, kind, place, _] if kind in _NEEDED:
            values = {
                topic.rpartition("/")[2]: number(payload.decode("ascii", "replace")) for topic, payload in messages
            }
            return sample_of(
                bundle,
                f"{device}/{place}",
                values.get("total") if kind == "emeter" else _from_wmin(values.get("energy")),
                values.get("total_returned"),
                values.get("power"),
                None,
                received_at,
            )
    return torn(bundle)


def decode_gen2(bundle: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a message of the second generation or later."""
    messages = unpack(bundle)
    status = read_object(messages[0][1]) if messages else None
    if not messages or status is None:
        return torn(bundle)
    topic = messages[0][0]
    told_at = None
    if topic.endswith("/events/rpc"):
        params = status.get("params")
        if not isinstance(params, dict) or status.get("method") not in ("NotifyStatus", "NotifyFullStatus"):
            return sample_of(bundle, "", None, None, None, None, received_at)
        device = status.get("src") if isinstance(status.get("src"), str) else topic.removesuffix("/events/rpc")
        stamp = number(params.get("ts"))
        told_at = floor(stamp) if stamp is not None and stamp > 0 else None
        components = [(name, part) for name, part in params.items() if isinstance(part, dict)]
    else:
        device, _, name = topic.rpartition("/status/")
        components = [(name, status)]
    imported, exported, power = _gen2_totals(components)
    return sample_of(bundle, str(device), imported, exported, power, told_at, received_at)


def _gen2_totals(components: Iterable[tuple[str, Json]]) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Return energies and power over all components of one message."""
    imported: list[Decimal] = []
    exported: list[Decimal] = []
    powers: list[Decimal] = []
    for name, part in components:
        kind = name.partition(":")[0]
        if kind == "emdata":
            found = (part.get("total_act"), part.get("total_act_ret"), None)
        elif kind == "em1data":
            found = (part.get("total_act_energy"), part.get("total_act_ret_energy"), None)
        elif kind == "em":
            found = (None, None, part.get("total_act_power"))
        elif kind == "em1":
            found = (None, None, part.get("act_power"))
        elif kind in ("switch", "pm1", "cover", "light"):
            found = (_total(part.get("aenergy")), _total(part.get("ret_aenergy")), part.get("apower"))
        else:
            continue
        for values, shown in zip((imported, exported, powers), found, strict=True):
            if (value := number(shown)) is not None:
                values.append(value)
    totals = [sum(values, Decimal(0)) if values else None for values in (imported, exported, powers)]
    return totals[0], totals[1], totals[2]


def _gen1_status(bundle: bytes, device: str, status: Json, received_at: int | None) -> RegisterSample | Rejected:
    """Read the first meter of a whole status; others have topics of their own."""
    meters = status.get("emeters") or status.get("meters")
    meter = meters[0] if isinstance(meters, list) and meters and isinstance(meters[0], dict) else {}
    stamp = number(status.get("unixtime"))
    if meter.get("is_valid") is False:
        meter = {}
    in_wh = "emeters" in status
    total = number(meter.get("total"))
    return sample_of(
        bundle,
        f"{device}/0",
        total if in_wh else _from_wmin(total),
        number(meter.get("total_returned")),
        number(meter.get("power")),
        int(stamp) if stamp else None,
        received_at,
    )


def _total(part: object) -> object:
    return part.get("total") if isinstance(part, dict) else None


def _from_wmin(energy: Decimal | None) -> Decimal | None:
    return None if energy is None else Decimal(floor(energy) // _WMIN_PER_WH)
