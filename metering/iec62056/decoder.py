"""Register samples out of IEC 62056-21 readouts, modes A to D. Units: Wh, W, UTC epoch seconds.

Modes A to C protect their data block with one XORed character: `decode_readout` refuses one without. Mode D, which a
meter sends unasked, has nothing: `decode_push` holds its shape against it, and the caller holds it in the lowest trust.
Clocks are shown without season or zone, so the time of arrival counts.
Source: IEC 62056-21:2002 §6.3 to §6.5; codes of IEC 62056-6-1, whole (``1-0:1.8.0*255``) or reduced (``1.8.0``).
"""

import re
from typing import Final

from energy.results import Rejected
from metering.checksums import block_check
from metering.iec62056.frame import STX, TELEGRAM_LEN_MAX
from metering.iec62056.obis_lines import Objects, read_objects, total_wh
from metering.iec62056.obis_text import plain_text, power_down_w
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

INDEX_MODULUS_WH: Final = 10**9
"""Registers of six digits of kWh."""

_HEADER: Final = re.compile(rb"/([A-Za-z]{3}[!-~][ -~]{1,32})\r?\n")
_BLOCK: Final = re.compile(rb"(/[ -~]+\r?\n)\x02([^\x02\x03]*)!\r?\n\x03", re.DOTALL)
_PUSH: Final = re.compile(rb"(/[ -~]+\r?\n[^\x02\x03]*\n)!\r?\n?", re.DOTALL)
_LINES: Final = re.compile(rb"(?:(?:[0-9A-Z:.*&-]{0,24}(?:\([ -'*-~]*\))+)?\r*\n)*")
_ELECTRICITY: Final = re.compile(rb"\n1-[01]:")
"""Higher channels are other meters' that count through this one."""
_SERIALS: Final = (b"0.0.0", b"C.1.0", b"0.0.9", b"96.1.0", b"0-0:96.1.255", b"0-0:C.1.0", b"0-0:96.1.0", b"C.1")
_POWERS: Final = (b"1.7.0", b"2.7.0")
_POWER: Final = b"16.7.0"


def decode_readout(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a readout of mode A, B or C.

    Args:
        frame: From ``/`` to the block check character.
        received_at: When it arrived; it stands in for the meter's clock. None for 0.
    """
    block = _BLOCK.fullmatch(frame, 0, max(0, len(frame) - 1))
    if block is None or len(frame) > TELEGRAM_LEN_MAX:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    if block_check(frame[frame.index(STX) + 1 : -1]) != frame[-1]:
        return Rejected(MeteringReject.CHECKSUM, {"label": "BCC"})
    # Some makers put the end right behind the last line.
    lines = block[2] if block[2].endswith(b"\n") else block[2] + b"\n"
    return _sample(frame, block[1] + lines, received_at)


def decode_push(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a telegram of mode D, which nothing but its shape protects.

    Args:
        frame: From ``/`` to the line of ``!``.
        received_at: When it arrived; it stands in for the meter's clock. None for 0.
    """
    push = _PUSH.fullmatch(frame)
    if push is None or len(frame) > TELEGRAM_LEN_MAX:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    return _sample(frame, push[1], received_at)


def _sample(frame: bytes, text: bytes, received_at: int | None) -> RegisterSample | Rejected:
    header = _HEADER.match(text)
    if header is None or not _LINES.fullmatch(text, header.end()):
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    objects = read_objects(_ELECTRICITY.sub(b"\n", text))
    if isinstance(objects, Rejected):
        return objects
    producer = any(code.startswith(b"2.8.") for code in objects)
    import_wh = total_wh(objects, b"1.8.", INDEX_MODULUS_WH)
    export_wh = total_wh(objects, b"2.8.", INDEX_MODULUS_WH) if producer else 0
    if isinstance(import_wh, Rejected):
        return import_wh
    if isinstance(export_wh, Rejected):
        return export_wh
    at, power_w = received_at or 0, _power_w(objects)
    return RegisterSample(
        serial=_serial(objects) or header[1].decode("ascii"),
        import_index_wh=import_wh,
        export_index_wh=export_wh,
        metered_at=at,
        received_at=at,
        clock_degraded=True,
        tamper=False,
        producer=producer,
        raw=frame,
        exporting=power_w is not None and power_w < 0,
        power_w=power_w,
    )


def _serial(objects: Objects) -> str | None:
    return next((serial for code in _SERIALS if (serial := plain_text(objects.get(code, b"")))), None)


def _power_w(objects: Objects) -> int | None:
    if _POWER in objects:
        return power_down_w(objects[_POWER])
    drawn_w, fed_w = (power_down_w(objects.get(code, b"")) for code in _POWERS)
    return None if drawn_w is None else drawn_w - (fed_w or 0)
