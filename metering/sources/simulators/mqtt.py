"""A broker of one device, and what devices publish, for tests and the demo. Units: Wh, W, UTC epoch seconds.

It speaks as much of MQTT 3.1.1 as a reader needs: it takes anybody in, acknowledges any subscription, and sends
messages of quality of service 0. Source: OASIS MQTT 3.1.1.
"""

import json
from collections.abc import Callable
from typing import Final

from metering.mqtt.bundle import Message, pack, unpack

_CONNECT, _SUBSCRIBE, _PING = 0x10, 0x80, 0xC0
_CONNACK: Final = b"\x20\x02\x00\x00"
_PONG: Final = b"\xd0\x00"


class MqttAnswers:
    """The broker's part of the dialogue."""

    def __init__(self, over_tcp: bool) -> None:
        """Begin; MQTT is spoken over TCP only."""
        self._heard = bytearray()
        self._subscribed = False

    def to(self, heard: bytes, telegram: Callable[[], bytes]) -> bytes:
        """Return the acknowledgements of what readers have sent."""
        self._heard += heard
        said = b""
        while packet := self._packet():
            kind = packet[0] & 0xF0
            if kind == _CONNECT:
                said += _CONNACK
            elif kind == _SUBSCRIBE:
                self._subscribed = True
                body = packet[1 + len(_length(len(packet) - 2)) :]
                said += b"\x90\x03" + body[:2] + b"\x00"
            elif kind == _PING:
                said += _PONG
        return said

    def publish(self, bundle: bytes) -> bytes:
        """Return the messages of a bundle as a broker sends them; nothing before somebody has subscribed."""
        messages = unpack(bundle) or []
        return b"".join(_published(topic, payload) for topic, payload in messages) if self._subscribed else b""

    def _packet(self) -> bytes:
        """Take the next whole packet; a reader's packets are short."""
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self._heard) or shift > 21:
                return b""
            byte = self._heard[at]
            length, shift, at = length | (byte & 0x7F) << shift, shift + 7, at + 1
            if not byte & 0x80:
                break
        if len(self._heard) < at + length:
            return b""
        packet = bytes(self._heard[: at + length])
        del self._heard[: at + length]
        return packet


def shelly_gen1(serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return what a Shelly EM publishes of one meter."""
    topic = f"shellies/{serial.rpartition('/')[0]}/emeter/{serial.rpartition('/')[2]}"
    messages: list[Message] = [(f"{topic}/power", b"%d.00" % power_w), (f"{topic}/total", b"%d.0" % import_index_wh)]
    return pack([*messages, (f"{topic}/total_returned", b"%d.0" % export_index_wh)])


def shelly_gen2(serial: str, at: int, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return the notification of a Shelly that measures one phase."""
    part = {
        "id": 0,
        "apower": power_w,
        "aenergy": {"total": import_index_wh},
        "ret_aenergy": {"total": export_index_wh},
    }
    status = {"src": serial, "dst": f"{serial}/events", "method": "NotifyStatus", "params": {"ts": at, "pm1:0": part}}
    return pack([(f"{serial}/events/rpc", json.dumps(status).encode())])


def tasmota(serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return the telemetry of a Tasmota plug or meter."""
    energy = f'{{"Total":{_kwh(import_index_wh)},"ExportActive":{_kwh(export_index_wh)},"Power":{power_w}}}'
    return pack([(f"tele/{serial}/SENSOR", f'{{"Time":"2026-01-01T00:00:00","ENERGY":{energy}}}'.encode())])


def zigbee2mqtt(serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return the state of a Zigbee meter."""
    state = f'{{"energy":{_kwh(import_index_wh)},"produced_energy":{_kwh(export_index_wh)},"power":{power_w}}}'
    return pack([(f"zigbee2mqtt/{serial}", state.encode())])


def home_assistant(serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return state and unit of an entity that counts what is drawn."""
    topic = "homeassistant/" + serial.replace(".", "/")
    unit = (f"{topic}/unit_of_measurement", b'"kWh"')
    return pack([(f"{topic}/state", _kwh(import_index_wh).encode()), unit])


def _published(topic: str, payload: bytes) -> bytes:
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + payload
    return b"\x30" + _length(len(body)) + body


def _length(length: int) -> bytes:
    """Return a length in MQTT's way: seven bits a byte, low ones first."""
    encoded = b""
    while length >= 0x80:
        encoded, length = encoded + bytes([0x80 | length & 0x7F]), length >> 7
    return encoded + bytes([length])


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh // 1_000}.{energy_wh % 1_000:03}"
