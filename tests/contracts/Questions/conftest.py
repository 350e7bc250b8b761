"""A settled honest run, to be asked about."""

import pytest

from tests.support.disputes import Disputed
from tests.support.questions import Asked, settle


@pytest.fixture
def asked(disputed: Disputed) -> Asked:
    return settle(disputed)
