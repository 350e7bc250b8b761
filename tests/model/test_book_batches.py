"""`BookSet` against single orders through `OrderBook`s and `ReferenceBook`s: the same bytes, the same books."""

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from market.book import BookSet
from market.book.batch import CANCEL, EVENT, FILL, RESULT
from tests.support.book_twin import KINDS, Dimensions, assert_alike, compare, random_events, submit_all

DIMENSIONS = Dimensions(books=2, levels=130, capacity=4, names=8)
TICKS = (0, 1, 62, 63, 64, 65, 128, 129)

records = st.builds(
    EVENT.pack,
    st.integers(1, 9),
    st.integers(0, DIMENSIONS.names - 1),
    st.integers(0, 2),
    st.sampled_from(TICKS),
    st.integers(0, DIMENSIONS.books - 1),
    st.integers(0, CANCEL),
    st.integers(0, 1),
)
malformed = st.binary(min_size=EVENT.size, max_size=EVENT.size)
batches = st.lists(st.one_of(*[records] * 9, malformed), max_size=20).map(b"".join)
# Two orders rest at one price, and one comes that reaches the older alone.
queue = b"".join(EVENT.pack(5, name, name, 63, 0, 0, side) for name, side in enumerate((1, 1, 0)))


@example([(queue, None)])
@given(st.lists(st.tuples(batches, st.sampled_from([None] * 5 + [0, 1])), max_size=20))
def test_a_batch_gives_what_single_orders_give(day: list[tuple[bytes, int | None]]) -> None:
    sets, fills = DIMENSIONS.twins(), DIMENSIONS.fill_room()
    for events, gate in day:
        outcome, *others = [submit_all(book_set, events, fills) for book_set in sets]
        assert all(other == outcome for other in others)
        if gate is not None:
            for book_set in sets:
                book_set.clear(gate)
        assert_alike(sets, DIMENSIONS)


@given(st.integers(0, 2**32), st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_it_does_not_matter_how_events_are_split(seed: int, parts: list[int]) -> None:
    chance = Random(seed)
    dimensions = Dimensions(books=3, levels=50, capacity=30, names=60)
    batches = [random_events(chance, part, dimensions) for part in parts]
    whole, split = dimensions.book_set(), dimensions.book_set()
    fills = bytearray(2**16 // 24 * 24)
    at_once, results = submit_all(whole, b"".join(batches), fills)
    turns = [submit_all(split, batch, fills) for batch in batches]
    assert b"".join(fill for fills_of_batch, _ in turns for fill in fills_of_batch) == b"".join(at_once)
    assert b"".join(part for _, part in turns) == results
    assert_alike([whole, split], dimensions)


@given(st.integers(0, 2**32))
def test_events_of_a_book_may_be_brought_together(seed: int) -> None:
    chance = Random(seed)
    dimensions = Dimensions(books=3, levels=20, capacity=50, names=100)
    book_of = [chance.randrange(dimensions.books) for _ in range(dimensions.names)]
    names = [name for _, name, *_ in EVENT.iter_unpack(random_events(chance, 300, dimensions)) if name < 100]
    events = [
        EVENT.pack(chance.randint(1, 9), name, name, chance.randrange(20), book_of[name], kind, name % 2)
        for name in names
        for kind in [chance.choice(KINDS)]
    ]
    grouped = sorted(events, key=lambda event: EVENT.unpack(event)[4])
    sets, room = [dimensions.book_set(), dimensions.book_set()], bytearray(FILL.size * 1_000)
    outcomes = [submit_all(sets[0], b"".join(events), room), submit_all(sets[1], b"".join(grouped), room)]
    fills = [sorted(FILL.iter_unpack(b"".join(taken))) for taken, _ in outcomes]
    assert fills[0] == fills[1]
    assert_alike(sets, dimensions)


@given(st.integers(0, 2**32))
def test_single_calls_give_what_a_batch_gives(seed: int) -> None:
    batch, single, twin = DIMENSIONS.book_set(), DIMENSIONS.book_set(), DIMENSIONS.twins()[-1]
    events = random_events(Random(seed), 200, DIMENSIONS)
    fills, results = submit_all(batch, events, DIMENSIONS.fill_room())
    taken = []
    for event, result in zip(EVENT.iter_unpack(events), RESULT.iter_unpack(results), strict=True):
        quantity, name, account, tick, book, kind, side = event
        for book_set in (single, twin):
            if kind == CANCEL:
                assert book_set.cancel(book, name) == result[0]
                assert book_set.fills() == []
            else:
                status, filled = book_set.place(book, name, side, tick, quantity, account, kind)
                assert (filled, len(book_set.fills()), status) == result
        taken += [FILL.pack(*fill) for fill in single.fills()]
        assert single.fills() == twin.fills()
    assert b"".join(taken) == b"".join(fills)
    assert_alike([batch, single, twin], DIMENSIONS)


def test_random_commands_equal_the_twins() -> None:
    compare(commands=4_000, seed=7)


def test_many_resting_orders_fetched_early_equal_single_orders() -> None:
    """Beyond 50 000 resting orders batches run another loop, which single events never do."""
    chance = Random(3)
    dimensions = Dimensions(books=3, levels=1_000, capacity=30_000, names=70_000)
    whole, single = dimensions.book_set(), dimensions.book_set()
    filling = b"".join(
        EVENT.pack(5, name, name % 1_000, 490 - name % 300 if name % 2 else 510 + name % 300, name % 3, 0, name % 2 ^ 1)
        for name in range(66_000)
    )
    events = random_events(chance, 5_000, dimensions)
    room = bytearray(24 * 60_000)
    outcomes = []
    for book_set, size in ((whole, len(events)), (single, EVENT.size)):
        submit_all(book_set, filling, room)
        assert len(book_set) == 66_000
        parts = [submit_all(book_set, events[at : at + size], room) for at in range(0, len(events), size)]
        outcomes.append((b"".join(b"".join(fills) for fills, _ in parts), b"".join(results for _, results in parts)))
    assert outcomes[0] == outcomes[1]
    assert_alike([whole, single], dimensions)


@pytest.mark.long
def test_a_million_random_commands_equal_the_twins() -> None:
    compare(commands=1_000_000, seed=1)


def test_the_comparison_sees_a_difference() -> None:
    """A set that was cleared behind the comparison's back is not alike."""
    dimensions = Dimensions(books=1, levels=10, capacity=4, names=4)
    sets: list[BookSet] = [dimensions.book_set(), dimensions.book_set()]
    for book_set in sets:
        submit_all(book_set, EVENT.pack(1, 0, 0, 5, 0, 0, 0), dimensions.fill_room())
    sets[1].clear(0)
    with pytest.raises(AssertionError):
        assert_alike(sets, dimensions)
