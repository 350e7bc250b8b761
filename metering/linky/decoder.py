"""Register samples out of Linky frames, in both modes of the customer output (TIC). Units: Wh, VA, UTC epoch seconds.

A frame gives a sample only if every group it rests on is good in that same frame; the checksum is weak, so label,
length, characters and the sum of the tariff registers are held against it too.
Source: Enedis-NOI-CPT_54E v3 (2018), chapter 6.
"""

from enum import IntFlag
from typing import Final

from energy.results import Rejected
from metering.linky.clock import read_horodate
from metering.linky.frame import FrameGroups, read_groups
from metering.linky.labels import HISTORIQUE, HISTORIQUE_REGISTERS, STANDARD
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

INDEX_MODULUS_WH: Final = 10**9
"""A Linky register counts to 999 999 999 Wh and starts again."""

_TARIFF_REGISTERS: Final = (
    (tuple(f"EASF{i:02}" for i in range(1, 11)), 10),
    (tuple(f"EASD{i:02}" for i in range(1, 5)), 4),
)
"""Supplier's and distributor's registers; each set adds up to EAST within so many Wh, one per register."""

_OVERLOAD: Final = ("ADIR1", "ADIR2", "ADIR3")
"""In the short frames of a three-phase meter under overload, which hold its currents and nothing else."""


class Status(IntFlag):
    """Bits of STGE, the meter's status register, as far as metering reads or writes them."""

    NONE = 0
    TERMINAL_COVER_OPEN = 1 << 4
    PRODUCER = 1 << 8
    EXPORTING = 1 << 9
    CLOCK_DEGRADED = 1 << 16
    STANDARD_OUTPUT = 1 << 17


def decode_standard(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a frame of mode standard.

    Args:
        frame: STX to ETX, in 7-bit characters.
        received_at: When it arrived; None when a stored frame is decoded again, and the meter's clock stands in.
    Returns:
        The sample; or the rejection of the frame, or of the first group that the sample would rest on.
    """
    groups = read_groups(frame, STANDARD)
    return groups if isinstance(groups, Rejected) else _standard_sample(groups, received_at)


def decode_historique(frame: bytes, received_at: int) -> RegisterSample | Rejected:
    """Return the import register in a frame of mode historique: no export, no clock, no status.

    Args:
        frame: STX to ETX, in 7-bit characters.
        received_at: When it arrived; it stands in for the clock that this mode lacks.
    """
    groups = read_groups(frame, HISTORIQUE)
    return groups if isinstance(groups, Rejected) else _historique_sample(groups, received_at)


def _standard_sample(groups: FrameGroups, received_at: int | None) -> RegisterSample | Rejected:
    """Return the sample in the groups of a frame of mode standard."""
    needed = ["ADSC", "DATE", "STGE", "EAST"]
    if "STGE" in groups.good and _status(groups) & Status.PRODUCER:
        needed.append("EAIT")
    if missing := _first_missing(groups, needed):
        return missing
    stamp = read_horodate(groups.good["DATE"].horodate)
    if stamp is None:
        return Rejected(MeteringReject.BAD_HORODATE, {"label": "DATE"})
    if wrong := _check_sums(groups):
        return wrong
    status = _status(groups)
    producer = Status.PRODUCER in status
    return RegisterSample(
        serial=groups.good["ADSC"].data,
        import_index_wh=int(groups.good["EAST"].data),
        export_index_wh=int(groups.good["EAIT"].data) if producer else 0,
        metered_at=stamp.instant,
        received_at=stamp.instant if received_at is None else received_at,
        clock_degraded=stamp.degraded or Status.CLOCK_DEGRADED in status,
        tamper=Status.TERMINAL_COVER_OPEN in status,
        producer=producer,
        raw=groups.raw,
        exporting=Status.EXPORTING in status,
        apparent_import_va=_optional_number(groups, "SINSTS", "SINST1"),
        apparent_export_va=_optional_number(groups, "SINSTI"),
    )


def _historique_sample(groups: FrameGroups, received_at: int) -> RegisterSample | Rejected:
    """Return the sample in the groups of a frame of mode historique."""
    if any(label in groups.good for label in _OVERLOAD) and "OPTARIF" not in groups.good:
        return Rejected(MeteringReject.NO_INDEX, {"label": "OPTARIF"})
    if missing := _first_missing(groups, ["ADCO", "OPTARIF"]):
        return missing
    registers = HISTORIQUE_REGISTERS.get(groups.good["OPTARIF"].data[:3])
    if registers is None:
        return Rejected(MeteringReject.UNKNOWN_LABEL, {"label": "OPTARIF"})
    if missing := _first_missing(groups, registers):
        return missing
    return RegisterSample(
        serial=groups.good["ADCO"].data,
        # Each register turns over on its own; only the sum modulo their common top goes on evenly.
        import_index_wh=sum(int(groups.good[label].data) for label in registers) % INDEX_MODULUS_WH,
        export_index_wh=0,
        metered_at=received_at,
        received_at=received_at,
        clock_degraded=True,
        tamper=False,
        producer=False,
        raw=groups.raw,
        apparent_import_va=_optional_number(groups, "PAPP"),
    )


def _status(groups: FrameGroups) -> Status:
    return Status(int(groups.good["STGE"].data, 16))


def _optional_number(groups: FrameGroups, *labels: str) -> int | None:
    """Return the number of the first label that a frame has."""
    return next((int(groups.good[label].data) for label in labels if label in groups.good), None)


def _first_missing(groups: FrameGroups, labels: list[str] | tuple[str, ...]) -> Rejected | None:
    """Return why the first absent label is absent: its group's own rejection if one names it."""
    for label in labels:
        if label not in groups.good:
            for rejected in groups.bad:
                if rejected.facts.get("label") == label:
                    return rejected
            nameless = sum("label" not in rejected.facts for rejected in groups.bad)
            return Rejected(MeteringReject.MISSING_GROUP, {"label": label, "groups_bad": nameless})
    return None


def _check_sums(groups: FrameGroups) -> Rejected | None:
    """Hold the total import against its tariff registers; one set at least must be whole, and each whole one right."""
    total_wh = int(groups.good["EAST"].data)
    checked = False
    for labels, tolerance_wh in _TARIFF_REGISTERS:
        if all(label in groups.good for label in labels):
            checked = True
            apart_wh = (total_wh - sum(int(groups.good[label].data) for label in labels)) % INDEX_MODULUS_WH
            if min(apart_wh, INDEX_MODULUS_WH - apart_wh) > tolerance_wh:
                return Rejected(MeteringReject.SUM_RULE, {"registers": labels[0][:4], "tolerance_wh": tolerance_wh})
    return None if checked else _first_missing(groups, _TARIFF_REGISTERS[0][0])
