"""A home that is not there, for simulated meters: a steady draw, and solar power by the hour. Units: W, Wh, UTC s.

Time is an argument; the same times give the same registers.
"""

from typing import Final

from metering.sources.simulators.kinds import Registers

_DRAW_W: Final = 420
_SUN_PEAK_W: Final = 3_000
_NOON_S: Final = 12 * 3_600
_HALF_DAY_S: Final = 6 * 3_600
_SECONDS_PER_DAY: Final = 86_400
_SECONDS_PER_HOUR: Final = 3_600
_STEP_S_MAX: Final = 60


class SimulatedHome:
    """One home and its two registers."""

    def __init__(self, start: int, import_index_wh: int = 12_345_678, export_index_wh: int = 4_567_890) -> None:
        """Begin at an instant with the registers as they are then."""
        self._at = start
        self._import_ws = import_index_wh * _SECONDS_PER_HOUR
        self._export_ws = export_index_wh * _SECONDS_PER_HOUR

    def registers(self, at: int) -> Registers:
        """Return what the meter shows at an instant, which is not before the last one asked for."""
        while self._at < at:
            step_s = min(_STEP_S_MAX, at - self._at)
            power_w = net_power_w(self._at)
            self._import_ws += max(power_w, 0) * step_s
            self._export_ws += max(-power_w, 0) * step_s
            self._at += step_s
        return Registers(
            at, self._import_ws // _SECONDS_PER_HOUR, self._export_ws // _SECONDS_PER_HOUR, net_power_w(at)
        )


def net_power_w(at: int) -> int:
    """Return the power drawn at an instant, less the sun's: a parabola from 06:00 to 18:00 UTC."""
    from_noon_s = abs(at % _SECONDS_PER_DAY - _NOON_S)
    if from_noon_s >= _HALF_DAY_S:
        return _DRAW_W
    return _DRAW_W - _SUN_PEAK_W * (_HALF_DAY_S**2 - from_noon_s**2) // _HALF_DAY_S**2
