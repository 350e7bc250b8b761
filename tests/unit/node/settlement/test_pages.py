import pytest

from energy.identity import ZERO_DIGEST
from market.settlement import pack_nets
from node.settlement.pages import cut
from oracles.hashing import keccak
from tests.support import typed_data_vectors as typed_data
from tests.support.market import address

NETS = {address(number): 10 - number for number in (7, 3, 5, 1, 9)}


@pytest.mark.parametrize("accounts", [1, 2, 3, 4, 5, 6])
def test_pages_follow_each_other_and_hash_as_the_contract_hashes_them(accounts: int) -> None:
    pages = cut(NETS, accounts)
    packed = [page.nets for page in pages]
    assert b"".join(packed) == pack_nets(NETS)
    assert all(len(words) == 32 * accounts for words in packed[:-1])
    assert len(packed[-1]) <= 32 * accounts
    for place, page in enumerate(pages):
        assert page.hash() == typed_data.pages_hash(packed[place:])
        assert page.rest == (typed_data.pages_hash(packed[place + 1 :]) if packed[place + 1 :] else ZERO_DIGEST)


def test_a_run_without_nets_has_one_empty_page() -> None:
    (page,) = cut({})
    assert (page.nets, page.rest, page.hash()) == (b"", ZERO_DIGEST, keccak(b""))
