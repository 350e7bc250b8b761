import pytest
import rlp
from trie.hexary import HexaryTrie

from node.chain.block_trie import trie_root_and_nodes
from node.chain.header import EMPTY_TRIE_ROOT


def test_the_trie_over_nothing_is_the_empty_trie() -> None:
    root, nodes = trie_root_and_nodes([])
    assert bytes(root) == bytes(EMPTY_TRIE_ROOT)
    assert not nodes


@pytest.mark.parametrize("length", [1, 2, 33, 60, 300])
@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 127, 128, 129, 256, 257, 300])
def test_is_the_trie_that_the_library_builds_one_by_one(count: int, length: int) -> None:
    values = [position.to_bytes(2, "big").rjust(length, b"\x05")[:length] for position in range(1, count + 1)]
    stored: dict[bytes, bytes] = {}
    trie = HexaryTrie(stored)
    with trie.squash_changes() as scratch:
        for position, value in enumerate(values):
            scratch[rlp.encode(position)] = value
    root, nodes = trie_root_and_nodes(values)
    assert root == trie.root_hash
    assert nodes == {key: stored[key] for key in stored if key != EMPTY_TRIE_ROOT}
