"""List the settlement runs of a community, and check what the node says of each against the chain.

    python -m scripts.explorer_runs
    python -m scripts.explorer_runs --from 2017-05-17T12:00Z --csv
    python -m scripts.explorer_runs --follow

Checked: runs are numbered and their intervals follow without a gap, nets add up to zero, certified energy is no more
than exported, and the transaction of each succeeded in the block that is named, logging `RunSettled` with that number.
Units: Wh, n€, gas, UTC epoch seconds.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from scripts.audit import Row, explorer_arguments, instant_argument, print_json, print_rows, run_explorer, utc
from scripts.contract_abi import ContractAbi
from scripts.node_rpc import JsonObject, NodeRpc

FOLLOW_PERIOD_S: Final = 1.0
COLUMNS: Final = (
    "runId", "firstInterval", "lastInterval", "importWh", "exportWh", "tradedWh", "certifiedWh", "accounts", "block",
    "gasUsed", "transaction",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--from", dest="first", type=instant_argument, metavar="TIME", help="first interval")
    parser.add_argument("--to", dest="end", type=instant_argument, metavar="TIME", help="end, itself not included")
    parser.add_argument("--follow", action="store_true", help="go on with every new run until Ctrl-C")
    parser.add_argument("--artifacts", type=Path, metavar="DIR", help="compiled contracts, if not the installed ones")
    chosen = parser.parse_args(arguments)
    if chosen.follow and (chosen.json or chosen.csv or chosen.end is not None):
        parser.error("--follow prints lines for people, without an end: leave out --json, --csv and --to")
    return run_explorer(explore, chosen)


def explore(chosen: argparse.Namespace, node: NodeRpc) -> list[str]:
    """Print the chosen runs; return what does not hold."""
    status = node.call("energy_getStatus")
    abi = ContractAbi(status["contracts"], chosen.artifacts)
    runs = list(node.items("energy_getRuns", {"from": chosen.first, "to": chosen.end}))
    runs.sort(key=lambda run: int(run["runId"]))
    faults = run_faults(runs, status["intervalLengthS"]) + chain_faults(node, abi, runs)
    if chosen.json:
        print_json("explorer-runs", {"runs": runs, "faults": faults})
    else:
        print_rows(map(_row, runs), COLUMNS, as_csv=chosen.csv)
    if chosen.follow:
        _follow(node, abi, runs, status["intervalLengthS"], faults)
    return faults


def run_faults(runs: Sequence[JsonObject], interval_length_s: int) -> list[str]:
    """Return what is wrong within runs and between one and the next, one sentence each."""
    faults = []
    for run in runs:
        if run["netSumNeur"] != 0:
            faults.append(f"run {run['runId']}: its nets add up to {run['netSumNeur']} n€")
        if run["certifiedWh"] > run["exportWh"]:
            faults.append(f"run {run['runId']}: {run['certifiedWh']} Wh certified, {run['exportWh']} Wh exported")
    for before, after in pairwise(runs):
        if after["runId"] != before["runId"] + 1:
            faults.append(f"run {after['runId']} stands after run {before['runId']}")
        elif after["firstInterval"] != before["lastInterval"] + interval_length_s:
            faults.append(f"run {after['runId']} begins at {utc(after['firstInterval'])}, not after the one before")
    return faults


def chain_faults(node: NodeRpc, abi: ContractAbi, runs: Sequence[JsonObject]) -> list[str]:
    """Return of which runs the chain says something else, one sentence each."""
    faults = []
    for run in runs:
        name = f"run {run['runId']}"
        receipt = node.call("eth_getTransactionReceipt", run["transaction"])
        if receipt is None or receipt["status"] != "0x1" or int(receipt["blockNumber"], 16) != run["blockNumber"]:
            faults.append(f"{name}: its transaction did not succeed in block {run['blockNumber']}")
            continue
        events = [abi.event(log["address"], log["topics"], log["data"]) for log in receipt["logs"]]
        settled = [each.arguments for each in events if (each.contract, each.name) == ("settlement", "RunSettled")]
        if [each.get("runId") for each in settled] != [run["runId"]]:
            faults.append(f"{name}: its transaction does not settle it")
        elif settled[0].get("runHash", run["runHash"]) != run["runHash"]:
            faults.append(f"{name}: the chain settled another hash of it")
        if int(receipt["gasUsed"], 16) != run["gasUsed"]:
            faults.append(f"{name}: it used {int(receipt['gasUsed'], 16)} gas, the node says {run['gasUsed']}")
    return faults


def _follow(node: NodeRpc, abi: ContractAbi, seen: list[JsonObject], length_s: int, faults: list[str]) -> None:
    try:
        while True:
            sys.stdout.flush()
            time.sleep(FOLLOW_PERIOD_S)
            first = seen[-1]["lastInterval"] + length_s if seen else None
            new = sorted(node.items("energy_getRuns", {"from": first}), key=lambda run: int(run["runId"]))
            for run in new:
                faults += run_faults([*seen[-1:], run], length_s) + chain_faults(node, abi, [run])
                print("  ".join(str(value) for value in _row(run).values()))
                seen.append(run)
    except KeyboardInterrupt:
        return


def _row(run: JsonObject) -> Row:
    return {
        **{name: run[name] for name in COLUMNS if name in run},
        "firstInterval": utc(run["firstInterval"]),
        "lastInterval": utc(run["lastInterval"]),
        "block": run["blockNumber"],
    }


if __name__ == "__main__":
    sys.exit(main())
