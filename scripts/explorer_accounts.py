"""List the accounts of a community with what the chain says of them, or show one account.

    python -m scripts.explorer_accounts
    python -m scripts.explorer_accounts --account 0x… --at 120 --json

With --prove, balance, nonce and code are checked against the block's state root by Merkle proofs (EIP-1186).
Units: wei of the chain's own coin, n€ of the community's token.
"""

import argparse
import sys
from typing import Any, Final

import rlp
from eth_abi.abi import decode

from scripts.audit import explorer_arguments, print_json, print_rows, run_explorer
from scripts.contract_abi import keccak_text
from scripts.node_rpc import CallFailed, JsonObject, NodeRpc

COLUMNS: Final = ("address", "label", "kind", "nonce", "balanceWei", "tokenNeur", "codeBytes", "proven")
BALANCE_OF: Final = "0x70a08231"
"""Selector of ``balanceOf(address)``."""


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--account", metavar="ADDRESS", help="only this one, known to the community or not")
    parser.add_argument("--at", type=int, metavar="N", help="after this block; else after the newest")
    parser.add_argument("--prove", action="store_true", help="check the state's Merkle proofs")
    return run_explorer(explore, parser.parse_args(arguments))


def explore(chosen: argparse.Namespace, node: NodeRpc) -> list[str]:
    """Print the chosen accounts; return what does not hold."""
    status = node.call("energy_getStatus")
    number = int(node.call("eth_blockNumber"), 16) if chosen.at is None else chosen.at
    block = node.call("eth_getBlockByNumber", hex(number), False)
    if block is None:
        raise CallFailed(f"there is no block {number}")
    names = {each["address"].lower(): each["label"] for each in node.call("energy_getAccounts")}
    names |= {address.lower(): name for name, address in status["contracts"].items()}
    names.setdefault(status["sealer"].lower(), "sealer")
    wanted = [chosen.account.lower()] if chosen.account else list(names)
    rows = [
        _account(node, address, names.get(address), status["contracts"]["token"], block, chosen.prove)
        for address in wanted
    ]
    faults = [
        f"account {row['address']}: what the node says is not in the state of block {number}"
        for row in rows
        if row["proven"] is False
    ]
    if chosen.json:
        print_json(
            "explorer-accounts", {"block": number, "stateRoot": block["stateRoot"], "accounts": rows, "faults": faults}
        )
    else:
        print_rows(rows, COLUMNS, as_csv=chosen.csv)
    return faults


def _account(
    node: NodeRpc, address: str, label: str | None, token: str, block: JsonObject, prove: bool
) -> dict[str, Any]:
    at = block["number"]
    call = {"to": token, "input": BALANCE_OF + "00" * 12 + address[2:]}
    balance, nonce, code, held = node.batch(
        [
            ("eth_getBalance", (address, at)),
            ("eth_getTransactionCount", (address, at)),
            ("eth_getCode", (address, at)),
            ("eth_call", (call, at)),
        ]
    )
    raw = bytes.fromhex(held[2:])
    facts = {"nonce": int(nonce, 16), "balanceWei": int(balance, 16), "codeHash": keccak_text(bytes.fromhex(code[2:]))}
    return {
        "address": address,
        "label": label,
        "kind": "account" if code == "0x" else "delegated" if code.startswith("0xef0100") else "contract",
        **facts,
        "tokenNeur": decode(["uint256"], raw)[0] if len(raw) == 32 else None,
        "codeBytes": len(code) // 2 - 1,
        "proven": is_proven(node.call("eth_getProof", address, [], at), address, block["stateRoot"], facts)
        if prove
        else None,
    }


def is_proven(proof: JsonObject, address: str, state_root: str, facts: JsonObject) -> bool:
    """Return whether a proof leads from a state root to an account with these facts, or shows that there is none."""
    path = keccak_text(bytes.fromhex(address[2:]))[2:]
    expected = state_root
    try:
        for text in proof["accountProof"]:
            raw = bytes.fromhex(text[2:])
            if keccak_text(raw) != expected:
                return False
            node = rlp.decode(raw)
            if len(node) == 17:
                child, path = node[int(path[0], 16)], path[1:]
            else:
                nibbles = _nibbles(node[0])
                if not path.startswith(nibbles):
                    return _is_empty(facts)  # another account stands where this one would
                child, path = node[1], path[len(nibbles) :]
                if node[0][0] >> 4 >= 2:
                    nonce, balance, _root, code_hash = rlp.decode(child)
                    found = [int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), "0x" + code_hash.hex()]
                    return not path and found == [facts["nonce"], facts["balanceWei"], facts["codeHash"]]
            if child == b"":
                return _is_empty(facts)
            expected = "0x" + child.hex()
    except (KeyError, IndexError, ValueError, TypeError, rlp.exceptions.RLPException):
        return False
    return False


def _nibbles(encoded: bytes) -> str:
    """Return the nibbles of a compact path (yellow paper, appendix C)."""
    return encoded.hex()[1:] if encoded[0] >> 4 & 1 else encoded.hex()[2:]


def _is_empty(facts: JsonObject) -> bool:
    return (facts["nonce"], facts["balanceWei"], facts["codeHash"]) == (0, 0, keccak_text(b""))


if __name__ == "__main__":
    sys.exit(main())
