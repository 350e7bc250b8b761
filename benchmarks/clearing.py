"""What clearing costs and what it is worth: the call auction, the other mechanisms, traders without intelligence.

`python -m benchmarks.clearing [--json]`. Thread CPU time, best and median of interleaved rounds. The energy-market peer
is installed from PyPI into a virtual environment of its own, kept in the folder for temporary files; its volume must
be ours. Where it can not be installed, the naive loop over all bids and asks stands in, and `auction_peer` says so.

Two times are given for the call auction of 10 000 bids and 10 000 asks: of a book at hand, and from orders as Python
objects, which is what the peer starts from as well. The published ratio is the second, smaller one. `plain_python`
sorts and merges the same orders without any library, and finds no more than the welfare.
"""

import argparse
import functools
import gc
import json
import random
import statistics
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.zero_intelligence import ENVIRONMENTS, efficiency, possible_welfare
from market.clearing import MECHANISMS, SealedBook, SealedOrder, compare, uniform_price
from market.orders import Side

SEED: Final = 42
ROUNDS: Final = 9
LEVELS: Final = 1_501
PEER: Final = "assume-framework==0.6.0"
PEER_SCRIPT: Final = Path(__file__).with_name("energy_market_peer.py")


def orders(count: int) -> list[SealedOrder]:
    """Return as many bids as asks from 80 to 300 €/MWh in ticks of 1 €/MWh, with 100 to 2000 Wh."""
    chance = random.Random(SEED)
    return [
        SealedOrder(Side(number % 2), 500 + chance.randint(80, 300), 100 * chance.randint(1, 20), number)
        for number in range(count)
    ]


def cpu_ns(work: Callable[[], object], times: int = 1) -> float:
    """Return the thread CPU time of one call, the mean of several in a row."""
    gc.collect()
    gc.disable()
    begin = time.thread_time_ns()
    for _ in range(times):
        work()
    elapsed = time.thread_time_ns() - begin
    gc.enable()
    return elapsed / times


def naive_volume(book: SealedBook) -> int:
    """Match each bid with each ask that is not above it, by merit: the loop that energy markets are often made of."""
    left = [order.quantity_wh for order in book.orders]
    asks = book.by_merit(Side.SELL)
    volume = 0
    for bid in book.by_merit(Side.BUY):
        for ask in asks:
            if book.orders[ask].tick <= book.orders[bid].tick and left[ask] and left[bid]:
                traded = min(left[ask], left[bid])
                left[ask] -= traded
                left[bid] -= traded
                volume += traded
    return volume


def peer_python() -> Path | None:
    """Return the interpreter of an environment with the peer, made on first use; None if it can not be had."""
    folder = Path(tempfile.gettempdir()) / f"resilia-benchmark-{PEER}"
    python = folder / "bin" / "python"
    installed = folder / "installed"
    if not installed.exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        installed.touch()
    return python


def peer_cpu_ns(book: SealedBook) -> tuple[str, float]:
    """Return who cleared the orders of a book, and in what thread CPU time."""
    volume = uniform_price(book).volume_wh
    python = peer_python()
    if python is None:
        elapsed = cpu_ns(lambda: naive_volume(book))
        return "naive loop over bids and asks (the peer could not be installed)", elapsed
    rows = [(1 if order.side == Side.BUY else -1, order.tick, order.quantity_wh) for order in book.orders]
    # Beside its environment, for it leaves a log where it runs.
    run = subprocess.run(
        [python, PEER_SCRIPT], input=json.dumps(rows), capture_output=True, text=True, check=True, cwd=python.parent
    )
    answer = json.loads(run.stdout)
    if answer["volume"] != volume:
        raise RuntimeError(f"{PEER} cleared {answer['volume']} Wh, we {volume} Wh: the times do not compare")
    return PEER, int(answer["cpu_ns"])


@functools.cache
def auction_figures() -> dict[str, float | str]:
    """Return what call auctions cost here and at the peer; measured once a process."""
    small, many = SealedBook(LEVELS, orders(1_000)), orders(20_000)
    large = SealedBook(LEVELS, many)
    work: dict[str, tuple[Callable[[], object], int]] = {
        "auction_1k_us": (lambda: uniform_price(small), 100),
        "auction_1k_cold_us": (lambda: uniform_price(small), 1),
        "auction_20k_us": (lambda: uniform_price(large), 20),
        "auction_20k_from_orders_us": (lambda: uniform_price(SealedBook(LEVELS, many)), 1),
        "plain_python_20k_us": (lambda: possible_welfare(large), 1),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, (clear, repeats) in work.items():
            times[name].append(cpu_ns(clear, repeats))
    figures: dict[str, float | str] = {}
    for name, each in times.items():
        figures[name] = round(min(each) / 1_000, 2)
        figures[name.replace("_us", "_median_us")] = round(statistics.median(each) / 1_000, 2)
    peer, peer_ns = peer_cpu_ns(large)
    figures["auction_peer"] = peer
    figures["auction_peer_20k_us"] = round(peer_ns / 1_000)
    figures["auction_over_best_energy_peer"] = round(peer_ns / min(times["auction_20k_from_orders_us"]), 1)
    figures["auction_over_best_energy_peer_book_at_hand"] = round(peer_ns / min(times["auction_20k_us"]), 1)
    return figures


def auction_ratio() -> float:
    """Return how many times the best energy-market peer's time a call auction of 10 000 + 10 000 orders takes ours.

    Ours from orders as Python objects, which is what the peer starts from.
    """
    return float(auction_figures()["auction_over_best_energy_peer"])


def measure() -> dict[str, object]:
    """Run everything and return the figures."""
    figures: dict[str, object] = {"seed": SEED, "rounds": ROUNDS, **auction_figures()}
    book = SealedBook(LEVELS, orders(1_000))
    for name, mechanism in MECHANISMS.items():
        best = min(cpu_ns(functools.partial(mechanism, book)) for _ in range(ROUNDS))
        figures[f"{name}_1k_with_deals_us"] = round(best / 1_000, 1)
    sample = SealedBook(LEVELS, orders(60))
    for name, each in compare(sample, liars=range(len(sample))).items():
        figures[f"{name}_efficiency_pct"] = each.efficiency_ppm / 10_000
        # A tick is 1 €/MWh = 1000 µ€/kWh, so that a tick x Wh is 1000 n€.
        figures[f"{name}_best_lie_gains_ct"] = each.lie.gain_tick_wh / 10_000 if each.lie else 0
    for name, environment in ENVIRONMENTS.items():
        reached = [efficiency(environment, seed) for seed in range(8 if name == "energy_500" else 40)]
        figures[f"zero_intelligence_{name}_pct"] = round(100 * statistics.mean(one for one, _ in reached), 2)
        figures[f"call_auction_{name}_pct"] = round(100 * statistics.mean(other for _, other in reached), 2)
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
        print(f"{name:48} {value if isinstance(value, str) else format(value, ',')}")


if __name__ == "__main__":
    main()
