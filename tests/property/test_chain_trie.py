"""Whatever is put and removed, a trie changed in one pass is the one that py-evm's library makes key by key."""

import pytest
import rlp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from node.chain._trie import Tries, decode_rlp, encode_rlp
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


ITEMS: st.SearchStrategy[bytes | list[object]] = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20
)
NEARLY = st.tuples(st.sampled_from([0x00, 0x7F, 0x80, 0x81, 0xB7, 0xB8, 0xB9, 0xBF, 0xC0, 0xC1, 0xF7, 0xF8, 0xFF]),
                   st.binary(max_size=70)).map(lambda pair: bytes([pair[0]]) + pair[1])  # fmt: skip


def as_lists(item: object) -> object:
    return item if isinstance(item, bytes) else [as_lists(each) for each in item]  # type: ignore[attr-defined]


@given(ITEMS)
def test_rlp_is_read_as_it_was_written(item: bytes | list[object]) -> None:
    assert encode_rlp(item) == rlp.encode(item)
    assert decode_rlp(encode_rlp(item)) == item


@settings(max_examples=500)
@example(b"\xb9\x00\x38" + bytes(56), False)  # a length with a zero in front
@example(b"\xb8\x38" + bytes(56), False)
@example(b"\xb8\x37" + bytes(55), False)  # long form of a short string
@example(b"\xc4\xc2\x82ab", False)  # a string that reaches over the end of its list
@example(b"\xc2\x81\x05", False)
@given(st.one_of(NEARLY, st.lists(NEARLY, max_size=3).map(lambda parts: b"\xc0" + b"".join(parts))), st.booleans())
def test_of_rlp_only_the_shortest_form_is_read(raw: bytes, is_list: bool) -> None:
    """Whatever the bytes, ours and the rlp library read the same, or refuse both."""
    if is_list and len(raw) <= 56:
        raw = bytes([0xC0 + len(raw) - 1]) + raw[1:]
    try:
        expected = as_lists(rlp.decode(raw))
    except rlp.exceptions.DecodingError:
        with pytest.raises(ValueError, match="RLP"):
            decode_rlp(raw)
    else:
        assert decode_rlp(raw) == expected


def test_deep_rlp_is_refused_and_no_harm_done() -> None:
    raw = b"\xc0"
    for _ in range(30_000):
        raw = rlp.codec.length_prefix(len(raw), 0xC0) + raw
    with pytest.raises(ValueError, match="too deep"):
        decode_rlp(raw)
