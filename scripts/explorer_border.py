"""List certificates that left a community or came into it, from its chain alone, and check that each did so once.

    python -m scripts.explorer_border
    python -m scripts.explorer_border --other http://south.example:8545

Checked: exports are numbered without a gap and each names the one before; none covers a watt-hour of another; each was
burnt as the withdrawal of a token of the very same range; no energy came in twice. With `--other`, the chain of a
community at the other end is read, too: what came in from there must have left there, for here, word by word.
Units: Wh, UTC epoch seconds.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, Final

from scripts.audit import explorer_arguments, print_json, print_rows, run_explorer, utc
from scripts.contract_abi import ContractAbi, keccak_text
from scripts.node_rpc import JsonObject, NodeRpc

COLUMNS: Final = ("way", "number", "other", "interval", "device", "fromWh", "toWh", "recipient", "state")
_EXPORT: Final = "(bytes32,uint64,bytes32,address,bytes32,uint64,uint64,uint64,uint8,uint32,bytes32)"
TOPICS: Final = {
    "exported": keccak_text(f"Exported(bytes32,uint64,bytes32,{_EXPORT})".encode()),
    "imported": keccak_text(f"Imported(bytes32,bytes32,address,{_EXPORT})".encode()),
    "claimed": keccak_text(b"ImportClaimed(bytes32,address)"),
    "given up": keccak_text(b"GivenUp(bytes32,bytes32,bytes32)"),
}
WITHDRAWN: Final = keccak_text(b"Withdrawn(uint256,address)")
NONE: Final = "0x" + "00" * 32


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--other", metavar="URL", help="JSON-RPC of a node of a community at the other end")
    return run_explorer(explore, parser.parse_args(arguments))


def explore(chosen: Namespace, node: NodeRpc) -> list[str]:
    """Print what crossed; return what does not hold."""
    border = Border(node)
    faults = border.faults()
    if chosen.other:
        faults += pair_faults(border, Border(NodeRpc(chosen.other)))
    rows = border.rows()
    if chosen.json:
        print_json("explorer-border", {"community": border.community, "crossings": rows, "faults": faults})
    else:
        shown = [{**each, "interval": utc(each["interval"])} for each in rows]
        print_rows(shown, COLUMNS, as_csv=chosen.csv)
    return faults


class Border:
    """What one community's contract `Gateway` has logged."""

    def __init__(self, node: NodeRpc) -> None:
        contracts = node.call("energy_getStatus")["contracts"]
        self._node = node
        self._abi = ContractAbi(contracts)
        self._certificates = contracts["certificates"]
        self.community = NONE
        self.exported: list[JsonObject] = []
        self.withdrawn: list[JsonObject | None] = []
        """Of each export, the token that was burnt for it."""
        self.imported: list[JsonObject] = []
        self.states: dict[str, str] = {}
        """Of imports, by nullifier."""
        gateway = contracts.get("gateway")
        if gateway is None:
            return  # it was founded without links
        self.community = node.call("eth_call", {"to": gateway, "data": keccak_text(b"community()")[:10]}, "latest")
        wanted = {"address": gateway, "topics": [list(TOPICS.values())], "fromBlock": "0x0", "toBlock": "latest"}
        for log in node.call("eth_getLogs", wanted):
            self._take(log)

    def _take(self, log: JsonObject) -> None:
        told: dict[str, Any] = dict(self._abi.event(log["address"], log["topics"], log["data"]).arguments)
        match next(name for name, topic in TOPICS.items() if topic == log["topics"][0]):
            case "exported":
                self.exported.append({**told["exported"], "digest": told["digest"]})
                self.withdrawn.append(self._burnt(log["transactionHash"]))
            case "imported":
                self.imported.append({**told["exported"], "nullifier": told["nullifier"]})
                self.states[told["nullifier"]] = "held"
            case state:
                self.states[told["nullifier"]] = state

    def _burnt(self, transaction: str) -> JsonObject | None:
        for log in self._node.call("eth_getTransactionReceipt", transaction)["logs"]:
            if log["address"] == self._certificates and log["topics"][0] == WITHDRAWN:
                data = keccak_text(b"bundleOf(uint256)")[:10] + log["topics"][1][2:]
                answer = self._node.call("eth_call", {"to": self._certificates, "data": data}, "latest")
                burnt: JsonObject = self._abi.result(self._certificates, "bundleOf", answer)
                return burnt
        return None

    def rows(self) -> list[JsonObject]:
        """Return all crossings as they are printed."""
        left = [{**each, "way": "to", "other": each["destination"], "state": "left"} for each in self.exported]
        came = [
            {**each, "way": "from", "other": each["origin"], "state": self.states[each["nullifier"]]}
            for each in self.imported
        ]
        return [{name: each[name] for name in COLUMNS} for each in (*left, *came)]

    def faults(self) -> list[str]:
        """Return what does not hold on this side, one sentence each."""
        found, previous, reached = [], NONE, dict[tuple[str, int], list[tuple[int, int, int]]]()
        for expected, (each, burnt) in enumerate(zip(self.exported, self.withdrawn, strict=True), 1):
            number, names = each["number"], ("device", "interval", "fromWh", "toWh")
            if number != expected or each["previousExport"] != previous:
                found.append(f"export {number} does not follow export {expected - 1}")
            if burnt is None or any(burnt[name] != each[name] for name in names):
                found.append(f"export {number}: no token of the same range was burnt for it")
            ranges = reached.setdefault((each["device"], each["interval"]), [])
            for start, end, other in ranges:
                if start < each["toWh"] and each["fromWh"] < end:
                    found.append(f"exports {other} and {number} overlap: device {each['device']}")
            ranges.append((each["fromWh"], each["toWh"], number))
            previous = each["digest"]
        names_in = [each["nullifier"] for each in self.imported]
        found += [f"the energy {name} came in twice" for name in sorted({n for n in names_in if names_in.count(n) > 1})]
        return found


def pair_faults(here: Border, there: Border) -> list[str]:
    """Return what of two communities' crossings does not fit together, one sentence each."""
    return [*_strays(here, there), *_strays(there, here)]


def _strays(importer: Border, origin: Border) -> list[str]:
    left = [_word(each) for each in origin.exported if each["destination"] == importer.community]
    came: Sequence[JsonObject] = [each for each in importer.imported if each["origin"] == origin.community]
    return [
        f"import {each['number']} from {origin.community} never left there for {importer.community}"
        for each in came
        if _word(each) not in left and importer.states[each["nullifier"]] != "given up"
    ]


def _word(export: JsonObject) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in export.items() if name not in ("digest", "nullifier"))


if __name__ == "__main__":
    sys.exit(main())
