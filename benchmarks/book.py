"""What a command costs in the order book: in batches, one call each, in the whole engine, and at its peers.

`python -m benchmarks.book [--json]`. Thread CPU time, best and median of interleaved rounds, so that a busy machine
does not matter much; the ratios matter more than the nanoseconds. Self-trade prevention and time in force are on.

The floor is a loop that reads the same events and branches on their kind and side, which no matcher of one event after
the other can avoid. Peers are installed from PyPI into a virtual environment of their own, kept in the folder for
temporary files; those that match and report fills take part (`benchmarks.book_peers`). What could not be measured is
null.
"""

import argparse
import ctypes
import gc
import hashlib
import json
import statistics
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.book_engine import engine_commands, run_engine
from benchmarks.book_memory import bytes_per_order
from benchmarks.book_peers import PEERS, Command, commands_of
from benchmarks.book_streams import LEVELS, SEED, Stream, make_stream
from market.book import BookSet
from market.book.batch import CANCEL, EVENT, FILL, RESULT
from market.config import MarketConfig
from market.engine import MarketState
from market.orders import Side, TimeInForce

ROUNDS: Final = 9
REPLAY: Final = 2_000_000
CASES: Final = {
    "1k": (1_000, 1_000_000, 1),
    "10k": (10_000, 300_000, 1),
    "100k": (100_000, 500_000, 1),
    "1m": (1_000_000, 1_000_000, 1),
    "96_books": (96_000, REPLAY - 96_000, 96),
    "288_books": (288_000, 700_000, 288),
}
"""Orders resting, events measured, books."""
DAY_BOOKS: Final = 288
DAY_ACCOUNTS: Final = 1_000
CALLS: Final = 20_000
CALL_ROUNDS: Final = 3
ROOT: Final = Path(__file__).parents[1]
FLOOR_SOURCE: Final = Path(__file__).with_name("native") / "floor.c"

Figures = dict[str, Any]


def cpu_ns(work: Callable[[], object]) -> int:
    """Return the thread CPU time of some work."""
    gc.collect()
    gc.disable()
    begin = time.thread_time_ns()
    work()
    elapsed = time.thread_time_ns() - begin
    gc.enable()
    return elapsed


def best_and_median(name: str, times: list[float]) -> Figures:
    return {name: round(min(times), 2), f"{name}_median": round(statistics.median(times), 2)}


def load_floor(folder: Path) -> Callable[[bytes, int], int]:
    """Compile the loop that only reads and branches."""
    library = folder / "floor.so"
    subprocess.run(["cc", "-O3", "-shared", "-fPIC", "-o", str(library), str(FLOOR_SOURCE)], check=True)
    floor: Callable[[bytes, int], int] = ctypes.PyDLL(str(library)).branch_floor
    floor.argtypes, floor.restype = (ctypes.c_char_p, ctypes.c_uint64), ctypes.c_uint64  # type: ignore[attr-defined]
    return floor


def batch_figures(streams: dict[str, Stream], floor: Callable[[bytes, int], int]) -> Figures:
    """Return nanoseconds for each event of a batch, and for each of the floor."""
    times: dict[str, list[float]] = {f"{kind}_{case}": [] for case in streams for kind in ("ns", "floor_ns")}
    rooms = {case: (stream.fills(), stream.results_of(stream.measured)) for case, stream in streams.items()}
    figures: Figures = {}
    for _ in range(ROUNDS):
        for case, stream in streams.items():
            book_set, count = stream.filled(), len(stream.measured) // EVENT.size
            batch = (stream.measured, *rooms[case])
            times[f"ns_{case}"].append(cpu_ns(lambda s=book_set, b=batch: s.submit(*b)) / count)  # type: ignore[misc]
            times[f"floor_ns_{case}"].append(cpu_ns(lambda b=batch, n=count: floor(b[0], n)) / count)  # type: ignore[misc]
            figures[f"resting_at_end_{case}"] = len(book_set)
    for name, each in times.items():
        figures |= best_and_median(name, each)
    for case in streams:
        figures[f"batch_over_floor_{case}"] = round(figures[f"ns_{case}"] / figures[f"floor_ns_{case}"], 2)
        medians = figures[f"ns_{case}_median"], figures[f"floor_ns_{case}_median"]
        figures[f"batch_over_floor_{case}_median"] = round(medians[0] / medians[1], 2)
    figures["million_commands_per_s_1k"] = round(1_000 / figures["ns_1k"], 1)
    return figures


def replay_figures(stream: Stream) -> Figures:
    """Carry out two million commands from the first on, again and again in other parts: the same digest each time."""
    events = stream.filling + stream.measured
    fills, results = stream.fills(), stream.results_of(events)
    times: list[float] = []
    digests: set[str] = set()
    for round_number in range(ROUNDS):
        book_set = BookSet(stream.books, LEVELS, stream.capacity, stream.names)
        part = EVENT.size * (len(events) // EVENT.size // (1 + round_number) + 1)
        parts = [events[at : at + part] for at in range(0, len(events), part)]
        digest = hashlib.sha256()
        elapsed = 0
        for each in parts:
            begin = time.thread_time_ns()
            done, count = book_set.submit(each, fills, results)
            elapsed += time.thread_time_ns() - begin
            assert done * EVENT.size == len(each)
            digest.update(memoryview(fills)[: count * FILL.size])
        for book in range(stream.books):
            digest.update(repr([book_set.orders(book, side) for side in Side]).encode())
        times.append(elapsed / 1e6)
        digests.add(digest.hexdigest())
    assert len(digests) == 1, "a replay came to something else"
    return {**best_and_median("replay_2m_ms", times), "replay_digest": digests.pop()}


def day_figures() -> Figures:
    """Place one order of each of a thousand members in each of 288 books, then clear them all."""
    events = b"".join(
        EVENT.pack(500, book * DAY_ACCOUNTS + account, account, account % LEVELS, book, 0, account % 2)
        for account in range(DAY_ACCOUNTS)
        for book in range(DAY_BOOKS)
    )
    names = DAY_BOOKS * DAY_ACCOUNTS
    fills, results = bytearray(2 * names * FILL.size), bytearray(names * RESULT.size)
    day: list[float] = []
    clear_full: list[float] = []
    clear_empty: list[float] = []
    for _ in range(ROUNDS):
        book_set = BookSet(DAY_BOOKS, LEVELS, 2 * DAY_ACCOUNTS, names)
        day.append(cpu_ns(lambda s=book_set: s.submit(events, fills, results)) / 1e6)  # type: ignore[misc]
        for times in (clear_full, clear_empty):
            times.append(cpu_ns(lambda s=book_set: [s.clear(book) for book in range(DAY_BOOKS)]) / DAY_BOOKS)  # type: ignore[misc]
    return {
        **best_and_median("day_288x1000_ms", day),
        "clear_full_ns": round(min(clear_full)),
        "clear_empty_ns": round(min(clear_empty)),
    }


def call_figures(case: str, stream: Stream) -> Figures:
    """Return the time of one call for each command: CPU of all, and the wall time of single ones as percentiles."""
    commands = commands_of(stream.measured[: 10 * CALLS * EVENT.size])
    times: list[float] = []
    for _ in range(CALL_ROUNDS):
        book_set = stream.filled()
        times.append(cpu_ns(lambda s=book_set: _call_all(s, commands)) / len(commands))  # type: ignore[misc]
    book_set, clock = stream.filled(), time.perf_counter_ns
    place, cancel = book_set.place, book_set.cancel
    waits: list[int] = []
    for command in commands:
        begin = clock()
        if len(command) == 2:
            cancel(*command)
        else:
            place(*command)
        waits.append(clock() - begin)
    cuts = statistics.quantiles(waits, n=1_000)
    return {
        f"call_ns_{case}": round(min(times), 1),
        f"call_p50_ns_{case}": cuts[499],
        f"call_p99_ns_{case}": cuts[989],
        f"call_p999_ns_{case}": cuts[998],
    }


def _call_all(book_set: BookSet, commands: list[Command]) -> None:
    place, cancel = book_set.place, book_set.cancel
    for command in commands:
        if len(command) == 2:
            cancel(*command)
        else:
            place(*command)


def grouped(stream: Stream) -> Stream:
    """Return the same events with those of a book together, as a caller may bring them: books do not meet."""
    events = [stream.measured[at : at + EVENT.size] for at in range(0, len(stream.measured), EVENT.size)]
    events.sort(key=lambda event: EVENT.unpack(event)[4])
    return replace(stream, measured=b"".join(events))


def peer_python() -> tuple[Path, list[str]]:
    """Return the interpreter of an environment with the peers, made on first use, and those that did not install."""
    folder = Path(tempfile.gettempdir()) / "resilia-benchmark-order-books"
    python, done = folder / "bin" / "python", folder / "refused.json"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        refused = [
            package
            for package in ("sortedcontainers", *PEERS)
            if subprocess.run([*install, package], capture_output=True, check=False).returncode
        ]
        done.write_text(json.dumps(refused))
    return python, json.loads(done.read_text())


def peer_figures(folder: Path) -> Figures:
    """Return nanoseconds of one call for each command, ours and the peers', on good-till-gate orders of strangers."""
    stream = make_stream(CASES["1k"][0], CALLS)
    path = folder / "events"
    path.write_bytes(b"".join(_for_peers(event) for event in EVENT.iter_unpack(stream.filling + stream.measured)))
    python, refused = peer_python()
    if "sortedcontainers" in refused:
        return {"call_over_best_python_peer": None, "peers_missing": refused}
    run = subprocess.run(
        [python, "-m", "benchmarks.book_peers", path, str(len(stream.filling) // EVENT.size), str(LEVELS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(run.stdout)
    books = answer["books"]
    peers = {name: books[name]["ns"] for name in PEERS if name in books and books[name]["agrees"]}
    ours, batch, plain = books["ours"], books["batch"], books["pure-python"]
    best = min(peers, key=peers.__getitem__, default=None)
    return {
        "ns_call": ours["ns"],
        "ns_call_median": ours["ns_median"],
        "call_over_best_python_peer": round(peers[best] / ours["ns"], 1) if best else None,
        "best_python_peer": best,
        "call_over_pure_python": round(plain["ns"] / ours["ns"], 1),
        "batch_over_pure_python": round(plain["ns"] / batch["ns"], 1),
        "batch_over_pure_python_median": round(plain["ns_median"] / batch["ns_median"], 1),
        "peers_ns_call": {**peers, "pure-python": plain["ns"]},
        "peers_that_disagree": [name for name in PEERS if name in books and not books[name]["agrees"]],
        "peers_missing": sorted({*refused, *answer["missing"]}),
    }


def _for_peers(event: tuple[int, ...]) -> bytes:
    """Return an event that every peer understands: no other time in force, and nobody meets an own order."""
    wh, name, _, tick, book, kind, side = event
    return EVENT.pack(wh, name, name, tick, book, kind if kind == CANCEL else TimeInForce.GOOD_TILL_GATE, side)


def engine_figures() -> Figures:
    opening, measured = engine_commands()
    times: list[float] = []
    for _ in range(ROUNDS):
        state = MarketState(MarketConfig())
        run_engine(state, opening)
        times.append(cpu_ns(lambda s=state: run_engine(s, measured)) / len(measured))  # type: ignore[misc]
    return {**best_and_median("engine_ns_per_command", times), "engine_commands_per_s": round(1e9 / min(times))}


def auction_figure() -> float | None:
    """Return how many times the best energy-market peer's time a call auction takes ours."""
    try:
        from benchmarks.clearing import auction_ratio
    except ImportError:
        return None
    return auction_ratio()


def measure() -> Figures:
    """Run everything and return the figures."""
    streams = {case: make_stream(*dimensions) for case, dimensions in CASES.items()}
    memory = {f"bytes_per_resting_order_{case}": bytes_per_order(stream) for case, stream in streams.items()}
    figures: Figures = {"seed": SEED, "rounds": ROUNDS, **memory}
    streams["96_books_grouped"] = grouped(streams["96_books"])
    with tempfile.TemporaryDirectory() as folder:
        figures |= batch_figures(streams, load_floor(Path(folder)))
        figures |= peer_figures(Path(folder))
    figures |= replay_figures(streams["96_books"])
    figures |= day_figures()
    for case in CASES:
        figures |= call_figures(case, streams[case])
    figures |= engine_figures()
    figures["auction_over_best_energy_peer"] = auction_figure()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:34} {value}")


if __name__ == "__main__":
    main()
