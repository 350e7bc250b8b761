"""What resting orders add to the memory that a process holds, with the names that it keeps for them.

Each case in a process of its own, where no memory is left over from something else: run by `benchmarks.book`.
"""

import ctypes
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.book_streams import Stream

MMAP_THRESHOLD: Final = -3
"""Of `mallopt`: from how many bytes on memory comes from the operating system, and goes back to it."""


def bytes_per_order(stream: Stream) -> float:
    """Return the bytes of one of a stream's resting orders."""
    run = subprocess.run(
        [sys.executable, "-m", __name__, *map(str, (stream.books, stream.capacity, stream.names))],
        input=stream.filling,
        capture_output=True,
        cwd=Path(__file__).parents[1],
        check=True,
    )
    return float(run.stdout)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    """Read the events from standard input, and print the bytes."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, 1 << 14)
    books, capacity, names = map(int, sys.argv[1:])
    stream = Stream(books, capacity, names, sys.stdin.buffer.read(), b"")
    before = _resident_bytes()
    book_set = stream.filled()
    print(round((_resident_bytes() - before) / len(book_set), 1))


if __name__ == "__main__":
    main()
