"""Does a block hold what the node shows of it? Its raw bytes are hashed again, down to every transaction and log.

The hash of a block commits to its header, the header to the roots of transactions and receipts, and these to the raw
transactions and receipts. So one hash from a source that is trusted vouches for all that is shown.
Source: Ethereum yellow paper, 4.3; EIP-2718.
"""

from collections.abc import Sequence
from typing import Any, Final

import rlp
from trie.hexary import HexaryTrie

from scripts.contract_abi import keccak_text

_PARENT, _TRANSACTIONS_ROOT, _RECEIPTS_ROOT, _NUMBER, _TIME = 0, 4, 5, 8, 11
"""Places of these fields in a header's RLP list."""
_TYPED_BELOW: Final = 0x80
"""A first byte below it is the type of an EIP-2718 envelope, not the start of an RLP list."""


def block_faults(
    block: dict[str, Any], receipts: Sequence[dict[str, Any]], raw_block: bytes, raw_receipts: Sequence[bytes]
) -> list[str]:
    """Return what contradicts the raw bytes, one sentence each; empty when all agrees.

    Args:
        block: As `eth_getBlockByNumber` shows it, with whole transactions.
        receipts: As `eth_getBlockReceipts` shows them.
        raw_block: RLP of the block.
        raw_receipts: Consensus bytes of its receipts.
    """
    where = f"block {int(block['number'], 16)}"
    try:
        header, transactions = rlp.decode(raw_block)[:2]
        raw_transactions = [each if isinstance(each, bytes) else rlp.encode(each) for each in transactions]
        checks = {
            "its hash": (block["hash"], keccak_text(rlp.encode(header))),
            "its parent": (block["parentHash"], "0x" + header[_PARENT].hex()),
            "its number": (int(block["number"], 16), int.from_bytes(header[_NUMBER], "big")),
            "its time": (int(block["timestamp"], 16), int.from_bytes(header[_TIME], "big")),
            "the root of its transactions": (header[_TRANSACTIONS_ROOT], ordered_root(raw_transactions)),
            "the root of its receipts": (header[_RECEIPTS_ROOT], ordered_root(raw_receipts)),
            "its transactions": (
                [each["hash"] for each in block["transactions"]],
                [keccak_text(each) for each in raw_transactions],
            ),
            "its receipts": (
                [_shown_receipt(each) for each in receipts],
                [_raw_receipt(each) for each in raw_receipts],
            ),
        }
    except (rlp.exceptions.RLPException, IndexError, KeyError, TypeError, ValueError) as error:
        return [f"{where}: its raw bytes make no block ({error})"]
    return [f"{where}: {what} is not what the raw bytes say" for what, (shown, raw) in checks.items() if shown != raw]


def ordered_root(items: Sequence[bytes]) -> bytes:
    """Return the root of the trie that holds a list by the RLP of each position."""
    trie = HexaryTrie({})
    for position, item in enumerate(items):
        trie[rlp.encode(position)] = item
    return bytes(trie.root_hash)


def _raw_receipt(raw: bytes) -> tuple[bool, list[tuple[str, ...]]]:
    succeeded, _gas, _bloom, logs = rlp.decode(raw[1:] if raw[0] < _TYPED_BELOW else raw)
    shown = [(_hex(address), *map(_hex, topics), _hex(data)) for address, topics, data in logs]
    return succeeded == b"\x01", shown


def _shown_receipt(receipt: dict[str, Any]) -> tuple[bool, list[tuple[str, ...]]]:
    logs = [(log["address"].lower(), *log["topics"], log["data"]) for log in receipt["logs"]]
    return receipt["status"] == "0x1", logs


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
