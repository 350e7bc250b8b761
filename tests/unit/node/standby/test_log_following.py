"""A standby takes personal records by a sealed way only."""

import pytest

from energy.errors import Misconfigured
from node.standby.log_following import require_sealed_way


@pytest.mark.parametrize("url", ["https://first:8545", "http://127.0.0.1:8545", "http://localhost:1", "http://[::1]:1"])
def test_records_come_inside_tls_or_from_this_machine(url: str) -> None:
    require_sealed_way(url)


@pytest.mark.parametrize("url", ["http://first:8545", "http://10.0.0.7:8545", "http://127.0.0.1.x:1", "first:8545"])
def test_records_do_not_come_in_the_clear(url: str) -> None:
    with pytest.raises(Misconfigured, match="in the clear"):
        require_sealed_way(url)
