"""Proof that a contract wrote a log in a sealed block: header, seal, and a path through the trie of receipts.

Whoever knows the block's hash, or trusts its sealer, can check it alone: no node, no network, no execution.
`log_index` counts the logs of one transaction from 0 (not those of the block, as JSON-RPC does), because that is what
a single receipt can prove.
Refuses: anything malformed or left over, with `BrokenLink`.
Source: yellow paper, appendix D (trie) and section 4.4.1 (receipts); EIP-2718; execution-specs, fork Prague.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from energy.identity import Address, Digest, hex_text
from oracles.evidence_links import BrokenLink, Fault
from oracles.hashing import keccak
from oracles.signatures import recover
from oracles.strict_rlp import Item, decode, encode_integer
from oracles.typed_data import seal_digest

HEADER_FIELDS: Final = 21
"""Number of fields of a header in the fork Prague."""

_RECEIPTS_ROOT_FIELD: Final = 5
_NUMBER_FIELD: Final = 8
_TRANSACTION_TYPES: Final = (1, 2, 3, 4)
_SUCCESS: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class BlockProof:
    """One log of one transaction in one sealed block."""

    header_rlp: bytes
    seal: bytes
    """The sealer's 65-byte signature over `seal_digest`."""
    sealer: Address
    block_number: int
    block_hash: Digest
    transaction_index: int
    log_index: int
    """Place among the logs of the transaction, from 0."""
    receipt_proof: tuple[bytes, ...]
    """RLP of the trie's nodes from the root to the receipt."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract wrote."""

    address: Address
    topics: tuple[bytes, ...]
    """32 bytes each."""
    data: bytes


def prove_log(
    chain_id: int, header_rlp: bytes, seal: bytes, receipts: Sequence[bytes], transaction_index: int, log_index: int
) -> BlockProof:
    """Return the proof of one log.

    Args:
        chain_id: The chain that the seal speaks of.
        header_rlp: Header of the block.
        seal: Its sealer's signature.
        receipts: All receipts of the block in consensus encoding (``debug_getRawReceipts``).
        transaction_index: Which receipt holds the log.
        log_index: Which of that receipt's logs, from 0.

    Raises:
        ValueError: these do not belong together.
    """
    block_hash = keccak(header_rlp)
    proof = BlockProof(
        header_rlp,
        seal,
        recover(seal_digest(chain_id, block_hash), seal),
        int.from_bytes(_header_field(header_rlp, _NUMBER_FIELD), "big"),
        block_hash,
        transaction_index,
        log_index,
        receipt_proof(receipts, transaction_index),
    )
    proven_log(proof)
    return proof


def receipt_proof(receipts: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the nodes of the receipts trie from the root to one receipt.

    Args:
        receipts: All receipts of a block, in consensus encoding.
        index: Which one, from 0.

    Raises:
        ValueError: no such receipt.
    """
    # Only who builds evidence needs these libraries; whoever checks it starts faster without.
    import rlp
    from trie.hexary import HexaryTrie

    if not 0 <= index < len(receipts):
        raise ValueError(f"receipt {index} of {len(receipts)}")
    receipts_trie = HexaryTrie({})
    for position, receipt in enumerate(receipts):
        receipts_trie[rlp.encode(position)] = receipt
    nodes = receipts_trie.get_proof(rlp.encode(index))  # type: ignore[no-untyped-call]
    return tuple(rlp.encode(node) for node in nodes)


def proven_log(proof: BlockProof) -> Log:
    """Return the log that lies under the receipts root of the header; says nothing about the header itself.

    Raises:
        BrokenLink: NO_HEADER, NO_RECEIPT, TRANSACTION_FAILED, NO_LOG.
    """
    root = _header_field(proof.header_rlp, _RECEIPTS_ROOT_FIELD)
    receipt = _trie_value(root, proof)
    payload = receipt[1:] if receipt[0] in _TRANSACTION_TYPES else receipt
    fields = _decode(payload)
    if not isinstance(fields, list) or len(fields) != 4 or not isinstance(fields[3], list):
        raise BrokenLink(Fault.NO_RECEIPT, transaction=proof.transaction_index)
    status, logs = fields[0], fields[3]
    if status != _SUCCESS:
        raise BrokenLink(Fault.TRANSACTION_FAILED, transaction=proof.transaction_index)
    log = _log(logs[proof.log_index]) if proof.log_index < len(logs) else None
    if log is None:
        raise BrokenLink(Fault.NO_LOG, log=proof.log_index)
    return log


def check_block(chain_id: int, proof: BlockProof) -> None:
    """Check that the header has the hash and number stated, and that the sealer stated sealed it.

    Raises:
        BrokenLink: OTHER_HASH, NO_HEADER, OTHER_NUMBER, NO_SEAL, OTHER_SEALER.
    """
    block_hash = keccak(proof.header_rlp)
    if block_hash != proof.block_hash:
        raise BrokenLink(Fault.OTHER_HASH, found=hex_text(block_hash), expected=hex_text(proof.block_hash))
    number = int.from_bytes(_header_field(proof.header_rlp, _NUMBER_FIELD), "big")
    if number != proof.block_number:
        raise BrokenLink(Fault.OTHER_NUMBER, found=number, expected=proof.block_number)
    try:
        sealer = recover(seal_digest(chain_id, block_hash), proof.seal)
    except ValueError:
        raise BrokenLink(Fault.NO_SEAL) from None
    if sealer != proof.sealer:
        raise BrokenLink(Fault.OTHER_SEALER, found=hex_text(sealer), expected=hex_text(proof.sealer))


def _decode(data: bytes) -> Item | None:
    """Return what some RLP holds, or None if it is none."""
    try:
        return decode(data)
    except ValueError:
        return None


def _header_field(header_rlp: bytes, index: int) -> bytes:
    fields = _decode(header_rlp)
    if not isinstance(fields, list) or len(fields) != HEADER_FIELDS:
        raise BrokenLink(Fault.NO_HEADER)
    field = fields[index]
    if not isinstance(field, bytes):
        raise BrokenLink(Fault.NO_HEADER)
    return field


def _trie_value(root: bytes, proof: BlockProof) -> bytes:
    """Return the receipt at the end of the path from a root; every node of the proof must lie on it."""
    absent = BrokenLink(Fault.NO_RECEIPT, transaction=proof.transaction_index)
    unused = list(reversed(proof.receipt_proof))
    path = encode_integer(proof.transaction_index).hex()
    node: Item | None = root
    while True:
        if isinstance(node, bytes):
            if not unused or keccak(unused[-1]) != node:
                raise absent
            node = _decode(unused.pop())
        if not isinstance(node, list):
            raise absent
        step = _step(node, path)
        if step is None:
            raise absent
        node, path, ends = step
        if ends:
            break
    if unused or not isinstance(node, bytes) or not node:
        raise absent
    return node


def _step(node: list[Item], path: str) -> tuple[Item, str, bool] | None:
    """Return the item a path leads to from a node, the rest of the path, and whether the item is the value."""
    if len(node) == 17:
        return (node[int(path[0], 16)], path[1:], False) if path else (node[16], "", True)
    if len(node) != 2 or not isinstance(node[0], bytes):
        return None
    # Hex-prefix encoding: the first nibble has 2 for a leaf, and 1 for an odd number of nibbles to follow.
    prefix = node[0].hex()
    if prefix[:1] not in ("0", "1", "2", "3") or (prefix[0] in "02" and prefix[1] != "0"):
        return None
    nibbles = prefix[1:] if prefix[0] in "13" else prefix[2:]
    if not path.startswith(nibbles):
        return None
    is_leaf = prefix[0] in "23"
    rest = path[len(nibbles) :]
    return None if is_leaf and rest else (node[1], rest, is_leaf)


def _log(item: Item) -> Log | None:
    if not isinstance(item, list) or len(item) != 3:
        return None
    address, topics, data = item
    if not isinstance(address, bytes) or not isinstance(topics, list) or not isinstance(data, bytes):
        return None
    words = tuple(topic for topic in topics if isinstance(topic, bytes) and len(topic) == 32)
    if len(address) != 20 or len(words) != len(topics):
        return None
    return Log(Address(address), words, data)
