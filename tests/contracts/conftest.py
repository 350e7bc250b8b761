"""One community for all contract tests: founded once, and put back after each test."""

from collections.abc import Iterator

import pytest

from tests.support.community import Community, found_community
from tests.support.disputes import Disputed, found_disputed


@pytest.fixture(scope="session")
def founded_community() -> Community:
    return found_community()


@pytest.fixture
def community(founded_community: Community) -> Iterator[Community]:
    foundation = founded_community.evm.snapshot()
    yield founded_community
    founded_community.evm.restore(foundation)


@pytest.fixture(scope="session")
def founded_disputed() -> Disputed:
    return found_disputed()


@pytest.fixture
def disputed(founded_disputed: Disputed) -> Iterator[Disputed]:
    foundation = founded_disputed.community.evm.snapshot()
    yield founded_disputed
    founded_disputed.community.evm.restore(foundation)
    founded_disputed.published.clear()
