"""Whatever is put and removed, a trie changed in one pass is the one that py-evm's library makes key by key."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from node.chain._trie import Tries
from node.chain.header import EMPTY_TRIE_ROOT

KEYS = st.one_of(
    st.integers(0, 15).map(lambda last: bytes(31) + bytes([last])),
    st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 255)).map(
        lambda parts: bytes([parts[0]]) + bytes(parts[1]) + bytes([parts[2]]) + bytes(30 - parts[1])
    ),
    st.binary(min_size=32, max_size=32),
).map(lambda key: key[:32].ljust(32, b"\0"))
VALUES = st.one_of(st.just(b""), st.binary(max_size=3), st.binary(min_size=33, max_size=70))
CHANGES = st.lists(st.dictionaries(KEYS, VALUES, max_size=12), min_size=1, max_size=6)


@given(CHANGES)
@example([{bytes(32): b"\x01"}, {bytes(32): b""}])
@example([{bytes(32): b"\x01", b"\x10" + bytes(31): b"\x02"}, {bytes(32): b"", b"\x10" + bytes(31): b"\x03"}])
@example([{bytes(31) + b"\x01": b"\x01", bytes(31) + b"\x02": b"\x02"}, {b"\x11" * 32: b""}])
@settings(max_examples=300, deadline=None)
def test_a_trie_changed_in_one_pass_is_that_of_the_library(blocks: list[dict[bytes, bytes]]) -> None:
    nodes: dict[bytes, bytes] = {}
    decoded: dict[bytes, list[object]] = {}
    tries = Tries(nodes.__getitem__, decoded)
    root = bytes(EMPTY_TRIE_ROOT)
    kept: dict[bytes, bytes] = {}
    library = HexaryTrie({}, prune=True)
    for changes in blocks:
        root = tries.update(root, changes, nodes)
        for key, value in changes.items():
            library[key] = value
        kept.update(changes)
        assert root == library.root_hash
        fresh = Tries(nodes.__getitem__, {})
        assert all(tries.get(root, key) == value == fresh.get(root, key) for key, value in kept.items())
        assert all(nodes[digest] == raw for digest, raw in library.db.items()), "every node is there"
    assert Tries(nodes.__getitem__, {}).update(root, dict.fromkeys(kept, b""), {}) == EMPTY_TRIE_ROOT
