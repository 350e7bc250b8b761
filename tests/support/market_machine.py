"""Drives the engine beside its slow twin over seeded busy days, in slices that add up.

`python -m tests.support.market_machine FIRST_SEED COMMANDS` goes on from a seed until so many commands are done, and
prints the seed to go on from.
"""

import sys
from itertools import count
from typing import NamedTuple

from market.commands import PlaceOrder
from tests.support.market import SMALL, busy_day, resolve
from tests.support.watched_market import TwinnedMarket

FIRST_SEED = 1_000


class Slice(NamedTuple):
    """What a run has done."""

    commands: int
    trades: int
    next_seed: int


def run_days(first_seed: int, commands: int) -> Slice:
    """Run whole days from a seed on until at least so many commands are done; a difference is an AssertionError."""
    done = trades = 0
    for seed in count(first_seed):
        market, placed, now = TwinnedMarket(SMALL), list[PlaceOrder](), 0
        for seconds, move in busy_day(seed):
            now += seconds
            command = resolve(move, placed)
            if command is not None:
                market.do(command, now)
                done += 1
            if isinstance(command, PlaceOrder):
                placed.append(command)
        trades += len(market.auditor.trades)
        if done >= commands:
            return Slice(done, trades, seed + 1)
    raise AssertionError("seeds never end")


if __name__ == "__main__":
    print(run_days(int(sys.argv[1]), int(sys.argv[2])))
