import pytest

from node.chain.errors import LIMIT_EXCEEDED, ChainError
from node.chain.filters import FILTERS_MAX, IDLE_S_MAX, Filters
from node.chain.records import LogQuery

QUERY = LogQuery(0, 10)


class Stopwatch:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_remembers_how_far_a_client_has_heard() -> None:
    filters = Filters()
    identifier = filters.add(QUERY, 5)
    assert filters.advance(identifier, 8).next_block == 5
    assert filters.advance(identifier, 9).next_block == 8
    assert filters.get(identifier).subject == QUERY


def test_identifiers_are_hex_and_not_guessable() -> None:
    filters = Filters()
    identifiers = {filters.add("blocks", 0) for _ in range(20)}
    assert len(identifiers) == 20
    assert all(len(identifier) == 34 and int(identifier, 16) for identifier in identifiers)


def test_forgets_on_request() -> None:
    filters = Filters()
    identifier = filters.add("blocks", 0)
    assert filters.remove(identifier)
    assert not filters.remove(identifier)
    with pytest.raises(ChainError, match="filter not found"):
        filters.get(identifier)


def test_forgets_clients_that_fell_silent_and_keeps_those_that_poll() -> None:
    stopwatch = Stopwatch()
    filters = Filters(stopwatch)
    silent, polling = filters.add("blocks", 0), filters.add("blocks", 0)
    stopwatch.now = IDLE_S_MAX - 1
    filters.advance(polling, 1)
    stopwatch.now = IDLE_S_MAX
    filters.add("blocks", 0)
    filters.get(polling)
    with pytest.raises(ChainError, match="filter not found"):
        filters.get(silent)


def test_refuses_too_many() -> None:
    filters = Filters()
    for _ in range(FILTERS_MAX):
        filters.add("blocks", 0)
    with pytest.raises(ChainError) as caught:
        filters.add("blocks", 0)
    assert caught.value.code == LIMIT_EXCEEDED
