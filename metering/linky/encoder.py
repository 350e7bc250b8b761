"""Linky frames of both modes, written as a single-phase meter writes them: for the simulator and the tests.

Units: Wh, VA, UTC epoch seconds. Refuses, with `ValueError`, a value that its group cannot hold.
"""

from collections.abc import Iterable

from metering.linky.clock import write_horodate
from metering.linky.decoder import INDEX_MODULUS_WH, Status
from metering.linky.frame import ETX, STX, checksum
from metering.linky.labels import HISTORIQUE, STANDARD, Dialect

_NO_DELIVERY_POINT = "0" * 14


def encode_group(label: str, data: str, horodate: str = "", dialect: Dialect = STANDARD) -> bytes:
    """Return one group, LF to CR, with its checksum; nothing else about it is checked."""
    separator = dialect.separator
    texts = (label, horodate, data) if horodate else (label, data)
    fields = separator.join(text.encode("ascii") for text in texts)
    zone = fields + separator if dialect.checksum_takes_last_separator else fields
    return b"\n" + fields + separator + bytes([checksum(zone)]) + b"\r"


def encode_frame(groups: Iterable[bytes]) -> bytes:
    """Return a frame, STX to ETX, of groups."""
    return bytes([STX]) + b"".join(groups) + bytes([ETX])


def encode_standard(
    serial: str,
    metered_at: int,
    import_index_wh: int,
    export_index_wh: int | None = None,
    *,
    status: Status = Status.NONE,
    apparent_import_va: int = 0,
    apparent_export_va: int = 0,
) -> bytes:
    """Return the frame that a meter sends at an instant, with every group that the mode makes mandatory.

    Args:
        serial: Twelve digits.
        metered_at: UTC epoch seconds, years 2000 to 2099.
        import_index_wh: Total energy drawn, ≥ 0; shown modulo the register's top.
        export_index_wh: Total energy fed in, ≥ 0; None for a meter that is no producer's.
        status: Further bits; producer and standard output are set as the rest says.
        apparent_import_va: Apparent power drawn, 0 to 99 999.
        apparent_export_va: Apparent power fed in, 0 to 99 999; shown for a producer.
    Raises:
        ValueError: a value does not fit its group.
    """
    status |= Status.STANDARD_OUTPUT
    if export_index_wh is not None:
        status |= Status.PRODUCER
    horodate = write_horodate(metered_at, degraded=Status.CLOCK_DEGRADED in status)
    groups = [
        ("ADSC", "", serial),
        ("VTIC", "", "02"),
        ("DATE", horodate, ""),
        ("NGTF", "", "BASE".ljust(16)),
        ("LTARF", "", "BASE".ljust(16)),
        *_import_registers(import_index_wh % INDEX_MODULUS_WH),
        *_export_registers(export_index_wh),
        ("IRMS1", "", f"{min(apparent_import_va // 230, 999):03}"),
        ("URMS1", "", "230"),
        ("PREF", "", "12"),
        ("PCOUP", "", "12"),
        ("SINSTS", "", f"{apparent_import_va:05}"),
        ("SMAXSN", horodate, f"{apparent_import_va:05}"),
        ("SMAXSN-1", horodate, "00000"),
        *_export_powers(horodate, apparent_export_va if export_index_wh is not None else None),
        ("CCASN", horodate, "00000"),
        ("CCASN-1", horodate, "00000"),
        ("UMOY1", horodate, "230"),
        ("STGE", "", f"{status:08X}"),
        ("MSG1", "", "PAS DE MESSAGE".ljust(32)),
        ("PRM", "", _NO_DELIVERY_POINT),
        ("RELAIS", "", "000"),
        ("NTARF", "", "01"),
        ("NJOURF", "", "00"),
        ("NJOURF+1", "", "00"),
        ("PJOURF+1", "", "00008001 ".ljust(98, "N")),
    ]
    return encode_frame(_fitting(label, stamp, data) for label, stamp, data in groups)


def encode_historique(serial: str, import_index_wh: int, *, apparent_import_va: int = 0) -> bytes:
    """Return the frame that a meter of one tariff sends in mode historique: no clock, and nothing of what is fed in.

    Args:
        serial: Twelve digits.
        import_index_wh: Total energy drawn, ≥ 0; shown modulo the register's top.
        apparent_import_va: Apparent power drawn, 0 to 99 999; shown in steps of 10 VA.
    Raises:
        ValueError: a value does not fit its group.
    """
    groups = [
        ("ADCO", serial),
        ("OPTARIF", "BASE"),
        ("ISOUSC", "60"),
        ("BASE", f"{import_index_wh % INDEX_MODULUS_WH:09}"),
        ("PTEC", "TH.."),
        ("IINST", f"{min(apparent_import_va // 230, 999):03}"),
        ("IMAX", "090"),
        ("PAPP", f"{apparent_import_va // 10 * 10:05}"),
        ("HHPHC", "A"),
        ("MOTDETAT", "000000"),
    ]
    return encode_frame(_fitting(label, "", data, HISTORIQUE) for label, data in groups)


def _import_registers(index_wh: int) -> list[tuple[str, str, str]]:
    """One tariff: the first register of each set carries the total."""
    return [
        ("EAST", "", f"{index_wh:09}"),
        *((f"EASF{i:02}", "", f"{index_wh if i == 1 else 0:09}") for i in range(1, 11)),
        *((f"EASD{i:02}", "", f"{index_wh if i == 1 else 0:09}") for i in range(1, 5)),
    ]


def _export_registers(index_wh: int | None) -> list[tuple[str, str, str]]:
    if index_wh is None:
        return []
    return [("EAIT", "", f"{index_wh % INDEX_MODULUS_WH:09}"), *((f"ERQ{i}", "", "0" * 9) for i in range(1, 5))]


def _export_powers(horodate: str, apparent_va: int | None) -> list[tuple[str, str, str]]:
    if apparent_va is None:
        return []
    return [
        ("SINSTI", "", f"{apparent_va:05}"),
        ("SMAXIN", horodate, f"{apparent_va:05}"),
        ("SMAXIN-1", horodate, "00000"),
        ("CCAIN", horodate, "00000"),
        ("CCAIN-1", horodate, "00000"),
    ]


def _fitting(label: str, horodate: str, data: str, dialect: Dialect = STANDARD) -> bytes:
    shape = dialect.labels[label]
    if len(data) != shape.length or not shape.charset.fullmatch(data):
        raise ValueError(f"{label} holds {shape.length} characters of its own kind, and this value does not fit")
    return encode_group(label, data, horodate, dialect)
