"""Whether a device can be relied on: does it what it is told, and is what it says of its content possible.

A device that does not obey for two intervals in a row is withdrawn: nothing is planned, sold or asked of it for an
hour, and then it is tried again. A content that jumps by more than the device's power explains is not believed until
three reports in a row agree; as long as there is doubt, the device rests.
Units: Wh, milli-Wh, W, UTC epoch seconds; all int. Refuses: nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DISOBEYED_TIMES: Final = 2
WITHDRAWN_INTERVALS: Final = 4
TOLERATED_WH: Final = 60
TOLERATED_PERMILLE: Final = 250
"""Of what was asked: inverters have losses and need seconds to follow."""
JUMP_PERMILLE: Final = 50
"""Of the capacity, beyond what the power explains: contents are estimates of the device itself."""
AGREE_TIMES: Final = 3


class Alarm(StrEnum):
    """What may be wrong; names are stable."""

    DEVICE_DISOBEYS = "device-disobeys"
    CONTENT_JUMPED = "content-jumped"
    METER_SILENT = "meter-silent"
    METER_ABSURD = "meter-absurd"
    WEATHER_ABSURD = "weather-absurd"
    NO_PLAN = "no-plan"
    NODE_AWAY = "node-away"
    BALANCE_ABSURD = "balance-absurd"
    ORDER_REFUSED = "order-refused"
    WEATHER_MISSING = "weather-missing"
    LOAD_SILENT = "load-silent"


@dataclass(slots=True)
class Obedience:
    """One device's."""

    misses: int = 0
    """Intervals in a row in which it did something else."""
    withdrawn_intervals: int = 0
    """Intervals for which it is left alone."""

    @property
    def withdrawn(self) -> bool:
        """Whether it is left alone."""
        return self.withdrawn_intervals > 0

    def judge(self, asked_wh: int, done_wh: int) -> None:
        """Compare what a device was asked to draw in an interval with what it drew; both negative for giving."""
        if self.withdrawn:
            self.withdrawn_intervals -= 1
            return
        tolerated = max(TOLERATED_WH, abs(asked_wh) * TOLERATED_PERMILLE // 1_000)
        self.misses = self.misses + 1 if abs(done_wh - asked_wh) > tolerated else 0
        if self.misses >= DISOBEYED_TIMES:
            self.misses, self.withdrawn_intervals = 0, WITHDRAWN_INTERVALS


class ContentWatch:
    """What a store says of its content, weighed against what its device can do."""

    def __init__(self, capacity_milliwh: int, most_w: int) -> None:
        self._capacity, self._most_w = capacity_milliwh, most_w
        self._believed: tuple[int, int] | None = None
        self._claimed: tuple[int, int] | None = None
        self._agreed = 0

    @property
    def in_doubt(self) -> bool:
        """Whether the newest report was not believed."""
        return self._claimed is not None

    def heard(self, content_milliwh: int, at: int) -> bool:
        """Take in a report and return whether it is believed."""
        report = (content_milliwh, at)
        if not 0 <= content_milliwh <= self._capacity:
            self._claimed, self._agreed = report, 0
            return False
        if self._believed is None or self._explained(self._believed, report):
            self._believed, self._claimed, self._agreed = report, None, 0
            return True
        agrees = self._claimed is not None and self._explained(self._claimed, report)
        self._claimed, self._agreed = report, self._agreed + 1 if agrees else 1
        if self._agreed >= AGREE_TIMES:
            self._believed, self._claimed, self._agreed = report, None, 0
            return True
        return False

    def _explained(self, before: tuple[int, int], after: tuple[int, int]) -> bool:
        most = self._most_w * max(0, after[1] - before[1]) * 1_000 // 3_600
        return abs(after[0] - before[0]) <= most + self._capacity * JUMP_PERMILLE // 1_000
