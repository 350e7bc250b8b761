"""The order book broken in named ways, each with the tests that have to notice: `python -m tests.support.book_mutants`.

A test counts only after it has failed on code that is broken in the way that it claims to detect. Every mutant is built
in a folder of its own; exit code 0 when each of its tests failed there. Minutes of CPU, nearly all in the compiler.
"""

import argparse
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.native_build import build_tree
from tests.support.source_tree import ROOT

FILES: Final = (
    "tests/unit/market/test_book.py",
    "tests/unit/market/test_book_set.py",
    "tests/model/test_book_batches.py",
    "tests/model/test_book_twin.py",
)
TWIN: Final = "test_order_book_behaves_as_its_twin"
RANDOM: Final = "test_random_commands_equal_the_twins"
TEST_S_MAX: Final = 60
"""CPU time of a test; none takes a quarter of it."""
CONFTEST: Final = """
from hypothesis import Phase, settings
phases = [Phase.explicit, Phase.generate]
settings.register_profile("mutants", deadline=None, database=None, derandomize=True, phases=phases)
settings.load_profile("mutants")
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One text of the sources that stands there once, what is put in its place, and who has to notice."""

    name: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTANTS: Final = (
    Mutant(
        "a better price does not become the best",
        "book.best[side] = sentinel if sentinel < book.best[side] else book.best[side]",
        "book.best[side] = sentinel if book.best[side] == end_of(book, side) else book.best[side]",
        ("test_best_price_trades_first_in_both_directions", TWIN, RANDOM),
    ),
    Mutant(
        "the newest order of a price comes first",
        """    cdef uint32_t newest = book.links[sentinel].prev
    book.links[node].prev = newest
    book.links[node].next = sentinel
    book.links[newest].next = node
    book.links[sentinel].prev = node
""",
        """    cdef uint32_t oldest = book.links[sentinel].next
    book.links[node].next = oldest
    book.links[node].prev = sentinel
    book.links[oldest].prev = node
    book.links[sentinel].next = node
""",
        (
            "test_oldest_order_of_a_price_trades_first_also_after_a_partial_fill",
            "test_cancel_of_head_middle_and_tail_keeps_the_others_in_sequence",
            TWIN,
            "test_a_batch_gives_what_single_orders_give",
        ),
    ),
    Mutant(
        "an order that was cancelled stays in its queue",
        "    book.links[link.prev].next = link.next\n    book.links[link.next].prev = link.prev\n    if link",
        "    book.links[link.next].prev = link.prev\n    if link",
        ("test_cancel_of_head_middle_and_tail_keeps_the_others_in_sequence", RANDOM),
    ),
    Mutant(
        "a queue keeps the order that was cancelled as its newest",
        "    book.links[link.prev].next = link.next\n    book.links[link.next].prev = link.prev\n    if link",
        "    book.links[link.prev].next = link.next\n    if link",
        (RANDOM,),
    ),
    Mutant(
        "the best price outlives its last order",
        "    if sentinel == book.best[side]:\n",
        "    if False:\n",
        ("test_cancel_of_the_best_order_uncovers_the_next_level",),
    ),
    Mutant(
        "prices more than 4 096 away are not found",
        "    while group < book.groups:\n",
        "    while False:\n",
        ("test_both_ends_of_every_ladder_work", TWIN),
    ),
    Mutant(
        "a dead order is cancelled once more",
        "if rarely((handle >= book.used) or (book.orders[node].quantity == 0)):",
        "if rarely(handle >= book.used):",
        ("test_cancel_of_a_dead_handle_changes_nothing", TWIN),
    ),
    Mutant(
        "what is left of an order that traded is dropped",
        "        if taker.quantity == 0:\n            return FILLED\n",
        "        return FILLED\n",
        ("test_rest_of_a_marketable_order_rests_at_its_limit", RANDOM),
    ),
    Mutant(
        "an account trades with itself",
        "        if rarely(maker.account == taker.account):\n            break\n",
        "",
        ("test_own_order_stops_the_taker_where_it_stands_in_priority", "test_time_in_force_and_self_trade_prevention"),
    ),
    Mutant(
        "whoever leaves orders at a price met its own",
        "        elif taker.quantity:\n            return True\n",
        "        else:\n            return True\n",
        ("test_own_order_behind_enough_others_does_not_matter", RANDOM),
    ),
    Mutant(
        "an immediate order rests",
        "    if rarely(time_in_force != GOOD_TILL_GATE):\n",
        "    if time_in_force == FILL_OR_KILL:\n",
        ("test_immediate_or_cancel_never_rests", "test_time_in_force_and_self_trade_prevention"),
    ),
    Mutant(
        "fill-or-kill takes a part",
        "        if time_in_force == FILL_OR_KILL and fillable(book, taker) < taker.quantity:\n",
        "        if False:\n",
        ("test_fill_or_kill_takes_all_or_changes_nothing", "test_time_in_force_and_self_trade_prevention"),
    ),
    Mutant(
        "fill-or-kill counts orders behind one of its own account",
        "            if book.orders[node].account == taker.account:\n                return available\n",
        "",
        ("test_fill_or_kill_is_stopped_by_an_own_order", TWIN),
    ),
    Mutant(
        "a book is full one order too early",
        "if rarely(book.resting == book.capacity):",
        "if book.resting + 1 >= book.capacity:",
        ("test_full_book_refuses_only_what_would_need_a_place", "test_a_full_book_leaves_the_others_room"),
    ),
    Mutant(
        "free places are forgotten",
        "    book.free_node = node\n",
        "",
        ("test_handle_freed_last_is_given_first",),
    ),
    Mutant(
        "a price shows its newest order alone",
        "                quantity += self.book.orders[node].quantity\n",
        "                quantity = self.book.orders[node].quantity\n",
        ("test_depth_and_total_add_up_levels_from_the_best", TWIN),
    ),
    Mutant(
        "sums have 32 bits",
        "        cdef uint64_t quantity\n        cdef list depth = []\n",
        "        cdef uint32_t quantity\n        cdef list depth = []\n",
        ("test_greatest_quantities_add_up",),
    ),
    Mutant(
        "a cleared book counts its orders on",
        "    book.resting = 0\n",
        "",
        ("test_clear_drops_everything_and_the_book_works_on", TWIN),
    ),
    Mutant(
        "one tick more than there are",
        "        if not 0 <= tick < self.book.levels:\n",
        "        if not 0 <= tick <= self.book.levels:\n",
        ("test_arguments_out_of_range_are_a_value_error",),
    ),
    Mutant(
        "a book without prices",
        "    if not (1 <= levels <= LEVELS_MAX and",
        "    if not (0 <= levels <= LEVELS_MAX and",
        ("test_impossible_dimensions_are_a_value_error",),
    ),
    Mutant(
        "sets of any dimensions",
        "        if not (1 <= books <= BOOKS_MAX and 1 <= names <= NAMES_MAX):\n",
        "        if False:\n",
        ("test_impossible_dimensions_are_a_value_error",),
    ),
    Mutant(
        "more slots than 32 bits name",
        "    if books << arena.slot_bits > <int64_t>1 << 32:\n",
        "    if False:\n",
        ("test_more_slots_than_can_be_named_are_a_value_error",),
    ),
    Mutant(
        "a fill names its maker twice",
        "        fill.taker = taker.name\n",
        "        fill.taker = maker.name\n",
        ("test_fills_name_maker_and_taker_at_the_maker_s_price", "test_single_calls_give_what_a_batch_gives"),
    ),
    Mutant(
        "the name of a resting order is not kept",
        "        arena.slots[event.name] = (<uint32_t>event.book << arena.slot_bits) + handle\n",
        "        pass\n",
        ("test_a_batch_may_cancel_what_it_placed", "test_a_batch_gives_what_single_orders_give"),
    ),
    Mutant(
        "all intervals share one book",
        "    cdef Book *book = &arena.books[event.book]\n    cdef uint64_t fills",
        "    cdef Book *book = &arena.books[0]\n    cdef uint64_t fills",
        ("test_books_of_different_intervals_do_not_meet", "test_events_of_a_book_may_be_brought_together"),
    ),
    Mutant(
        "a name may be given twice",
        "    if rarely(rests(arena, arena.slots[event.name], event.name)):\n",
        "    if False:\n",
        ("test_a_name_belongs_to_one_resting_order_of_all_books", RANDOM),
    ),
    Mutant(
        "a name is never free again",
        "    if payload.name != name or payload.quantity == 0:\n",
        "    if payload.name != name:\n",
        ("test_a_name_is_free_once_its_order_is_filled", RANDOM),
    ),
    Mutant(
        "names outlive a cleared book",
        "    return slot - (book << arena.slot_bits) < arena.books[book].used\n",
        "    return True\n",
        ("test_clear_drops_one_book_and_frees_its_names", RANDOM),
    ),
    Mutant(
        "a third side",
        " & (event.side <= SELL)",
        "",
        ("test_a_malformed_event_changes_nothing",),
    ),
    Mutant(
        "the greatest energy is refused",
        "(event.quantity - 1 >= arena.quantity_max)",
        "(event.quantity >= arena.quantity_max)",
        ("test_greatest_fields_fit",),
    ),
    Mutant(
        "who meets nobody waits for room",
        "    if meets(book, taker) and rarely(fill_room - fills < book.resting):\n",
        "    if rarely(fill_room - fills < book.resting):\n",
        ("test_an_order_that_meets_another_waits_when_its_fills_might_find_no_room", RANDOM),
    ),
    Mutant(
        "nothing is too little",
        "    if <uint64_t>view.len % size:\n",
        "    if view.len == 0 or <uint64_t>view.len % size:\n",
        ("test_a_batch_may_be_empty",),
    ),
    Mutant(
        "half a record counts",
        "    if <uint64_t>view.len % size:\n",
        "    if False:\n",
        ("test_buffers_that_do_not_fit_are_a_value_error",),
    ),
    Mutant(
        "records begin anywhere",
        "    if <uint64_t>view.buf % sizeof(uint64_t):\n",
        "    if False:\n",
        ("test_buffers_must_be_aligned_and_writable",),
    ),
    Mutant(
        "a buffer is held for ever",
        "                    PyBuffer_Release(&result_view)\n",
        "                    pass\n",
        ("test_buffers_are_let_go_of",),
    ),
    Mutant(
        "one book more than there are",
        "        if not 0 <= index < self.arena.book_count:\n",
        "        if not 0 <= index <= self.arena.book_count:\n",
        ("test_a_book_that_is_not_there_is_a_value_error",),
    ),
    Mutant(
        "a cancellation is placed as an order",
        "        if time_in_force > FILL_OR_KILL:\n",
        "        if False:\n",
        ("test_only_a_time_in_force_is_placed",),
    ),
    Mutant(
        "ticks of 64 bits",
        "uint8_t side, uint32_t tick, uint64_t quantity, uint32_t account,\n        uint8_t time_in_force, /",
        "uint8_t side, uint64_t tick, uint64_t quantity, uint32_t account,\n        uint8_t time_in_force, /",
        ("test_an_order_beyond_its_fields_is_an_overflow",),
    ),
    Mutant(
        "a name of 64 bits is cancelled",
        "    def cancel(self, uint16_t book, uint32_t name, /):\n",
        "    def cancel(self, uint16_t book, uint64_t name, /):\n",
        ("test_arguments_beyond_their_fields_are_an_overflow",),
    ),
    Mutant(
        "every batch leaves something behind",
        "        return done, taker.fill_count\n",
        "        import gc\n        gc.garbage.append(bytes(100_000))\n        return done, taker.fill_count\n",
        ("test_batches_take_no_memory",),
    ),
    Mutant(
        "the last event of a batch is left out",
        "    while number < count:\n",
        "    while number + 1 < count:\n",
        ("test_it_does_not_matter_how_events_are_split", RANDOM),
    ),
    Mutant(
        "single orders are all good till the gate",
        "        event.kind = time_in_force\n",
        "        event.kind = GOOD_TILL_GATE\n",
        ("test_single_calls_give_what_a_batch_gives",),
    ),
    Mutant(
        "fetching early writes",
        "    prefetch(&book.links[link.prev])\n",
        "    book.links[link.prev].next = book.first_node\n",
        ("test_many_resting_orders_fetched_early_equal_single_orders",),
    ),
    Mutant(
        "the last slice shows more than there is",
        "    quantity = hidden.slice if hidden.slice < hidden.reserve else hidden.reserve\n",
        "    quantity = hidden.slice if hidden.reserve else 0\n",
        (TWIN,),
    ),
    Mutant(
        "an order that falls keeps what it hid",
        "    hidden.reserve = unseen - less\n",
        "    hidden.reserve = unseen\n",
        (TWIN,),
    ),
)
WITHOUT: Final = {
    "test_a_million_random_commands_equal_the_twins": "the same as the short one, for longer",
    "test_the_comparison_sees_a_difference": "breaks the comparison's own subject",
}
"""Tests of the book that no mutant is for, and why."""


def held_tests() -> set[str]:
    """Return the names of the tests that are held to the mutants."""
    texts = [(ROOT / file).read_text() for file in FILES]
    return {name for text in texts for name in re.findall(r"^(?:def )?(test_\w+)(?:\(| = )", text, re.MULTILINE)}


def unnoticed(mutant: Mutant, tree: Path) -> list[str]:
    """Build a mutant in a folder that does not exist, run its tests there, and return those that passed."""
    build_tree(tree, ("-O1", "-w"), {mutant.before: mutant.after})
    for file in FILES:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    (tree / "conftest.py").write_text(CONFTEST)
    passed = []
    for test in mutant.tests:
        files = [file for file in FILES if re.search(rf"^(def )?{test}\b", (tree / file).read_text(), re.MULTILINE)]
        options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", str(tree)]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "-k", test, *files],
            cwd=tree,
            capture_output=True,
            text=True,
            preexec_fn=_hurry,
            check=False,
        )
        # 1: a test failed; below 0: the mutant has died of it, or would never have ended.
        if run.returncode == 0:
            passed.append(test)
        elif run.returncode > 1:
            raise RuntimeError(f"{mutant.name}: {test} did not run:\n{run.stdout}{run.stderr}")
    return passed


def _hurry() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (TEST_S_MAX, TEST_S_MAX))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only mutants with one of these in their names")
    words = parser.parse_args().words
    survived = 0
    for mutant in MUTANTS:
        if words and not any(word in mutant.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            passed = unnoticed(mutant, Path(folder) / "tree")
        survived += bool(passed)
        said = "not noticed by " + ", ".join(passed) if passed else f"noticed by {len(mutant.tests)}"
        print(f"{mutant.name}: {said}", flush=True)
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
