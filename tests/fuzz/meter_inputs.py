"""What is fuzzed: by family, some bytes are given to everything of metering that reads such bytes from outside.

Around arbitrary bytes true checksums and signatures are put as well, so that they reach what lies behind the checks.
What a decoder takes must be whole: the frame itself, and registers that a reading can hold.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.checksums import block_check, crc16_arc
from metering.dlms.axdr import read_value
from metering.dlms.frame import LLC, HdlcSplitter, write_frame
from metering.dlms.sealed import HdlcMessages, MbusMessages, in_hdlc, in_mbus
from metering.dsmr.cipher import ENCRYPTED_ONLY, SECURITY, P1Keys, SealedSplitter, Unsealer, seal
from metering.files.enedis_curve import decode_enedis_csv, decode_enedis_json
from metering.files.green_button import decode_green_button
from metering.files.load_curve import Direction
from metering.iec62056.dialogue import Dialogue
from metering.iec62056.frame import TelegramSplitter
from metering.linky.frame import FrameSplitter, checksum
from metering.linky.labels import HISTORIQUE, STANDARD, Dialect
from metering.mbus.frame import MbusSplitter, long_frame
from metering.mqtt.bundle import pack, unpack
from metering.mqtt.home import SingleCollector, StateCollector
from metering.mqtt.shelly import Gen1Collector, Gen2Collector
from metering.ocpp.decoder import keep, signed_records
from metering.protocols import PROTOCOLS
from metering.signed.encoder import public_der, seal_envelope
from metering.signed.envelope import EnvelopeSplitter
from metering.signed.ocmf import with_key
from metering.sml.frame import SmlSplitter, write_file
from metering.sources.simulators.kinds import SIMULATED_KEY
from metering.sources.stream import Splitter
from metering.sunspec.decoder import BATTERIES, END, METERS, START
from metering.sunspec.modbus import RtuFraming, TcpFraming
from metering.sunspec.reader import SunSpecReader

ARRIVAL: Final = 1_741_348_800
KEYS: Final = P1Keys(bytes(16), bytes(16))
GATEWAY_KEY: Final = public_der(SIMULATED_KEY)


def linky(data: bytes) -> None:
    """Frames of a Linky; groups with true checksums in both dialects."""
    frames = [data, *(_with_checksums(data, dialect) for dialect in (STANDARD, HISTORIQUE))]
    _decode(("linky", "linky-historique"), frames + _cut([FrameSplitter()], data))


def _with_checksums(data: bytes, dialect: Dialect) -> bytes:
    groups = b""
    for line in data.split(b"\n"):
        fields = line.removesuffix(b"\r")[:-2] if line.endswith(b"\r") else line
        zone = fields + dialect.separator if dialect.checksum_takes_last_separator else fields
        groups += b"\n" + fields + dialect.separator + bytes([checksum(zone)]) + b"\r"
    return b"\x02" + groups + b"\x03"


def telegrams(data: bytes) -> None:
    """Telegrams of P1 and IEC 62056-21, some with their checks; answers of a meter that is asked."""
    lines = data.rpartition(b"!")[0] or data
    block = b"\x02" + lines + b"!\r\n\x03"
    frames = [
        data,
        lines + b"!%04X\r\n" % crc16_arc(lines + b"!"),
        b"/ISk5MT171-0133\r\n" + block + bytes([block_check(block[1:])]),
    ]
    names = ("dsmr", "dsmr-ie", "dsmr-lt", "dsmr-v3", "iec62056", "iec62056-d")
    _decode(names, frames + _cut([TelegramSplitter()], data))
    dialogue = Dialogue()
    dialogue.begin()
    dialogue.hear(data)


def sealed(data: bytes) -> None:
    """Encrypted frames, as they come and as only their key writes them."""
    written = seal(data, KEYS, b"12345678", 9)
    assert Unsealer(KEYS).open(written) == data
    opened = [data]
    splitters = (SealedSplitter(), HdlcMessages(), MbusMessages())
    carried = (data, in_hdlc(data[:2_000]), in_mbus(data), in_hdlc(written[:2_000]), in_mbus(written))
    for frame in (data, *(frame for each in carried for frame in _cut(splitters, each))):
        for security in (SECURITY, ENCRYPTED_ONLY):
            outcome = Unsealer(KEYS, unauthenticated=security == ENCRYPTED_ONLY).open(frame)
            opened += [] if isinstance(outcome, Rejected) else [outcome]
    _decode(("dsmr-encrypted", "dlms-encrypted", "dlms-mbus"), opened)


def sml(data: bytes) -> None:
    """Files of SML."""
    _decode(("sml",), [data, write_file(data), *_cut([SmlSplitter()], data)])


def dlms(data: bytes) -> None:
    """Pushes of DLMS in HDLC, and lists alone."""
    _decode(("dlms",), [data, write_frame(LLC + data[:2_000]), *_cut([HdlcSplitter()], data)])
    _decode(("dlms-encrypted",), [data, b"\x0f\x40\x00\x00\x00\x00" + data])
    with suppress(ValueError):
        read_value(data, 0)


def sunspec(data: bytes) -> None:
    """Images of SunSpec devices, and what a device answers by Modbus."""
    _decode(("sunspec-meter", "sunspec-inverter", "sunspec-battery"), [data, START + data + END])
    for framing in (TcpFraming(), RtuFraming()):
        reader = SunSpecReader(framing, (*METERS, *BATTERIES), 1, None)
        reader.begin()
        # Byte by byte would be a line; a device answers in pieces of any size.
        for begin in range(0, min(len(data), 2_000), 50):
            reader.hear(data[begin : begin + 50])
        reader.feed(b"")


def mbus(data: bytes) -> None:
    """Frames of M-Bus."""
    _decode(("mbus", "mbus-heat"), [data, long_frame(data[:250], 1), *_cut([MbusSplitter()], data)])


def mqtt(data: bytes) -> None:
    """Bundles of topics and payloads, as they are kept and as they come."""
    names = ("shelly-gen1", "shelly", "tasmota", "zigbee2mqtt", "home-assistant")
    bundles = [data]
    collectors = (Gen1Collector(), Gen2Collector(), SingleCollector(), StateCollector())
    for topic, payload in unpack(data) or ():
        bundles += [pack(taken) for each in collectors if (taken := each.take(topic, payload)) is not None]
    _decode(names, bundles)


def charge_points(data: bytes) -> None:
    """Messages of charge points, and records that their meters sign."""
    text = data.decode("utf-8", "replace")
    records = [*signed_records(data, b""), *signed_records(text, GATEWAY_KEY)]
    _decode(("ocpp",), [data, keep("CP-1", text)])
    payload = text.removeprefix("OCMF|").partition("|")[0]
    signature = SIMULATED_KEY.sign(payload.encode(), ECDSA(SHA256(), deterministic_signing=True)).hex()
    with suppress(ValueError):
        records.append(with_key(f'OCMF|{payload}|{{"SD":"{signature}"}}', GATEWAY_KEY))
    _decode(("ocpp-ocmf",), [data, *records])


def signed(data: bytes) -> None:
    """Envelopes of gateways around whatever a meter says."""
    names = [name for name in PROTOCOLS if name.startswith("signed-")]
    frames = [data, *_cut([EnvelopeSplitter()], data)]
    inner = names[len(data) % len(names)].removeprefix("signed-")
    _decode(names, [*frames, seal_envelope(inner, data[:8_000], ARRIVAL, 1, SIMULATED_KEY)])


def files(data: bytes) -> None:
    """Files of load curves, and rows."""
    _decode(("csv",), [data])
    decode_enedis_csv(data)
    for direction in Direction:
        decode_enedis_json(data, direction)
    decode_green_button(data)


FAMILIES: Final[Mapping[str, Callable[[bytes], None]]] = {
    each.__name__: each
    for each in (linky, telegrams, sealed, sml, dlms, sunspec, mbus, mqtt, charge_points, signed, files)
}
"""By name."""


def _cut(splitters: Iterable[Splitter], data: bytes) -> list[bytes]:
    return [frame for splitter in splitters for frame in splitter.feed(data)]


def _decode(names: Iterable[str], frames: Iterable[bytes]) -> None:
    for name in names:
        decode = PROTOCOLS[name].decode
        for frame in frames:
            sample = decode(frame, ARRIVAL)
            if not isinstance(sample, Rejected):
                assert sample.raw == frame, "another frame than was given"
                assert sample.serial, "no serial number"
                for index_wh in (sample.import_index_wh, sample.export_index_wh):
                    assert type(index_wh) is int
                    assert 0 <= index_wh <= ENERGY_WH_MAX, f"no register: {index_wh}"
