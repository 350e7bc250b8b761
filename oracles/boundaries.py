"""Whether the registers that are said to have stood at a boundary are those of the frame behind them.

Units: Wh, UTC epoch seconds. Pure.
"""

from typing import Final, Protocol

from metering.intervals import INTERPOLATION_REACH_S, advance
from metering.linky.decoder import INDEX_MODULUS_WH

DRIFT_WH_MAX: Final = 600
"""What an index may move between a frame and the boundary: 36 kVA for `INTERPOLATION_REACH_S`."""


class Sample(Protocol):
    """What an oracle reads in a raw frame; `metering.registers.RegisterSample` is one."""

    @property
    def import_index_wh(self) -> int:
        """Cumulative import register."""

    @property
    def export_index_wh(self) -> int:
        """Cumulative export register."""

    @property
    def metered_at(self) -> int:
        """When, by the meter's clock."""


def boundary_mismatch(
    sample: Sample,
    boundary: int,
    index_wh: tuple[int, int],
    observed_at: int,
    drift_wh_max: int = DRIFT_WH_MAX,
    index_modulus_wh: int = INDEX_MODULUS_WH,
) -> str | None:
    """Return the field of a boundary that is not what the frame behind it says; None when it is.

    Args:
        sample: What the frame says.
        boundary: The instant.
        index_wh: Import and export register that are said to have stood there.
        observed_at: The meter's clock that the frame is said to show.
        drift_wh_max: What an index may move between the frame and the boundary.
        index_modulus_wh: Where the registers start again from zero.
    """
    late_s = sample.metered_at - boundary
    if sample.metered_at != observed_at:
        return "observed_at"
    if abs(late_s) > INTERPOLATION_REACH_S:
        return "period_s"
    sampled = (sample.import_index_wh, sample.export_index_wh)
    for name, sampled_wh, told_wh in zip(("import_index_wh", "export_index_wh"), sampled, index_wh, strict=True):
        before_wh, after_wh = (told_wh, sampled_wh) if late_s > 0 else (sampled_wh, told_wh)
        if advance(before_wh, after_wh, index_modulus_wh) > (drift_wh_max if late_s else 0):
            return name
    return None
