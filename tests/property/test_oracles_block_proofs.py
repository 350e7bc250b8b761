"""Strangers' bytes in a block proof: the decoder agrees with the common library, and nothing but refusals come out."""

from contextlib import suppress
from dataclasses import replace

import rlp
from hypothesis import given
from hypothesis import strategies as st

from oracles.block_proofs import BlockProof, check_block, proven_log
from oracles.evidence_links import BrokenLink
from oracles.hashing import keccak
from oracles.strict_rlp import DEPTH_MAX, Item, decode
from tests.support.evidence import CHAIN_ID, make_evidence

PROOF = make_evidence().attested_in
ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def library_decode(data: bytes) -> Item | None:
    try:
        item: Item = rlp.decode(data)
    except rlp.exceptions.DecodingError:
        return None
    return item


def own_decode(data: bytes) -> Item | None:
    try:
        return decode(data)
    except ValueError:
        return None


def depth(item: Item) -> int:
    return 0 if isinstance(item, bytes) else 1 + max(map(depth, item), default=0)


@given(item=ITEMS)
def test_what_the_library_encodes_is_decoded_alike(item: Item) -> None:
    assert own_decode(rlp.encode(item)) == (item if depth(item) <= DEPTH_MAX else None)


@given(item=ITEMS, data=st.data())
def test_damaged_rlp_is_judged_as_the_library_judges_it(item: Item, data: st.DataObject) -> None:
    encoded = bytearray(rlp.encode(item))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] = data.draw(st.integers(0, 255))
    expected = library_decode(bytes(encoded))
    assert own_decode(bytes(encoded)) == (expected if expected is None or depth(expected) <= DEPTH_MAX else None)


@given(nodes=st.lists(ITEMS.map(rlp.encode) | st.binary(max_size=40), max_size=4), index=st.integers(0, 2**64 - 1))
def test_any_nodes_are_refused_without_a_crash(nodes: list[bytes], index: int) -> None:
    # The root of the header is that of the first node, so that the walk begins.
    fields = rlp.decode(PROOF.header_rlp)
    fields[5] = keccak(nodes[0]) if nodes else bytes(32)
    forged: BlockProof = replace(
        PROOF, header_rlp=rlp.encode(fields), receipt_proof=tuple(nodes), transaction_index=index
    )
    for check in (lambda: proven_log(forged), lambda: check_block(CHAIN_ID, forged)):
        with suppress(BrokenLink):
            check()
