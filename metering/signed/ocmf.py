"""Register samples out of OCMF records, which a charge point's meter signs. Units: Wh, UTC epoch seconds.

A record is ``OCMF|payload|signature|key``, the payload and the signature as JSON; the key, in hexadecimal DER, is the
fourth part that its users have agreed on. Signed is the payload exactly as it stands. The last reading in each
direction counts; a later one takes over what it does not state from the one before.
Source: SAFE e.V., Open Charge Metering Format 1.2; OBIS codes of its annex.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import product
from math import floor
from typing import Any, Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.device_json import Json, leading_object, number
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.signed.device_key import is_known_algorithm, is_signed, read_key, signed_serial

INDEX_MODULUS_WH: Final = ENERGY_WH_MAX + 1
RECORD_LEN_MAX: Final = 16_384
USUAL_ALGORITHM: Final = "ECDSA-secp256r1-SHA256"

_START: Final = "OCMF|"
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d),\d{3}([+-]\d{4}) ([UISR])", re.ASCII)
_OBIS: Final = re.compile(r"[0-9A-Fa-f]{1,2}-[0-9A-Za-z]{1,2}:([0-9A-F]{1,2})\.0?8\.0?([0-9])(?:[*.](?:FF|255))?")
_IMPORTED: Final = frozenset(("1", "01", "B0", "B1"))
_EXPORTED: Final = frozenset(("2", "02", "C0", "C1"))
"""At the mains or at the plug; B2, B3, C2 and C3 count one session, and are no registers."""
_NAMES: Final = (("RI", "RV", "RU"), ("XI", "XV", "XU"))
"""Code, value and unit of a reading; some meters of sessions state their register in names of their own besides."""
_UNITS: Final = {"Wh": 1, "kWh": 1_000}
_SERIAL: Final = re.compile(r"[!-?A-~]{1,64}")


def decode_ocmf(record: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a signed record with its key.

    Args:
        record: Text, from ``OCMF|`` to the key.
        received_at: When it arrived. None when it is decoded again, and the meter's clock stands in.
    """
    try:
        text = record.decode("utf-8") if len(record) <= RECORD_LEN_MAX else ""
        payload, signature, signed, key = _parts(text)
    except ValueError:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(record)})
    public = read_key(key)
    algorithm = signature.get("SA", USUAL_ALGORITHM)
    if public is None or not isinstance(algorithm, str) or not is_known_algorithm(algorithm):
        return Rejected(MeteringReject.UNKNOWN_LABEL, {"label": "SA"})
    if not is_signed(public, algorithm, signed, _signature_bytes(signature)):
        return Rejected(MeteringReject.SIGNATURE, {"label": "SD"})
    stated = (payload.get("MS"), payload.get("GS"))
    serial = next((text for text in stated if isinstance(text, str) and text), "")
    if not _SERIAL.fullmatch(serial):
        return Rejected(MeteringReject.MISSING_GROUP, {"label": "MS", "groups_bad": 0})
    readings = _readings(payload)
    if isinstance(readings, Rejected):
        return readings
    return _sample(record, signed_serial(serial, public), readings, received_at)


def with_key(record: str, key: bytes) -> bytes:
    """Return a record with a DER key as its fourth part, in place of what stood there.

    Raises:
        ValueError: it is no record.
    """
    _, at = leading_object(record, len(_START)) if record.startswith(_START) else _no_record()
    _, end = leading_object(record, at + 1)
    return f"{record[:end]}|{key.hex()}".encode()


def _no_record() -> tuple[Json, int]:
    raise ValueError("this is no OCMF record")


def _parts(text: str) -> tuple[Json, Json, bytes, bytes]:
    """Return payload, signature, the bytes that are signed, and the key.

    Raises:
        ValueError: a part is missing, or something follows.
    """
    if not text.startswith(_START):
        _no_record()
    payload, end = leading_object(text, len(_START))
    if text[end : end + 1] != "|":
        raise ValueError("a record has a signature")
    signature, after = leading_object(text, end + 1)
    if text[after : after + 1] != "|":
        raise ValueError("a record here has its key")
    return payload, signature, text[len(_START) : end].encode(), bytes.fromhex(text[after + 1 :])


def _signature_bytes(signature: Json) -> bytes:
    data, encoding = signature.get("SD"), signature.get("SE", "hex")
    if not isinstance(data, str):
        return b""
    try:
        return base64.b64decode(data, validate=True) if encoding == "base64" else bytes.fromhex(data)
    except (ValueError, binascii.Error):
        return b""


def _readings(payload: Json) -> list[Json] | Rejected:
    """Return the readings, each with what it takes over from the one before."""
    shown = payload.get("RD")
    if not isinstance(shown, list) or not shown:
        return Rejected(MeteringReject.NO_INDEX, {"label": "RD"})
    readings: list[Json] = []
    before: dict[str, Any] = {}
    for reading in shown:
        if not isinstance(reading, dict):
            return Rejected(MeteringReject.BAD_DIGITS, {"label": "RD"})
        before = before | reading
        readings.append(before)
    return readings


def _sample(record: bytes, serial: str, readings: Sequence[Json], received_at: int | None) -> RegisterSample | Rejected:
    indexes: dict[tuple[bool, int], int] = {}
    told: tuple[int, bool] | None = None
    for reading, (code, value, unit) in product(readings, _NAMES):
        obis = _OBIS.fullmatch(str(reading.get(code, "")))
        if obis is None or obis[1] not in _IMPORTED | _EXPORTED:
            continue
        if reading.get("ST") != "G" or "E" in str(reading.get("EF", "")):
            # The meter says that it does not stand behind this value.
            return Rejected(MeteringReject.NO_INDEX, {"label": "ST"})
        energy_wh = _energy_down_wh(reading.get(value), reading.get(unit))
        if energy_wh is None:
            return Rejected(MeteringReject.BAD_DIGITS, {"label": value})
        told = _told_at(str(reading.get("TM", "")))
        if told is None:
            return Rejected(MeteringReject.BAD_HORODATE, {"label": "TM"})
        indexes[obis[1] in _EXPORTED, int(obis[2])] = energy_wh
    if told is None:
        return Rejected(MeteringReject.NO_INDEX, {"label": "RI"})
    time_failed = "t" in str(readings[-1].get("EF", ""))
    return RegisterSample(
        serial=serial,
        import_index_wh=_total(indexes, exported=False),
        export_index_wh=_total(indexes, exported=True),
        metered_at=told[0],
        received_at=told[0] if received_at is None else received_at,
        clock_degraded=told[1] or time_failed,
        tamper=False,
        producer=any(exported for exported, _ in indexes),
        raw=record,
    )


def _total(indexes: Mapping[tuple[bool, int], int], *, exported: bool) -> int:
    """Return the total in one direction, tariff 0, else the sum of its tariffs; some meters show their only one."""
    of_tariff = {tariff: energy_wh for (way, tariff), energy_wh in indexes.items() if way == exported}
    return of_tariff.get(0, sum(of_tariff.values()))


def _energy_down_wh(value: object, unit: object) -> int | None:
    energy, factor = number(value), _UNITS.get(str(unit))
    if energy is None or factor is None or not 0 <= energy * factor <= ENERGY_WH_MAX:
        return None
    return floor(energy * Decimal(factor))


def _told_at(text: str) -> tuple[int, bool] | None:
    """Return the UTC time in a stamp, and whether the clock behind it is other than set by a trusted source."""
    stamp = _TIME.fullmatch(text)
    if stamp is None:
        return None
    try:
        instant = datetime.strptime(stamp[1] + stamp[2], "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
    return int(instant.timestamp()), stamp[3] != "S"
