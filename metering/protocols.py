"""The meters that a node can read: for each protocol its decoder, its trust, its registers' top and its source.

A source is named ``PROTOCOL:PLACE``; a place is the path of a serial line or file, or ``tcp://HOST:PORT``, and may be
followed by options as in ``iec62056:/dev/ttyUSB0?address=0123``. What changes the meaning of a telegram, such as a
country's standard time, is part of the protocol's name and no option, so that a stored telegram keeps its meaning.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from energy.errors import Misconfigured
from energy.results import Rejected
from metering.dlms import decoder as dlms
from metering.dlms.frame import HdlcSplitter
from metering.dlms.sealed import HdlcMessages, MbusMessages
from metering.dsmr import decoder as dsmr
from metering.dsmr.cipher import SealedSplitter
from metering.files.csv_row import decode_row
from metering.iec62056 import decoder as iec62056
from metering.iec62056.frame import TelegramSplitter
from metering.linky import decoder as linky
from metering.linky.frame import FrameSplitter
from metering.linky.labels import HISTORIQUE, STANDARD
from metering.mbus import decoder as mbus
from metering.mqtt import bundle, home, shelly
from metering.ocpp import decoder as ocpp
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.signed import ocmf
from metering.signed.envelope import EnvelopeSplitter, decode_envelope
from metering.sml import decoder as sml
from metering.sml.frame import SmlSplitter
from metering.sources.opening import (
    Clock,
    MeterProtocol,
    asked,
    charge_points,
    csv_file,
    mbus_asked,
    mqtt_device,
    sealed,
    signed_charge_points,
    sunspec_device,
    wired,
)
from metering.sources.ports import Source
from metering.sunspec import decoder as sunspec


def source_of(name: str, folder: Path, clock: Clock) -> Source:
    """Return the source that ``PROTOCOL:PLACE`` names, not yet open.

    Args:
        name: As in a community's list of members.
        folder: What a relative path is relative to.
        clock: The node's clock, UTC epoch seconds.
    Raises:
        Misconfigured: there is no such protocol, option, key or port.
    """
    protocol, place = split_source(name)
    where, _, query = place.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for option in options:
        if option not in protocol.options:
            raise Misconfigured(f"a source of {protocol.name} has no option {option!r}")
    try:
        return protocol.open_source(protocol, folder, where, options, clock)
    except ValueError as error:
        raise Misconfigured(f"the source of a meter is not well written: {error}") from error


def split_source(name: str) -> tuple[MeterProtocol, str]:
    """Return the protocol and the place in ``PROTOCOL:PLACE``.

    Raises:
        Misconfigured: there is no such protocol, or no place.
    """
    protocol, _, place = name.partition(":")
    if protocol not in PROTOCOLS or not place:
        raise Misconfigured(f"a meter's source is PROTOCOL:PLACE with one of {', '.join(PROTOCOLS)}, not {name!r}")
    return PROTOCOLS[protocol], place


_STANDARD_LINKY = wired(STANDARD.baud, FrameSplitter, seven_bits=True)
_HISTORIQUE_LINKY = wired(HISTORIQUE.baud, FrameSplitter, seven_bits=True)
_P1 = wired(115_200, TelegramSplitter)
_OLD_P1 = wired(9_600, TelegramSplitter, seven_bits=True)
_SEALED_P1 = sealed(115_200, SealedSplitter, even=False, unauthenticated=False)
_PUSH = wired(2_400, HdlcSplitter, even=True)
_SEALED_IN_HDLC = sealed(2_400, HdlcMessages, even=True, unauthenticated=True)
_SEALED_IN_MBUS = sealed(2_400, MbusMessages, even=True, unauthenticated=True)
_LINE: Final = ("baud", "parity")
_BROKER: Final = ("topic", "login", "ca")
_ENVELOPES = wired(115_200, EnvelopeSplitter)
_MODBUS: Final = ("unit", "base", "every_s", "framing", *_LINE)

_DIRECT: Final = (
    MeterProtocol("linky", linky.decode_standard, TrustClass.B, linky.INDEX_MODULUS_WH, _STANDARD_LINKY),
    MeterProtocol("linky-historique", linky.decode_historique, TrustClass.C, linky.INDEX_MODULUS_WH, _HISTORIQUE_LINKY),
    MeterProtocol("dsmr", dsmr.decode_p1, TrustClass.B, dsmr.INDEX_MODULUS_WH, _P1, ("baud",)),
    MeterProtocol(
        "dsmr-ie",
        partial(dsmr.decode_p1, standard_offset_s=0),
        TrustClass.B,
        dsmr.INDEX_MODULUS_WH,
        _P1,
        ("baud",),
    ),
    MeterProtocol(
        "dsmr-lt",
        partial(dsmr.decode_p1, standard_offset_s=7_200),
        TrustClass.B,
        dsmr.INDEX_MODULUS_WH,
        _P1,
        ("baud",),
    ),
    MeterProtocol("dsmr-encrypted", dsmr.decode_p1, TrustClass.B, dsmr.INDEX_MODULUS_WH, _SEALED_P1, ("keys", "baud")),
    MeterProtocol("dsmr-v3", dsmr.decode_p1_unchecked, TrustClass.E, dsmr.OLD_INDEX_MODULUS_WH, _OLD_P1, ("baud",)),
    MeterProtocol("sml", sml.decode_sml, TrustClass.B, sml.INDEX_MODULUS_WH, wired(9_600, SmlSplitter), ("baud",)),
    MeterProtocol(
        "iec62056",
        iec62056.decode_readout,
        TrustClass.C,
        iec62056.INDEX_MODULUS_WH,
        asked,
        ("address", "every_s"),
    ),
    MeterProtocol(
        "iec62056-d",
        iec62056.decode_push,
        TrustClass.E,
        iec62056.INDEX_MODULUS_WH,
        wired(9_600, TelegramSplitter, seven_bits=True),
        ("baud",),
    ),
    MeterProtocol("dlms", dlms.decode_push, TrustClass.B, dlms.INDEX_MODULUS_WH, _PUSH, _LINE),
    MeterProtocol(
        "dlms-encrypted",
        dlms.decode_notification,
        TrustClass.B,
        dlms.INDEX_MODULUS_WH,
        _SEALED_IN_HDLC,
        ("keys", *_LINE),
    ),
    MeterProtocol(
        "dlms-mbus",
        dlms.decode_notification,
        TrustClass.B,
        dlms.INDEX_MODULUS_WH,
        _SEALED_IN_MBUS,
        ("keys", *_LINE),
    ),
    MeterProtocol(
        "sunspec-meter",
        sunspec.decode_meter,
        TrustClass.C,
        sunspec.INDEX_MODULUS_WH,
        sunspec_device(sunspec.METERS),
        _MODBUS,
    ),
    MeterProtocol(
        "sunspec-inverter",
        sunspec.decode_inverter,
        TrustClass.D,
        sunspec.TOTAL_MODULUS_WH,
        sunspec_device(sunspec.INVERTERS),
        _MODBUS,
    ),
    MeterProtocol(
        "sunspec-battery",
        sunspec.decode_battery,
        TrustClass.D,
        sunspec.TOTAL_MODULUS_WH,
        sunspec_device(sunspec.BATTERIES),
        _MODBUS,
    ),
    MeterProtocol(
        "mbus",
        mbus.decode_electricity,
        TrustClass.C,
        mbus.INDEX_MODULUS_WH,
        mbus_asked,
        ("address", "every_s", "baud"),
    ),
    MeterProtocol(
        "mbus-heat", mbus.decode_heat, TrustClass.D, mbus.INDEX_MODULUS_WH, mbus_asked, ("address", "every_s", "baud")
    ),
    MeterProtocol("csv", lambda frame, _: decode_row(frame), TrustClass.C, linky.INDEX_MODULUS_WH, csv_file),
    MeterProtocol("ocpp", ocpp.decode_ocpp, TrustClass.D, ocpp.INDEX_MODULUS_WH, charge_points),
    MeterProtocol("ocpp-ocmf", ocmf.decode_ocmf, TrustClass.A, ocmf.INDEX_MODULUS_WH, signed_charge_points, ("key",)),
    *(
        MeterProtocol(name, decode, TrustClass.E, bundle.INDEX_MODULUS_WH, mqtt_device(collector, topic), _BROKER)
        for name, decode, collector, topic in (
            ("shelly-gen1", shelly.decode_gen1, shelly.Gen1Collector, "shellies/#"),
            ("shelly", shelly.decode_gen2, shelly.Gen2Collector, "+/events/rpc"),
            ("tasmota", home.decode_tasmota, home.SingleCollector, "tele/+/SENSOR"),
            ("zigbee2mqtt", home.decode_zigbee2mqtt, home.SingleCollector, "zigbee2mqtt/+"),
            ("home-assistant", home.decode_home_assistant, home.StateCollector, "homeassistant/sensor/+/+"),
        )
    ),
)
"""Those that are read without a gateway between."""

_BEHIND_GATEWAYS: Final = ("linky", "linky-historique", "dsmr", "sml", "iec62056", "dlms", "sunspec-meter", "mbus")
"""Those that a gateway may sign."""


def _signed(inner: MeterProtocol) -> MeterProtocol:
    """Return the protocol of a meter whose frames a gateway signs; the signature adds to the meter's trust nothing."""

    def decode(frame: bytes, received_at: int) -> RegisterSample | Rejected:
        return decode_envelope(frame, received_at, inner.name, inner.decode)

    return MeterProtocol(f"signed-{inner.name}", decode, inner.trust, inner.index_modulus_wh, _ENVELOPES, _LINE)


PROTOCOLS: Final[Mapping[str, MeterProtocol]] = {
    protocol.name: protocol
    for protocol in (*_DIRECT, *(_signed(inner) for inner in _DIRECT if inner.name in _BEHIND_GATEWAYS))
}
"""By name. Class A: the meter signs; B: each telegram is checked by 16 bits or more; C: by 8, a sub-meter on Modbus, or
delivered by the grid operator. Nothing settles on D, telemetry and heat, or on E, which nothing checks."""
