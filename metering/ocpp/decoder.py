"""Register samples out of OCPP messages with meter values. Units: Wh, W, UTC epoch seconds.

What is kept of a message is the charge point's name, a NUL, and the message as it came. Unsigned values are telemetry:
nothing settles on them. A value in the format SignedData is an OCMF record, and is decoded by `metering.signed.ocmf`.
Source: OCPP 1.6 edition 2 §7.31 to 7.36; OCPP 2.0.1 part 2 (MeterValueType, SampledValueType, SignedMeterValueType).
"""

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from math import floor
from typing import Any, Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.device_json import Json, number, read_object
from metering.ocpp.messages import Call, read_call
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.signed.ocmf import with_key

INDEX_MODULUS_WH: Final = ENERGY_WH_MAX + 1
MESSAGE_LEN_MAX: Final = 65_536

IMPORT: Final = "Energy.Active.Import.Register"
EXPORT: Final = "Energy.Active.Export.Register"
DRAWN: Final = "Power.Active.Import"
FED: Final = "Power.Active.Export"
_UNITS: Final = {"Wh": Decimal(1), "kWh": Decimal(1_000), "W": Decimal(1), "kW": Decimal(1_000)}
_ACTIONS: Final = ("MeterValues", "TransactionEvent", "StopTransaction")


def keep(charge_point: str, message: str) -> bytes:
    """Return a message as it is kept."""
    return f"{charge_point}\0{message}".encode()


def decode_ocpp(kept: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in the last meter values of a message.

    Args:
        kept: As `keep` makes it.
        received_at: When it arrived. None when it is decoded again, and the charge point's clock stands in.
    """
    name, _, message = kept.partition(b"\0")
    call = read_call(message) if len(kept) <= MESSAGE_LEN_MAX else None
    if call is None or not name or not name.isascii():
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(kept)})
    shown = list(_meter_values(call))
    if not shown:
        return Rejected(MeteringReject.NO_INDEX, {"label": call.action[:32]})
    last = shown[-1]
    at = _instant(last.get("timestamp"))
    if at is None:
        return Rejected(MeteringReject.BAD_HORODATE, {"label": "timestamp"})
    values = _values(last)
    if isinstance(values, Rejected):
        return values
    if IMPORT not in values and EXPORT not in values:
        return Rejected(MeteringReject.NO_INDEX, {"label": IMPORT})
    for label in (IMPORT, EXPORT):
        if not 0 <= values.get(label, Decimal(0)) <= ENERGY_WH_MAX:
            return Rejected(MeteringReject.BAD_DIGITS, {"label": label})
    power = floor(values[DRAWN]) - floor(values.get(FED, Decimal(0))) if DRAWN in values else None
    return RegisterSample(
        serial=f"{name.decode()}/{_connector(call)}",
        import_index_wh=floor(values.get(IMPORT, Decimal(0))),
        export_index_wh=floor(values.get(EXPORT, Decimal(0))),
        metered_at=at,
        received_at=at if received_at is None else received_at,
        clock_degraded=False,
        tamper=False,
        producer=EXPORT in values,
        raw=kept,
        exporting=power is not None and power < 0,
        power_w=power,
    )


def signed_records(message: str | bytes, key: bytes) -> list[bytes]:
    """Return the OCMF records in a message, each with the key that it is to be checked by.

    Args:
        message: The charge point's.
        key: In DER; where it is empty, the key that the message states.
    """
    call = read_call(message)
    records: list[bytes] = []
    for meter_value in _meter_values(call) if call else ():
        for sampled in _sampled(meter_value):
            signed = sampled.get("signedMeterValue")
            if isinstance(signed, dict):
                record, stated = _unpacked(signed)
            elif sampled.get("format") == "SignedData":
                record, stated = _unpacked_text(sampled.get("value"))
            else:
                continue
            try:
                records.append(with_key(record, key or stated))
            except ValueError:
                records.append(record.encode()[:256])
    return records


def _meter_values(call: Call) -> Iterator[Json]:
    if call.action not in _ACTIONS:
        return
    shown = call.payload.get("meterValue", call.payload.get("transactionData"))
    for meter_value in shown if isinstance(shown, list) else ():
        if isinstance(meter_value, dict):
            yield meter_value


def _sampled(meter_value: Json) -> Iterator[Json]:
    shown = meter_value.get("sampledValue")
    for sampled in shown if isinstance(shown, list) else ():
        if isinstance(sampled, dict):
            yield sampled


def _values(meter_value: Json) -> dict[str, Decimal] | Rejected:
    """Return the values over all phases at the outlet or the inlet, in Wh and W; one that comes twice is refused."""
    values: dict[str, Decimal] = {}
    for sampled in _sampled(meter_value):
        measurand = sampled.get("measurand", IMPORT)
        if measurand not in (IMPORT, EXPORT, DRAWN, FED) or "phase" in sampled or sampled.get("format") == "SignedData":
            continue
        stated = sampled.get("unitOfMeasure")
        of_two = stated if isinstance(stated, dict) else {}
        usual = "W" if measurand in (DRAWN, FED) else "Wh"
        factor = _UNITS.get(str(of_two.get("unit", sampled.get("unit", usual))))
        value, multiplier = number(sampled.get("value")), of_two.get("multiplier", 0)
        if value is None or factor is None or type(multiplier) is not int or abs(multiplier) > 9:
            return Rejected(MeteringReject.BAD_DIGITS, {"label": measurand})
        if measurand in values:
            return Rejected(MeteringReject.TORN_FRAME, {"length": 0, "label": measurand})
        values[measurand] = (value * factor).scaleb(multiplier)
    return values


def _connector(call: Call) -> int:
    evse = call.payload.get("evse")
    places = (
        call.payload.get("connectorId"),
        call.payload.get("evseId"),
        evse.get("id") if isinstance(evse, dict) else 0,
    )
    return next((place for place in places if type(place) is int), 0)


def _unpacked(signed: dict[str, Any]) -> tuple[str, bytes]:
    """Return the record and the key in a SignedMeterValue; its data is in Base64, its key in Base64 or hexadecimal."""
    data, key = str(signed.get("signedMeterData", "")), str(signed.get("publicKey", ""))
    record = data if data.startswith("OCMF|") else _text_of(data)
    # Some write "oca:base16:asn1:" and the key, all in Base64.
    return record, _key_of(key) or _key_of(_text_of(key).rpartition(":")[2])


def _unpacked_text(value: object) -> tuple[str, bytes]:
    """Return the record in a value of version 1.6: itself, in hexadecimal or Base64, or as in version 2.0.1."""
    text = str(value)
    if text.startswith("OCMF|"):
        return text, b""
    if (wrapped := read_object(text)) is not None:
        return _unpacked(wrapped)
    try:
        return bytes.fromhex(text).decode("utf-8"), b""
    except ValueError:
        return _text_of(text), b""


def _text_of(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8")
    except (ValueError, binascii.Error):
        return ""


def _key_of(encoded: str) -> bytes:
    for decode in (bytes.fromhex, lambda text: base64.b64decode(text, validate=True)):
        try:
            key = decode(encoded)
        except (ValueError, binascii.Error):
            continue
        if key[:1] == b"\x30":
            return key
    return b""


def _instant(stamp: object) -> int | None:
    if not isinstance(stamp, str) or len(stamp) > 40:
        return None
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    # Both versions prescribe a zone; without one the stamp says nothing.
    return int(at.timestamp()) if at.tzinfo else None
