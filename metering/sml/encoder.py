"""SML files as a two-way meter writes them, for the simulator and the tests. Units: Wh, W, s."""

from typing import Final

from metering.checksums import crc16_x25
from metering.sml.decoder import EXPORT, GET_LIST_RESPONSE, IMPORT, POWER, SERVER, UNIT_W, UNIT_WH
from metering.sml.frame import write_file
from metering.sml.tlv import ABSENT, listed, octets, signed, unsigned

_OPEN_RESPONSE: Final = 0x0101
_CLOSE_RESPONSE: Final = 0x0201


def encode_sml(
    server: bytes, running_s: int, import_index_wh: int, export_index_wh: int | None, *, power_w: int | None = None
) -> bytes:
    """Return the file that a meter sends.

    Args:
        server: Its server identification, 10 bytes; the serial number is its hexadecimal.
        running_s: Seconds since it was switched on; also tells its transactions apart.
        import_index_wh: Total energy drawn, ≥ 0; shown in tenths of a Wh.
        export_index_wh: Total energy fed in, ≥ 0; None for a meter that does not count it.
        power_w: Active power, drawn > 0; None while the meter waits for its PIN.
    """
    registers = [listed(octets(SERVER), ABSENT, ABSENT, ABSENT, ABSENT, octets(server), ABSENT)]
    registers.append(_register(IMPORT, UNIT_WH, -1, signed(import_index_wh * 10, 8)))
    if export_index_wh is not None:
        registers.append(_register(EXPORT, UNIT_WH, -1, signed(export_index_wh * 10, 8)))
    if power_w is not None:
        registers.append(_register(POWER, UNIT_W, 0, signed(power_w, 4)))
    transaction = 3 * running_s
    sensor_time = listed(unsigned(1, 1), unsigned(running_s, 4))
    bodies = (
        (_OPEN_RESPONSE, listed(ABSENT, ABSENT, octets(b"\x00\x01"), octets(server), ABSENT, ABSENT)),
        (
            GET_LIST_RESPONSE,
            listed(ABSENT, octets(server), octets(b"\x01\x00bin\xff"), sensor_time, listed(*registers), ABSENT, ABSENT),
        ),
        (_CLOSE_RESPONSE, listed(ABSENT)),
    )
    return write_file(b"".join(encode_message(transaction + i, *body) for i, body in enumerate(bodies)))


def encode_message(transaction: int, tag: int, body: bytes) -> bytes:
    """Return one message with its checksum."""
    choice = listed(unsigned(tag, 2), body)
    fields = (octets(transaction.to_bytes(5, "big")), unsigned(0, 1), unsigned(0, 1), choice)
    zone = b"\x76" + b"".join(fields)

    return zone + unsigned(int.from_bytes(crc16_x25(zone).to_bytes(2, "little"), "big"), 2) + b"\x00"


def _register(name: bytes, unit: int, scaler: int, value: bytes) -> bytes:
    return listed(octets(name), ABSENT, ABSENT, unsigned(unit, 1), signed(scaler, 1), value, ABSENT)
