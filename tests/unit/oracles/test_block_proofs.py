from dataclasses import replace

import pytest
import rlp

from energy.identity import Address, Digest
from oracles.block_proofs import BlockProof, check_block, prove_log, proven_log, receipt_proof
from oracles.evidence_links import BrokenLink, Fault
from oracles.hashing import keccak
from tests.support.evidence import (
    CHAIN_ID,
    SETTLEMENT_CONTRACT,
    Event,
    make_header,
    make_receipt,
    prove_in_block,
    seal,
    sealer,
)

EVENT = Event(SETTLEMENT_CONTRACT, (b"\x01" * 32,), b"data")
PROOF = prove_in_block(7, [None, EVENT], 1)


def fault_of(proof: BlockProof) -> Fault:
    with pytest.raises(BrokenLink) as broken:
        proven_log(proof)
    return broken.value.fault


def block(receipts: list[bytes], index: int = 0, log: int = 0) -> BlockProof:
    header = make_header(7, receipts)
    proof = tuple(receipt_proof(receipts, index))
    return BlockProof(header, seal(header), sealer(), 7, keccak(header), index, log, proof)


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 127, 128, 129, 200])
@pytest.mark.parametrize("typed", [True, False])
def test_every_receipt_of_a_block_can_be_proven(count: int, typed: bool) -> None:
    receipts = [make_receipt([Event(SETTLEMENT_CONTRACT, (), bytes([i]))], typed=typed) for i in range(count)]
    header = make_header(7, receipts)
    for index in {0, count // 2, count - 1}:
        proof = prove_log(CHAIN_ID, header, seal(header), receipts, index, 0)
        assert proven_log(proof).data == bytes([index])


def test_a_proof_names_block_and_sealer() -> None:
    assert (PROOF.block_number, PROOF.sealer, PROOF.block_hash) == (7, sealer(), keccak(PROOF.header_rlp))
    check_block(CHAIN_ID, PROOF)
    log = proven_log(PROOF)
    assert (log.address, log.topics, log.data) == (EVENT.contract, EVENT.topics, EVENT.data)


@pytest.mark.parametrize("index", [-1, 2])
def test_there_is_no_proof_of_a_receipt_that_is_not_there(index: int) -> None:
    with pytest.raises(ValueError):
        receipt_proof([make_receipt([])] * 2, index)


def test_receipts_of_another_block_prove_nothing() -> None:
    header = make_header(7, [make_receipt([EVENT])])
    with pytest.raises(BrokenLink):
        prove_log(CHAIN_ID, header, seal(header), [make_receipt([])], 0, 0)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"transaction_index": 0}, Fault.NO_RECEIPT),
        ({"transaction_index": 2}, Fault.NO_RECEIPT),
        ({"receipt_proof": ()}, Fault.NO_RECEIPT),
        ({"receipt_proof": PROOF.receipt_proof[:-1]}, Fault.NO_RECEIPT),
        ({"receipt_proof": (*PROOF.receipt_proof, b"\xc0")}, Fault.NO_RECEIPT),
        ({"receipt_proof": PROOF.receipt_proof[::-1]}, Fault.NO_RECEIPT),
        ({"log_index": 2}, Fault.NO_LOG),
        ({"header_rlp": PROOF.header_rlp[:-1]}, Fault.NO_HEADER),
        ({"header_rlp": b""}, Fault.NO_HEADER),
        ({"header_rlp": rlp.encode([b""] * 20)}, Fault.NO_HEADER),
        ({"header_rlp": rlp.encode([[]] * 21)}, Fault.NO_HEADER),
        ({"header_rlp": rlp.encode([b""] * 21)}, Fault.NO_RECEIPT),
        ({"header_rlp": b"\xc1" * 5_000}, Fault.NO_HEADER),
    ],
)
def test_a_proof_that_leads_elsewhere_is_broken(change: dict[str, int], fault: Fault) -> None:
    assert fault_of(replace(PROOF, **change)) is fault  # type: ignore[arg-type]


def proven_by(node: list[object]) -> BlockProof:
    """Return a proof of transaction 0, whose path is the nibbles 8 and 0, by one node made by hand."""
    encoded = rlp.encode(node)
    fields = rlp.decode(PROOF.header_rlp)
    fields[5] = keccak(encoded)
    return replace(PROOF, header_rlp=rlp.encode(fields), receipt_proof=(encoded,), transaction_index=0, log_index=0)


RECEIPT = make_receipt([EVENT])
LEAF_OF_NIBBLE_0 = [b"\x30", RECEIPT]


@pytest.mark.parametrize(
    "node",
    [
        [b"\x20\x80", RECEIPT],
        [b"\x00\x80", [*[b""] * 16, RECEIPT]],
        [b"\x18", LEAF_OF_NIBBLE_0],
        [*[b""] * 8, LEAF_OF_NIBBLE_0, *[b""] * 8],
    ],
    ids=["leaf", "extension to a branch that ends", "extension to a leaf", "branch to a leaf"],
)
def test_nodes_may_lie_within_nodes(node: list[object]) -> None:
    assert proven_log(proven_by(node)).data == EVENT.data


@pytest.mark.parametrize(
    "node",
    [
        [b"\x20", RECEIPT],
        [b"\x38", RECEIPT],
        [b"\x20\x80\x00", RECEIPT],
        [b"\x20\x81", RECEIPT],
        [b"\x2f\x80", RECEIPT],
        [b"\x00\x80", RECEIPT],
        [b"\x40\x80", RECEIPT],
        [b"", RECEIPT],
        [[], RECEIPT],
        [b"\x20\x80", b""],
        [b"\x20\x80", [RECEIPT]],
        [b"\x20\x80", RECEIPT, b""],
        [*[b""] * 16, RECEIPT],
        [b""] * 17,
    ],
    ids=[
        "leaf before the end",
        "odd leaf before the end",
        "leaf behind the end",
        "leaf elsewhere",
        "padding that is not zero",
        "extension as a leaf",
        "unknown kind of node",
        "node without a path",
        "path that is a list",
        "leaf without a value",
        "value that is a list",
        "three items",
        "value of a branch on the way",
        "branch without the way",
    ],
)
def test_nodes_that_no_trie_has_prove_nothing(node: list[object]) -> None:
    assert fault_of(proven_by(node)) is Fault.NO_RECEIPT


def test_a_failed_transaction_proves_nothing() -> None:
    assert fault_of(block([make_receipt([EVENT], status=b"")])) is Fault.TRANSACTION_FAILED


@pytest.mark.parametrize(
    "receipt",
    [
        b"\x02",
        b"\x05" + make_receipt([EVENT], typed=False),
        rlp.encode([b"\x01", b"", b""]),
        rlp.encode([b"\x01", b"", b"", b"x" * 40]),
        b"\x02\x02" + make_receipt([EVENT], typed=False),
    ],
    ids=["type only", "unknown type", "three fields", "logs are no list", "type twice"],
)
def test_a_malformed_receipt_proves_nothing(receipt: bytes) -> None:
    assert fault_of(block([receipt.ljust(40, b"\x00") if len(receipt) == 1 else receipt])) is Fault.NO_RECEIPT


@pytest.mark.parametrize(
    "log",
    [
        b"x" * 40,
        [b"\x01" * 20, []],
        [b"\x01" * 19, [], b"d" * 40],
        [b"\x01" * 20, [b"\x01" * 31], b"d" * 40],
        [b"\x01" * 20, [[]], b"d" * 40],
        [b"\x01" * 20, b"\x01", b"d" * 40],
        [b"\x01" * 20, [], []],
    ],
)
def test_a_malformed_log_proves_nothing(log: object) -> None:
    assert fault_of(block([rlp.encode([b"\x01", b"\x52\x08", bytes(256), [log]])])) is Fault.NO_LOG


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"header_rlp": make_header(8, [])}, Fault.OTHER_HASH),
        ({"block_hash": Digest(bytes(32))}, Fault.OTHER_HASH),
        ({"block_number": 8}, Fault.OTHER_NUMBER),
        ({"seal": bytes(65)}, Fault.NO_SEAL),
        ({"seal": b""}, Fault.NO_SEAL),
        ({"seal": seal(b"another")}, Fault.OTHER_SEALER),
        ({"sealer": Address(bytes(20))}, Fault.OTHER_SEALER),
        ({"header_rlp": b"\xc0", "block_hash": keccak(b"\xc0")}, Fault.NO_HEADER),
    ],
)
def test_a_block_that_is_not_as_stated_is_broken(change: dict[str, int], fault: Fault) -> None:
    with pytest.raises(BrokenLink) as broken:
        check_block(CHAIN_ID, replace(PROOF, **change))  # type: ignore[arg-type]
    assert broken.value.fault is fault


def test_a_seal_of_another_chain_is_broken() -> None:
    with pytest.raises(BrokenLink) as broken:
        check_block(CHAIN_ID + 1, PROOF)
    assert broken.value.fault is Fault.OTHER_SEALER
