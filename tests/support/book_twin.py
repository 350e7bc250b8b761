"""Random batches for `BookSet` and its twins, compared byte by byte.

`python -m tests.support.book_twin COMMANDS [SEED]` compares as long as one likes: a million commands take a quarter
of a minute, nearly all of it in the twins.
"""

import argparse
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from market.book import Batches, BookSet, OrderBook, ReferenceBookSet
from market.book.batch import CANCEL, EVENT, FILL, RESULT
from market.orders import Side, TimeInForce

BATCH_MAX: Final = 200
ROUND: Final = 20_000
"""Commands of one set of books; the next one has other dimensions."""
KINDS: Final = (*[TimeInForce.GOOD_TILL_GATE] * 5, *TimeInForce, *[CANCEL] * 3)


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What a set of books is made with."""

    books: int
    levels: int
    capacity: int
    names: int

    def book_set(self) -> BookSet:
        return BookSet(self.books, self.levels, self.capacity, self.names)

    def twins(self) -> list[Batches]:
        """Return the set to be judged, one that places every order by itself, and the plain truth."""
        dimensions = (self.books, self.levels, self.capacity, self.names)
        return [self.book_set(), ReferenceBookSet(*dimensions, OrderBook), ReferenceBookSet(*dimensions)]

    def fill_room(self) -> bytearray:
        return bytearray(FILL.size * (self.capacity + 1))


def submit_all(book_set: Batches, events: bytes, fills: bytearray) -> tuple[list[bytes], bytes]:
    """Submit events until all are carried out, taking the fills whenever they have no more room.

    Returns: the fills of each turn, the results.
    """
    taken: list[bytes] = []
    results = b""
    while events:
        room = bytearray(len(events) // EVENT.size * RESULT.size)
        done, filled = book_set.submit(events, fills, room)
        assert done > 0, "one more fill than orders can rest is always enough"
        taken.append(bytes(fills[: filled * FILL.size]))
        results += room[: done * RESULT.size]
        events = events[done * EVENT.size :]
    return taken, results


def assert_alike(sets: Sequence[Batches], dimensions: Dimensions) -> None:
    """Compare all that can be asked of sets of books, and that no book is crossed (M3)."""
    first, *others = sets
    for book in range(dimensions.books):
        bid, ask = first.best_bid(book), first.best_ask(book)
        assert bid is None or ask is None or bid < ask
        for other in others:
            assert (other.best_bid(book), other.best_ask(book), other.resting(book)) == (bid, ask, first.resting(book))
            for side in Side:
                assert other.orders(book, side) == first.orders(book, side)
    assert len({len(each) for each in sets}) == 1


def random_dimensions(chance: random.Random) -> Dimensions:
    """Return few orders, so that books are full and empty, and names used again, all the time."""
    return Dimensions(
        books=chance.choice((1, 2, 5)),
        levels=chance.choice((1, 3, 66, 200, 4_200)),
        capacity=chance.choice((1, 4, 15)),
        names=chance.choice((3, 20, 60)),
    )


def random_events(chance: random.Random, count: int, dimensions: Dimensions) -> bytes:
    """Return events near the middle price of few books, one in two hundred malformed."""
    middle = dimensions.levels // 2

    def event() -> bytes:
        beyond = 1 if chance.random() < 0.005 else 0
        tick = middle + chance.randint(-3, 3) if chance.random() < 0.8 else chance.randrange(dimensions.levels)
        return EVENT.pack(
            chance.choice((1, 1, 2, 3, 10, chance.randint(1, 2**40 - 1 + beyond))),
            chance.randrange(dimensions.names + beyond),
            chance.randrange(4),
            min(max(tick, 0), dimensions.levels - 1) + beyond * chance.randrange(2),
            chance.randrange(dimensions.books + beyond),
            chance.choice(KINDS) + beyond * chance.randrange(3),
            chance.randrange(2 + beyond),
        )

    return b"".join(event() for _ in range(count))


def compare(commands: int, seed: int) -> str:
    """Carry out random commands on all twins and return the digest of what came of them.

    Raises: AssertionError at the first difference.
    """
    chance = random.Random(seed)
    digest = hashlib.sha256()
    while commands > 0:
        dimensions = random_dimensions(chance)
        sets, fills = dimensions.twins(), dimensions.fill_room()
        left = min(commands, ROUND)
        commands -= left
        while left > 0:
            count = min(chance.randint(1, BATCH_MAX), left)
            left -= count
            events = random_events(chance, count, dimensions)
            outcome, *others = [submit_all(book_set, events, fills) for book_set in sets]
            assert all(other == outcome for other in others)
            digest.update(b"".join(outcome[0]) + outcome[1])
            if chance.random() < 0.05:
                book = chance.randrange(dimensions.books)
                for book_set in sets:
                    book_set.clear(book)
            assert_alike(sets, dimensions)
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    arguments = parser.parse_args()
    digest = compare(arguments.commands, arguments.seed)
    print(json.dumps({"commands": arguments.commands, "seed": arguments.seed, "digest": digest}))


if __name__ == "__main__":
    main()
