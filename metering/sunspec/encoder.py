"""Images of SunSpec devices, for the simulator and the tests. Units: Wh, W."""

from metering.sunspec.decoder import END, START

_ABSENT_INT16 = b"\x80\x00"


def encode_meter(serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return the image of a three-phase meter (model 203) that counts whole Wh."""
    points = {
        18: _int16(power_w),
        22: _int16(0),
        38: export_index_wh.to_bytes(4, "big"),
        46: import_index_wh.to_bytes(4, "big"),
        54: _int16(0),
    }
    return _image(serial, "Meter", {203: (105, points)})


def encode_inverter(serial: str, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return the image of a three-phase inverter (model 103) that makes power."""
    points = {
        14: _int16(max(-power_w, 0)),
        15: _int16(0),
        24: export_index_wh.to_bytes(4, "big"),
        26: _int16(0),
    }
    return _image(serial, "Inverter", {103: (50, points)})


def encode_battery(
    serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0, charge_percent: int = 50
) -> bytes:
    """Return the image of a battery (models 713 and 714)."""
    storage = {2: (10_000).to_bytes(2, "big"), 4: charge_percent.to_bytes(2, "big"), 7: _int16(0), 8: _int16(0)}
    ports = {
        4: b"\x00\x00",
        6: _int16(-power_w),
        7: export_index_wh.to_bytes(8, "big"),
        11: import_index_wh.to_bytes(8, "big"),
        17: _int16(0),
        18: _int16(0),
    }
    return _image(serial, "Battery", {713: (7, storage), 714: (18, ports)})


def _image(serial: str, kind: str, models: dict[int, tuple[int, dict[int, bytes]]]) -> bytes:
    common = {2: _text("Simulated", 16), 18: _text(kind, 16), 42: _text("1", 8), 50: _text(serial, 16)}
    parts = [_model(1, 66, common, b"\x00\x00")]
    parts += [_model(number, length, points, _ABSENT_INT16) for number, (length, points) in models.items()]
    return START + b"".join(parts) + END


def _model(number: int, length: int, points: dict[int, bytes], absent: bytes) -> bytes:
    registers = bytearray(number.to_bytes(2, "big") + length.to_bytes(2, "big") + absent * length)
    for at, value in points.items():
        registers[2 * at : 2 * at + len(value)] = value
    return bytes(registers)


def _int16(value: int) -> bytes:
    return max(-32_767, min(32_767, value)).to_bytes(2, "big", signed=True)


def _text(text: str, registers: int) -> bytes:
    if not text.isascii() or not 0 < len(text) <= 2 * registers:
        raise ValueError(f"a text here has up to {2 * registers} characters")
    return text.encode("ascii").ljust(2 * registers, b"\0")
