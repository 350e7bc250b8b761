"""How well this machine's clock is kept: what the kernel says, whoever speaks NTP to it (chrony, timesyncd, ntpd).

Rule R04 holds meters' clocks against the node's, so the node's own must be known to be right: while it is not, every
frame that comes is marked (`ReadingFlag.NODE_CLOCK`), and the operator is told. Units: µs.
Source: adjtimex(2); `struct timex` of Linux, 64-bit.
"""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from node.views.concerns import Code, Concerns

ERROR_US_MAX: Final = 1_000_000
"""R04 asks for a root dispersion below 1 s."""
_STA_UNSYNC: Final = 0x0040
_STA_NANO: Final = 0x2000
_TIME_ERROR: Final = 5


class _Timex(ctypes.Structure):
    """Beginning of `struct timex`; the rest is of no use here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class ClockState:
    """What the kernel says of the clock."""

    synchronised: bool
    """NTP keeps it."""
    offset_us: int
    """Last measured offset, which is being worked off."""
    error_us_max: int
    """How far off it may be."""

    @property
    def good(self) -> bool:
        """Say whether meters may be held against it."""
        return self.synchronised and self.error_us_max < ERROR_US_MAX


Discipline = Callable[[], ClockState | None]
"""Tells how well the clock is kept; None where nobody can tell, as for a simulated one."""


def kernel_clock() -> ClockState | None:
    """Ask the kernel; None on a system that has no adjtimex, or does not let us ask."""
    if not sys.platform.startswith("linux"):
        return None
    timex = _Timex()  # modes 0: read only
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else clock_state(state, timex.status, timex.offset, timex.maxerror)


def clock_state(state: int, status: int, offset: int, error_us_max: int) -> ClockState:
    """Return what adjtimex's answer means; its offset is in ns or in µs, as the status says."""
    synchronised = state != _TIME_ERROR and not status & _STA_UNSYNC
    offset_us = abs(offset) // 1_000 * (1 if offset >= 0 else -1) if status & _STA_NANO else offset
    return ClockState(synchronised, offset_us, error_us_max)


def is_doubtful(discipline: Discipline, concerns: Concerns, now: int) -> bool:
    """R04: say whether meters can not be held against the node's clock now, to its operator as well."""
    state = discipline()
    if state is None or state.good:
        concerns.clear(Code.CLOCK)
        return False
    concerns.raise_(Code.CLOCK, "", now, error=-(-state.error_us_max // 1_000_000))
    return True


def unknown() -> ClockState | None:
    """Say nothing: a simulated clock is always right."""
    return None
