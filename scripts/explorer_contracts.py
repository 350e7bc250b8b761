"""List the community's contracts, and whether the code on the chain is what the published sources compile to.

    python -m scripts.explorer_contracts
    python -m scripts.explorer_contracts --sourcify ./sourcify

The code must equal the artifact's, but for immutables: words that the compiler leaves zero and a constructor fills in.
--sourcify writes each contract that does as Sourcify keeps it, ``contracts/full_match/CHAIN/ADDRESS/``. A node serves
what is in the folder ``sourcify`` of its own on its JSON-RPC port, ``/sourcify/contracts/…``: an explorer (Otterscan,
Blockscout) that is pointed there shows sources and decodes calls.
Every source is checked against its hash in the compiler's metadata, from a checkout in which ``npm ci`` was run.
"""

import argparse
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from eth_utils.address import to_checksum_address

from scripts.audit import explorer_arguments, print_json, print_rows, run_explorer
from scripts.contract_abi import CONTRACT_FILES, keccak_text
from scripts.node_rpc import CallFailed, JsonObject, NodeRpc

COLUMNS: Final = ("name", "address", "artifact", "compiler", "codeBytes", "matches", "creator", "transaction")
SOURCES: Final = Path(__file__).resolve().parents[1] / "contracts"
_PUSH32_OF_ZERO: Final = b"\x7f" + bytes(32)


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--artifacts", type=Path, metavar="DIR", help="compiled contracts, if not the installed ones")
    parser.add_argument("--sourcify", type=Path, metavar="DIR", help="write the sources in Sourcify's layout")
    parser.add_argument("--sources", type=Path, default=SOURCES, metavar="DIR", help="with src and node_modules in it")
    return run_explorer(explore, parser.parse_args(arguments))


def explore(chosen: argparse.Namespace, node: NodeRpc) -> list[str]:
    """Print the contracts; return what does not hold."""
    status = node.call("energy_getStatus")
    source = chosen.artifacts or files("contracts.artifacts")
    rows: list[JsonObject] = []
    faults: list[str] = []
    for name, file in CONTRACT_FILES.items():
        if name not in status["contracts"]:
            continue
        artifact = json.loads((source / f"{file}.json").read_text())
        row = _contract(node, name, status["contracts"][name], artifact)
        rows.append(row)
        if not row["matches"]:
            faults.append(f"{name} at {row['address']}: its code is not what {file} compiles to")
        elif chosen.sourcify:
            faults += write_sourcify(chosen.sourcify, status["chainId"], row["address"], artifact, chosen.sources)
    if chosen.json:
        print_json("explorer-contracts", {"chainId": status["chainId"], "contracts": rows, "faults": faults})
    else:
        print_rows(rows, COLUMNS, as_csv=chosen.csv)
    return faults


def _contract(node: NodeRpc, name: str, address: str, artifact: JsonObject) -> JsonObject:
    code = bytes.fromhex(node.call("eth_getCode", address, "latest")[2:])
    try:
        creator = node.call("ots_getContractCreator", address)
    except CallFailed:  # a node without Otterscan's methods
        creator = None
    return {
        "name": name,
        "address": address,
        "artifact": artifact["contractName"],
        "compiler": artifact["compiler"],
        "codeBytes": len(code),
        "codeHash": keccak_text(code),
        "matches": code_matches(code, bytes.fromhex(artifact["deployedBytecode"][2:])),
        "creator": creator["creator"] if creator else None,
        "transaction": creator["hash"] if creator else None,
    }


def code_matches(code: bytes, compiled: bytes) -> bool:
    """Return whether code is what was compiled, with immutables filled in where the compiler left words of zeros."""
    if len(code) != len(compiled):
        return False
    position = 0
    while position < len(compiled):
        hole = compiled.find(_PUSH32_OF_ZERO, position)
        end = len(compiled) if hole < 0 else hole + 1
        if code[position:end] != compiled[position:end]:
            return False
        position = end if hole < 0 else end + 32
    return True


def write_sourcify(folder: Path, chain_id: int, address: str, artifact: JsonObject, sources: Path) -> list[str]:
    """Write a contract's metadata and sources as Sourcify keeps them; return what is missing or of another hash."""
    target = folder / "contracts" / "full_match" / str(chain_id) / to_checksum_address(address)
    metadata: dict[str, Any] = json.loads(artifact["metadata"])
    texts: dict[str, bytes] = {}
    faults: list[str] = []
    for name, described in metadata["sources"].items():
        path = sources / ("" if name.startswith("src/") else "node_modules") / name
        content = path.read_bytes() if path.is_file() else b""
        if keccak_text(content) == described["keccak256"]:
            texts[name] = content
        else:
            faults.append(f"{artifact['contractName']}: {path} is missing, or not what was compiled")
    if faults:
        return faults
    for name, content in texts.items():
        (target / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
        (target / "sources" / name).write_bytes(content)
    (target / "metadata.json").write_text(artifact["metadata"], encoding="utf-8")
    return []


if __name__ == "__main__":
    sys.exit(main())
