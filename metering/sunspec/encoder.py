"""Images of SunSpec devices, for the simulator and the tests. Units: Wh, W."""

from metering.sunspec.decoder import END, START

_MPPT, _FAULT = 4, 7
"""Operating states of model 103."""
_RUNNING = 3
"""Inverter state of model 701."""
_GRID_DISCONNECT, _GRID_FORMING = 4, 1
"""Bits of the events of model 103, and of model 701's `DERMode`."""

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


def encode_inverter(serial: str, export_index_wh: int, *, power_w: int = 0, grid_there: bool = True) -> bytes:
    """Return the image of a three-phase inverter (model 103) that makes power, or has lost the grid."""
    state, events = (_MPPT, 0) if grid_there else (_FAULT, 1 << _GRID_DISCONNECT)
    points = {
        38: state.to_bytes(2, "big"),
        40: events.to_bytes(4, "big"),
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


def encode_hybrid(
    serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0, grid_there: bool = True
) -> bytes:
    """Return the image of an inverter with a battery (model 701), which forms a grid of its own when it has to."""
    points = {
        4: _RUNNING.to_bytes(2, "big"),
        5: int(grid_there).to_bytes(2, "big"),
        6: bytes(4),
        8: (1 if grid_there else 1 << _GRID_FORMING).to_bytes(4, "big"),
        10: _int16(-power_w),
        19: export_index_wh.to_bytes(8, "big"),
        23: import_index_wh.to_bytes(8, "big"),
        116: _int16(0),
        120: _int16(0),
    }
    return _image(serial, "Hybrid", {701: (153, points)})


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
