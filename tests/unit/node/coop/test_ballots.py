from typing import Any

import pytest

from node.coop.ballots import Ballot
from node.rpc.parameters import BadParameter

VOTER = "0x" + "11" * 20


def ballot(proposal: Any) -> dict[str, Any]:
    return {"proposalId": proposal, "support": 1, "voter": VOTER, "nonce": "0"}


@pytest.mark.parametrize("number", [0, 7, 2**256 - 1])
def test_a_number_is_read_in_every_form(number: int) -> None:
    assert {Ballot.of(ballot(form)).proposal for form in (number, str(number), hex(number))} == {number}


@pytest.mark.parametrize(
    "number", [-1, 2**256, str(2**256), "1_0", " 1", "1\n", "٣", "0x", "0x-1", "", "9" * 5_000, 1.0, True, None, [1]]
)
def test_what_readers_might_read_differently_is_no_number(number: Any) -> None:
    with pytest.raises(BadParameter, match="proposalId"):
        Ballot.of(ballot(number))
