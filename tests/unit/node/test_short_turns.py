import platform
import subprocess
import sys
from pathlib import Path

import pytest

from node.short_turns import SHORT, USUAL, take_turns

LINUX = (*map(int, platform.release().split(".")[:2]),) if sys.platform == "linux" else (0, 0)
_TURNS = """
import asyncio
from pathlib import Path
from node.short_turns import SHORT, USUAL, take_turns

def slice_ns():
    told = Path("/proc/thread-self/sched").read_text()
    return int(next(line for line in told.splitlines() if line.startswith("se.slice")).split(":")[1])

assert take_turns(USUAL)  # whoever starts this may have short turns itself
before = slice_ns()
assert take_turns(SHORT)
print(before, slice_ns(), asyncio.run(asyncio.to_thread(slice_ns)), take_turns(USUAL) and slice_ns())
"""


@pytest.mark.skipif(
    LINUX < (6, 12) or not Path("/proc/self/sched").exists(), reason="only Linux from 6.12 on knows slices"
)
def test_a_thread_and_those_that_it_starts_have_short_slices_until_told_otherwise() -> None:
    told = subprocess.run([sys.executable, "-c", _TURNS], capture_output=True, text=True, check=True).stdout
    before, short, of_thread, after = map(int, told.split())
    assert short == of_thread == SHORT < before == after


def test_where_there_is_no_such_call_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert not take_turns(SHORT)
    assert not take_turns(USUAL)
