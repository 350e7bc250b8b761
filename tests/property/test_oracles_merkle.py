from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Digest
from oracles.merkle import MerkleTree, salt, verify

LEAVES = st.lists(st.binary(min_size=32, max_size=32).map(Digest), min_size=1, max_size=40, unique=True)


@given(leaves=LEAVES)
def test_every_leaf_is_proven_and_no_proof_serves_another(leaves: list[Digest]) -> None:
    tree = MerkleTree(leaves)
    for index, leaf in enumerate(leaves):
        proof = tree.proof(index)
        assert verify(leaf, proof, tree.root)
        assert len(proof) <= (len(leaves) - 1).bit_length()
        assert not any(verify(other, proof, tree.root) for other in leaves if other != leaf and other not in proof)


@given(leaves=LEAVES, data=st.data())
def test_one_other_bit_in_leaf_proof_or_root_is_noticed(leaves: list[Digest], data: st.DataObject) -> None:
    tree = MerkleTree(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = [leaves[index], *tree.proof(index), tree.root]
    place, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[place] = Digest((int.from_bytes(path[place], "big") ^ 1 << bit).to_bytes(32, "big"))
    assert not verify(path[0], path[1:-1], path[-1])


@given(key=st.binary(min_size=32, max_size=64), numbers=st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=20))
def test_each_record_has_its_own_salt(key: bytes, numbers: list[int]) -> None:
    assert len({salt(key, b"reading", number) for number in numbers}) == len(numbers)
