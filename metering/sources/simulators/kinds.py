"""Kinds of meters that are not there, and the real telegrams that each of them sends.

The same values give the same bytes. Units: Wh, W, UTC epoch seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from metering.dlms.encoder import encode_aidon, encode_kaifa, encode_notification
from metering.dlms.sealed import in_hdlc, in_mbus
from metering.dsmr.cipher import ENCRYPTED_ONLY, SECURITY, P1Keys, seal
from metering.dsmr.encoder import DIALECTS, Dialect, encode_p1
from metering.iec62056.encoder import encode_block, encode_identification, encode_push
from metering.linky.encoder import encode_historique, encode_standard
from metering.mbus.encoder import encode_electricity, encode_heat
from metering.signed.device_key import fingerprint
from metering.signed.encoder import seal_envelope
from metering.sml.encoder import encode_sml
from metering.sources.simulators import mqtt
from metering.sources.simulators.answers import Answers, MbusAnswers, ModbusAnswers, ReadoutAnswers
from metering.sunspec.encoder import encode_battery, encode_hybrid, encode_inverter, encode_meter

SIMULATED_KEY: Final = derive_private_key(0x5EED_0000_0001, SECP256R1())
"""Key, on P-256, of every simulated device that signs."""
SIMULATED_KEYS: Final = P1Keys(bytes(range(16)), bytes.fromhex("00112233445566778899AABBCCDDEEFF"))
"""Keys of every simulated encrypted meter."""

_SYSTEM_TITLE: Final = b"SIM\x00\x00\x00\x00\x01"
_RUNNING_SINCE: Final = 1_577_836_800


@dataclass(frozen=True, slots=True)
class Registers:
    """What a meter shows at one instant."""

    at: int
    import_index_wh: int
    export_index_wh: int
    power_w: int = 0
    """Drawn > 0, fed in < 0."""
    grid_there: bool = True
    """What an inverter sees of the grid."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of meter."""

    protocol: str
    """By which it is read: a name in `metering.protocols`."""
    serial: str
    """Number that its telegrams show, or that stands for it where they show none."""
    telegram: Callable[[str, Registers], bytes]
    """From a serial number and registers; for a meter that is asked, its answer after the identification."""
    interval_s: int
    """How often the real one sends."""
    answers: Callable[[bool], Answers] | None = None
    """For a meter that waits to be asked: how it answers; by whether it is reached over TCP."""

    @property
    def asked(self) -> bool:
        """It waits to be asked."""
        return self.answers is not None and not self.published

    @property
    def is_encrypted(self) -> bool:
        """A reader needs its keys, `SIMULATED_KEYS`."""
        return self.protocol in ("dsmr-encrypted", "dlms-encrypted", "dlms-mbus")

    def frame(self, shown: Registers) -> bytes:
        """Return a telegram as the protocol's decoder takes it; an encrypted one has to be opened first."""
        head = encode_identification() if self.answers is ReadoutAnswers else b""
        return head + self.telegram(self.serial, shown)

    @property
    def published(self) -> bool:
        """It speaks through a broker, over TCP only."""
        return self.answers is mqtt.MqttAnswers


def _p1(dialect: Dialect) -> Callable[[str, Registers], bytes]:
    def telegram(serial: str, shown: Registers) -> bytes:
        return encode_p1(
            serial, shown.at, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w, dialect=dialect
        )

    return telegram


def _linky(serial: str, shown: Registers) -> bytes:
    return encode_standard(
        serial,
        shown.at,
        shown.import_index_wh,
        shown.export_index_wh,
        apparent_import_va=max(shown.power_w, 0),
        apparent_export_va=max(-shown.power_w, 0),
    )


def _historique(serial: str, shown: Registers) -> bytes:
    return encode_historique(serial, shown.import_index_wh, apparent_import_va=max(shown.power_w, 0))


def _sealed(serial: str, shown: Registers) -> bytes:
    telegram = _p1(DIALECTS["lu"])(serial, shown)
    # A second is a counter that never comes twice.
    return seal(telegram, SIMULATED_KEYS, _SYSTEM_TITLE, shown.at & 0xFFFFFFFF)


def _sml(serial: str, shown: Registers) -> bytes:
    running_s = max(0, shown.at - _RUNNING_SINCE) & 0xFFFFFFFF
    return encode_sml(
        bytes.fromhex(serial), running_s, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w
    )


def _block(serial: str, shown: Registers) -> bytes:
    return encode_block(serial, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w)


def _push(serial: str, shown: Registers) -> bytes:
    return encode_push(serial, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w)


def _shown(encode: Callable[..., bytes]) -> Callable[[str, Registers], bytes]:
    """Return what writes both registers and the power."""

    def telegram(serial: str, shown: Registers) -> bytes:
        return encode(serial, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w)

    return telegram


def _stamped(encode: Callable[..., bytes]) -> Callable[[str, Registers], bytes]:
    """Return what writes the time besides."""

    def telegram(serial: str, shown: Registers) -> bytes:
        return encode(serial, shown.at, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w)

    return telegram


def _sealed_push(carry: Callable[[bytes], bytes], security: int) -> Callable[[str, Registers], bytes]:
    def telegram(serial: str, shown: Registers) -> bytes:
        message = _stamped(encode_notification)(serial, shown)
        return carry(seal(message, SIMULATED_KEYS, _SYSTEM_TITLE, shown.at & 0xFFFFFFFF, security))

    return telegram


def _inverter(serial: str, shown: Registers) -> bytes:
    return encode_inverter(serial, shown.export_index_wh, power_w=shown.power_w, grid_there=shown.grid_there)


def _hybrid(serial: str, shown: Registers) -> bytes:
    return encode_hybrid(
        serial, shown.import_index_wh, shown.export_index_wh, power_w=shown.power_w, grid_there=shown.grid_there
    )


def _heat(serial: str, shown: Registers) -> bytes:
    return encode_heat(serial, shown.import_index_wh, power_w=shown.power_w)


def _in_envelope(inner: str, telegram: Callable[[str, Registers], bytes]) -> Callable[[str, Registers], bytes]:
    """Return what a gateway sends of a meter; seconds make a counter that never goes back."""

    def envelope(serial: str, shown: Registers) -> bytes:
        return seal_envelope(inner, telegram(serial.partition("@")[0], shown), shown.at, shown.at, SIMULATED_KEY)

    return envelope


_SIGNED_BY: Final = f"@{fingerprint(SIMULATED_KEY.public_key())}"

KINDS: Final[Mapping[str, Kind]] = {
    "linky": Kind("linky", "041876097482", _linky, 2),
    "linky-historique": Kind("linky-historique", "021861348497", _historique, 2),
    "dsmr": Kind("dsmr", "K8EG004046395507", _p1(DIALECTS["v5"]), 1),
    "dsmr-v4": Kind("dsmr", "K8EG004046395507", _p1(DIALECTS["v4"]), 10),
    "dsmr-v3": Kind("dsmr-v3", "K8EG004046395507", _p1(DIALECTS["v2"]), 10),
    "dsmr-be": Kind("dsmr", "1SAG3105692143", _p1(DIALECTS["be"]), 1),
    "dsmr-hu": Kind("dsmr", "SAG7308220000160", _p1(DIALECTS["hu"]), 10),
    "dsmr-at": Kind("dsmr", DIALECTS["at"].header, _p1(DIALECTS["at"]), 5),
    "dsmr-se": Kind("dsmr", DIALECTS["se"].header, _p1(DIALECTS["se"]), 10),
    "dsmr-ie": Kind("dsmr-ie", "ISK0009610", _p1(DIALECTS["ie"]), 5),
    "dsmr-encrypted": Kind("dsmr-encrypted", "SAG1030700050000", _sealed, 10),
    "sml": Kind("sml", "0A01454D480000CACF7E", _sml, 1),
    "iec62056": Kind("iec62056", "27022272", _block, 0, ReadoutAnswers),
    "iec62056-d": Kind("iec62056-d", "0272031312565", _push, 2),
    "dlms-aidon": Kind("dlms", "7359992892587665", _stamped(encode_aidon), 10),
    "dlms-kaifa": Kind("dlms", "7340157007308495", _stamped(encode_kaifa), 10),
    "dlms-mbus": Kind("dlms-mbus", "1KFM0100000035", _sealed_push(in_mbus, ENCRYPTED_ONLY), 5),
    "dlms-encrypted": Kind("dlms-encrypted", "1LGZ0012345678", _sealed_push(in_hdlc, SECURITY), 5),
    "sunspec-meter": Kind("sunspec-meter", "SIM-METER-1", _shown(encode_meter), 0, ModbusAnswers),
    "sunspec-inverter": Kind("sunspec-inverter", "SIM-INVERTER-1", _inverter, 0, ModbusAnswers),
    "sunspec-hybrid": Kind("sunspec-inverter", "SIM-HYBRID-1", _hybrid, 0, ModbusAnswers),
    "sunspec-battery": Kind("sunspec-battery", "SIM-BATTERY-1", _shown(encode_battery), 0, ModbusAnswers),
    "mbus": Kind("mbus", "EMH00623702", _shown(encode_electricity), 0, MbusAnswers),
    "shelly-gen1": Kind("shelly-gen1", "shellyem-B9F53C/0", _shown(mqtt.shelly_gen1), 30, mqtt.MqttAnswers),
    "shelly": Kind("shelly", "shellypmminig3-84FCE6", _stamped(mqtt.shelly_gen2), 60, mqtt.MqttAnswers),
    "tasmota": Kind("tasmota", "tasmota-8A3F21", _shown(mqtt.tasmota), 300, mqtt.MqttAnswers),
    "zigbee2mqtt": Kind("zigbee2mqtt", "heat_pump", _shown(mqtt.zigbee2mqtt), 60, mqtt.MqttAnswers),
    "home-assistant": Kind("home-assistant", "sensor.energy", _shown(mqtt.home_assistant), 60, mqtt.MqttAnswers),
    "signed-linky": Kind("signed-linky", "041876097482" + _SIGNED_BY, _in_envelope("linky", _linky), 2),
    "signed-sml": Kind("signed-sml", "0A01454D480000CACF7E" + _SIGNED_BY, _in_envelope("sml", _sml), 1),
    "mbus-heat": Kind("mbus-heat", "KAM06855817", _heat, 0, MbusAnswers),
}
"""By name, as `resilia meter simulate` takes it."""
