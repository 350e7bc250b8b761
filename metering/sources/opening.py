"""How each kind of source is opened: from a place, its options and the node's clock to a `Source`."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energy.errors import Misconfigured
from energy.results import Rejected
from metering.dsmr.cipher import P1Keys, Unsealer
from metering.iec62056.dialogue import Dialogue
from metering.iec62056.frame import TelegramSplitter
from metering.mbus.frame import ANY_ADDRESS, MbusDialogue, MbusSplitter
from metering.ocpp.decoder import keep, signed_records
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.sources.csv_file import CsvSource
from metering.sources.ports import Source
from metering.sources.stream import Manner, Splitter, StreamSource
from metering.sources.wires import TcpPlace, place_of
from metering.sunspec.modbus import RtuFraming, TcpFraming
from metering.sunspec.reader import SunSpecReader

if TYPE_CHECKING:
    from metering.sources.mqtt import Collector

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


def wired(baud: int, splitter: Callable[[], Splitter], *, seven_bits: bool = False, even: bool = False) -> OpenSource:
    """Return what opens a meter that speaks unasked."""

    def open_source(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
        manner = Manner(splitter, protocol.decode, protocol.trust)
        speed = int(options.get("baud", baud))
        place = place_of(_under(folder, where), speed, seven_bits=seven_bits, even=_is_even(options, even))
        return StreamSource(place, manner, clock)

    return open_source


def sealed(baud: int, splitter: Callable[[], Splitter], *, even: bool, unauthenticated: bool) -> OpenSource:
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


def asked(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    """Open a meter that waits to be asked, by IEC 62056-21."""
    dialogue = Dialogue(options.get("address", ""))
    manner = Manner(TelegramSplitter, protocol.decode, protocol.trust, dialogue, _interval_ms(options, 30))
    return StreamSource(place_of(_under(folder, where), 300, seven_bits=True), manner, clock)


def mbus_asked(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    """Open a meter on M-Bus."""
    dialogue = MbusDialogue(int(options.get("address", ANY_ADDRESS)))
    manner = Manner(MbusSplitter, protocol.decode, protocol.trust, dialogue, _interval_ms(options, 60))
    return StreamSource(place_of(_under(folder, where), int(options.get("baud", 2_400)), even=True), manner, clock)


def sunspec_device(models: tuple[int, ...]) -> OpenSource:
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


def csv_file(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    """Open a file that may still grow."""
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


def mqtt_device(collector: Callable[[], "Collector"], topic: str) -> OpenSource:
    """Return what opens a device behind a broker.

    Args:
        collector: Makes what puts its messages together.
        topic: What is subscribed to unless the source says otherwise.
    """

    def open_source(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
        from metering.sources.mqtt import Broker, MqttSource

        place = _port(where)
        user, password = _login(folder, options)
        authority = str(folder / options["ca"]) if "ca" in options else None
        tls = ssl.create_default_context(cafile=authority) if authority else None
        broker = Broker(place.host, place.port, options.get("topic", topic), user, password, tls)
        return MqttSource(broker, collector, protocol.decode, protocol.trust, clock)

    return open_source


def charge_points(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    """Open a port that charge points call, for the values that they state."""
    from metering.sources.charge_points import ChargePointSource

    place = _port(where)
    return ChargePointSource(
        place.host,
        place.port,
        lambda name, message: [keep(name, message)],
        protocol.decode,
        protocol.trust,
        clock,
    )


def signed_charge_points(protocol: MeterProtocol, folder: Path, where: str, options: Options, clock: Clock) -> Source:
    """Open a port that charge points call, for the records that their meters sign."""
    from metering.sources.charge_points import ChargePointSource

    try:
        key = bytes.fromhex((folder / options["key"]).read_text("ascii")) if "key" in options else b""
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the key of a charge point's meter cannot be read: {type(error).__name__}") from None
    place = _port(where)
    return ChargePointSource(
        place.host,
        place.port,
        lambda _, message: signed_records(message, key),
        protocol.decode,
        protocol.trust,
        clock,
    )


def _port(where: str) -> TcpPlace:
    place = place_of(where, 0)
    if not isinstance(place, TcpPlace):
        raise ValueError("this kind of meter is reached by tcp://HOST:PORT")
    return place


def _login(folder: Path, options: Options) -> tuple[str | None, str | None]:
    """Read a user's name and password, each on its own line."""
    if "login" not in options:
        return None, None
    try:
        user, password = (folder / options["login"]).read_text("utf-8").splitlines()[:2]
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the login of a broker cannot be read: {type(error).__name__}") from None
    return user, password
