"""A set of books takes no memory after its construction: counted at the C library's allocator."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.native_build import compile_library
from tests.support.source_tree import ROOT

COUNT = """
import ctypes, json, random
from market.book import BookSet
from market.book.batch import EVENT, FILL, RESULT
from tests.support.book_twin import Dimensions, random_events

allocations = ctypes.CDLL(None).allocations
allocations.restype = ctypes.c_ulong
dimensions = Dimensions(books=5, levels=200, capacity=15, names=60)
books, fills = dimensions.book_set(), bytearray(FILL.size * 100_000)
batches = [random_events(random.Random(1), size, dimensions) for size in (100, 1_000, 100_000)]
results = [bytearray(len(batch) // EVENT.size * RESULT.size) for batch in batches]
taken = []
for batch, room in zip(batches, results):
    before = allocations()
    books.submit(batch, fills, room)
    books.clear(3)
    taken.append(allocations() - before)
before = allocations()
held = [bytes(1_000) for _ in range(1_000)]
print(json.dumps({"batches": taken, "thousand_objects": allocations() - before}))
"""


def test_a_hundred_thousand_events_take_no_more_allocations_than_a_hundred(tmp_path: Path) -> None:
    """What is counted are the few numbers that Python makes of a call's arguments and answer."""
    library = tmp_path / "count.so"
    compile_library(Path(__file__).with_name("count_allocations.c"), library, "-O2")
    run = subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    counted = json.loads(run.stdout)
    assert max(counted["batches"]) <= 5
    assert counted["thousand_objects"] >= 1_000
