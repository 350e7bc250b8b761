"""Short turns on the processor: who wakes goes before whoever has longer ones, on Linux from 6.12 on.

A node waits most of the time, for the disk and for its members. Whoever computes beside it (a full block, a forecast)
ends a slice first, and where the kernel looks at the clock every 4 ms only, goes on until then, whatever its niceness.
The share of the processor stays what it is. Elsewhere nothing changes.
Source: sched_setattr(2); Linux, ``kernel/sched/fair.c``, ``PREEMPT_SHORT``. Units: nanoseconds.
"""

import ctypes
import os
import platform
import struct
import sys
from typing import Final

SHORT: Final = 100_000
"""The shortest that the kernel takes."""
USUAL: Final = 0
"""The kernel's own."""
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Number of the system call, which Debian's C library has no function for."""
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""Size, policy, flags, niceness, priority, slice, deadline, period."""


def take_turns(slice_ns: int) -> bool:
    """Ask for slices of a length, for this thread and for threads and processes that it starts from now on.

    Args:
        slice_ns: `SHORT` or `USUAL`.
    Returns:
        Whether the kernel takes such wishes; one before 6.12 takes them, too, and forgets them.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None or sys.maxsize < 2**32:
        return False
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    wish = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.sched_getscheduler(0), 0, niceness, 0, slice_ns, 0, 0)
    return ctypes.CDLL(None).syscall(number, 0, wish, 0) == 0  # type: ignore[no-any-return]
