"""The meters that a node can read: for each protocol its decoder, its trust, its registers' top and its source.

A source is named ``PROTOCOL:PLACE``; a place is the path of a serial line or file, or ``tcp://HOST:PORT``, and may be
followed by options as in ``iec62056:/dev/ttyUSB0?address=0123``. What changes the meaning of a telegram, such as a
country's standard time, is part of the protocol's name and no option, so that a stored telegram keeps its meaning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from energy.errors import Misconfigured
from energy.results import Rejected
from metering.dlms import decoder as dlms
from metering.dlms.frame import HdlcSplitter
from metering.dlms.sealed import SealedPushSplitter
from metering.dsmr import decoder as dsmr
from metering.dsmr.cipher import P1Keys, SealedSplitter, Unsealer
from metering.files.csv_row import decode_row
from metering.iec62056 import decoder as iec62056
from metering.iec62056.dialogue import Dialogue
from metering.iec62056.frame import TelegramSplitter
from metering.linky import decoder as linky
from metering.linky.frame import FrameSplitter
from metering.linky.labels import HISTORIQUE, STANDARD
from metering.mbus import decoder as mbus
from metering.mbus.frame import ANY_ADDRESS, MbusDialogue, MbusSplitter
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.sml import decoder as sml
from metering.sml.frame import SmlSplitter
from metering.sources.csv_file import CsvSource
from metering.sources.ports import Source
from metering.sources.stream import Manner, Splitter, StreamSource
from metering.sources.wires import place_of
from metering.sunspec import decoder as sunspec
from metering.sunspec.modbus import RtuFraming, TcpFraming
from metering.sunspec.reader import SunSpecReader

Decode = Callable[[bytes, int], RegisterSample | Rejected]
"""From a telegram as it is kept in `RegisterSample.raw`, and when it arrived."""
Clock = Callable[[], int]
Options = Mapping[str, str]
OpenSource = Callable[["MeterProtocol", Path, str, Options, Clock], Source]


@dataclass(frozen=True, slots=True)
class MeterProtocol:
    """One kind of meter."""

    name: str
    decode: Decode
    trust: TrustClass
    index_modulus_wh: int
    open_source: OpenSource
    """From the node's folder, a place and its options; call `source_of` instead."""
    options: tuple[str, ...] = ()
    """Options that a place may have."""


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


def _wired(baud: int, splitter: Callable[[], Splitter], *, seven_bits: bool = False, even: bool = False) -> OpenSource:
    """Return what opens a meter that speaks unasked."""

    def open_source(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
        manner = Manner(splitter, protocol.decode, protocol.trust)
        speed = int(options.get("baud", baud))
        place = place_of(_under(folder, where), speed, seven_bits=seven_bits, even=_is_even(options, even))
        return StreamSource(place, manner, clock)

    return open_source


def _sealed(baud: int, splitter: Callable[[], Splitter], *, even: bool, unauthenticated: bool) -> OpenSource:
    """Return what opens a meter that speaks unasked, and encrypted."""

    def open_source(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
        unsealer = Unsealer(_keys(folder, options), unauthenticated)

        def decode(frame: bytes, received_at: int) -> RegisterSample | Rejected:
            telegram = unsealer.open(frame)
            return telegram if isinstance(telegram, Rejected) else protocol.decode(telegram, received_at)

        speed = int(options.get("baud", baud))
        place = place_of(_under(folder, where), speed, even=_is_even(options, even))
        return StreamSource(place, Manner(splitter, decode, protocol.trust), clock)

    return open_source


def _asked(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    dialogue = Dialogue(options.get("address", ""))
    manner = Manner(TelegramSplitter, protocol.decode, protocol.trust, dialogue, _interval_ms(options, 30))
    return StreamSource(place_of(_under(folder, where), 300, seven_bits=True), manner, clock)


def _mbus(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    dialogue = MbusDialogue(int(options.get("address", ANY_ADDRESS)))
    manner = Manner(MbusSplitter, protocol.decode, protocol.trust, dialogue, _interval_ms(options, 60))
    return StreamSource(place_of(_under(folder, where), int(options.get("baud", 2_400)), even=True), manner, clock)


def _sunspec(models: tuple[int, ...]) -> OpenSource:
    """Return what opens a device on Modbus, of which some models are read."""

    def open_source(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
        framing = options.get("framing", "tcp" if where.startswith("tcp://") else "rtu")
        if framing not in ("tcp", "rtu"):
            raise ValueError("the framing of Modbus is tcp or rtu")
        base = int(options["base"]) if "base" in options else None
        carried = TcpFraming() if framing == "tcp" else RtuFraming()
        reader = SunSpecReader(carried, models, int(options.get("unit", 1)), base)
        manner = Manner(lambda: reader, protocol.decode, protocol.trust, reader, _interval_ms(options, 10))
        speed = int(options.get("baud", 9_600))
        return StreamSource(place_of(_under(folder, where), speed, even=_is_even(options, False)), manner, clock)

    return open_source


def _interval_ms(options: Options, usual_s: int) -> int:
    interval_ms = int(options.get("every_s", usual_s)) * 1_000
    if interval_ms <= 0:
        raise ValueError("a meter is asked every few seconds, not less")
    return interval_ms


def _is_even(options: Options, usual: bool) -> bool:
    parity = options.get("parity", "even" if usual else "none")
    if parity not in ("even", "none"):
        raise ValueError("the parity of a line is even or none")
    return parity == "even"


def _file(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    return CsvSource(folder / where, follow=True)


def _under(folder: Path, where: str) -> str:
    return where if where.startswith("tcp://") else str(folder / where)


def _keys(folder: Path, options: Options) -> P1Keys:
    """Read the keys, in hexadecimal, each on its own line: encryption, then authentication if there is one."""
    try:
        return P1Keys(*(bytes.fromhex(line) for line in (folder / options["keys"]).read_text("ascii").split()))
    except KeyError:
        raise Misconfigured("an encrypted meter's source says where its keys are: ?keys=FILE") from None
    except (OSError, TypeError, ValueError) as error:
        # What stands in the file is not repeated: it may be half a key.
        raise Misconfigured(f"the keys of a meter cannot be read: {type(error).__name__}") from None


_STANDARD_LINKY = _wired(STANDARD.baud, FrameSplitter, seven_bits=True)
_HISTORIQUE_LINKY = _wired(HISTORIQUE.baud, FrameSplitter, seven_bits=True)
_P1 = _wired(115_200, TelegramSplitter)
_OLD_P1 = _wired(9_600, TelegramSplitter, seven_bits=True)
_SEALED_P1 = _sealed(115_200, SealedSplitter, even=False, unauthenticated=False)
_PUSH = _wired(2_400, HdlcSplitter, even=True)
_SEALED_PUSH = _sealed(2_400, SealedPushSplitter, even=True, unauthenticated=True)
_LINE: Final = ("baud", "parity")
_MODBUS: Final = ("unit", "base", "every_s", "framing", *_LINE)

PROTOCOLS: Final[Mapping[str, MeterProtocol]] = {
    protocol.name: protocol
    for protocol in (
        MeterProtocol("linky", linky.decode_standard, TrustClass.B, linky.INDEX_MODULUS_WH, _STANDARD_LINKY),
        MeterProtocol(
            "linky-historique", linky.decode_historique, TrustClass.C, linky.INDEX_MODULUS_WH, _HISTORIQUE_LINKY
        ),
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
        MeterProtocol(
            "dsmr-encrypted", dsmr.decode_p1, TrustClass.B, dsmr.INDEX_MODULUS_WH, _SEALED_P1, ("keys", "baud")
        ),
        MeterProtocol("dsmr-v3", dsmr.decode_p1_unchecked, TrustClass.E, dsmr.OLD_INDEX_MODULUS_WH, _OLD_P1, ("baud",)),
        MeterProtocol("sml", sml.decode_sml, TrustClass.B, sml.INDEX_MODULUS_WH, _wired(9_600, SmlSplitter), ("baud",)),
        MeterProtocol(
            "iec62056",
            iec62056.decode_readout,
            TrustClass.C,
            iec62056.INDEX_MODULUS_WH,
            _asked,
            ("address", "every_s"),
        ),
        MeterProtocol(
            "iec62056-d",
            iec62056.decode_push,
            TrustClass.E,
            iec62056.INDEX_MODULUS_WH,
            _wired(9_600, TelegramSplitter, seven_bits=True),
            ("baud",),
        ),
        MeterProtocol("dlms", dlms.decode_push, TrustClass.B, dlms.INDEX_MODULUS_WH, _PUSH, _LINE),
        MeterProtocol(
            "dlms-encrypted",
            dlms.decode_notification,
            TrustClass.B,
            dlms.INDEX_MODULUS_WH,
            _SEALED_PUSH,
            ("keys", *_LINE),
        ),
        MeterProtocol(
            "sunspec-meter",
            sunspec.decode_meter,
            TrustClass.C,
            sunspec.INDEX_MODULUS_WH,
            _sunspec(sunspec.METERS),
            _MODBUS,
        ),
        MeterProtocol(
            "sunspec-inverter",
            sunspec.decode_inverter,
            TrustClass.D,
            sunspec.TOTAL_MODULUS_WH,
            _sunspec(sunspec.INVERTERS),
            _MODBUS,
        ),
        MeterProtocol(
            "sunspec-battery",
            sunspec.decode_battery,
            TrustClass.D,
            sunspec.TOTAL_MODULUS_WH,
            _sunspec(sunspec.BATTERIES),
            _MODBUS,
        ),
        MeterProtocol(
            "mbus",
            mbus.decode_electricity,
            TrustClass.C,
            mbus.INDEX_MODULUS_WH,
            _mbus,
            ("address", "every_s", "baud"),
        ),
        MeterProtocol(
            "mbus-heat", mbus.decode_heat, TrustClass.D, mbus.INDEX_MODULUS_WH, _mbus, ("address", "every_s", "baud")
        ),
        MeterProtocol("csv", lambda frame, _: decode_row(frame), TrustClass.C, linky.INDEX_MODULUS_WH, _file),
    )
}
"""By name. Class B: each telegram is checked by 16 bits or more; C: by 8, a sub-meter on Modbus, or delivered by the
grid operator. Nothing settles on D, telemetry and heat, or on E, which nothing checks."""
