"""Header and receipts of a foreign block in consensus bytes, made from its JSON and checked against its own hashes.

Not every network serves `debug_getRaw…`; every one serves the JSON. What comes out is right or refused (`Corrupt`).
Source: execution-apis `src/schemas`; EIP-658, 2718.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

import rlp

from energy.errors import Corrupt
from node.chain.block_trie import trie_root_and_nodes
from node.chain.header import Header

_NAMES: Final = {
    "uncles_hash": "sha3Uncles", "coinbase": "miner", "number": "number", "mix_hash": "mixHash",
    "excess_blob_gas": "excessBlobGas", "parent_beacon_block_root": "parentBeaconBlockRoot",
}  # fmt: skip
"""Fields whose JSON name is not their own in camel case, or easily mistaken."""


def raw_header(block: dict[str, Any]) -> bytes:
    """Return the RLP of a block's header.

    Raises:
        Corrupt: the fields are no Prague header, or do not hash to the block's hash.
    """
    values: dict[str, Any] = {}
    try:
        for field in fields(Header):
            text = block[_NAMES.get(field.name, _camel(field.name))]
            values[field.name] = int(text, 16) if field.type is int else bytes.fromhex(text[2:])
        header = Header(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"the network's block has no Prague header: {error}") from None
    if "0x" + header.hash().hex() != block["hash"]:
        raise Corrupt(f"the network's block {block['number']} does not hash to its hash")
    return header.encode()


def raw_receipts(receipts: Sequence[dict[str, Any]], receipts_root: bytes) -> list[bytes]:
    """Return the consensus bytes of a block's receipts.

    Raises:
        Corrupt: they do not give the block's receipts root.
    """
    encoded = [_receipt(item) for item in sorted(receipts, key=lambda each: int(each["transactionIndex"], 16))]
    if trie_root_and_nodes(encoded)[0] != receipts_root:
        raise Corrupt("the network's receipts do not give the receipts root of their block")
    return encoded


def _receipt(item: dict[str, Any]) -> bytes:
    logs = [
        [_bytes(log["address"]), [_bytes(topic) for topic in log["topics"]], _bytes(log["data"])]
        for log in item["logs"]
    ]
    status = b"\x01" if int(item["status"], 16) else b""
    payload = bytes(rlp.encode([status, int(item["cumulativeGasUsed"], 16), _bytes(item["logsBloom"]), logs]))
    kind = int(item.get("type", "0x0"), 16)
    return bytes([kind]) + payload if kind else payload


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
