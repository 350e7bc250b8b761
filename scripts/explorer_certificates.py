"""List certificates of origin, and check that they cover what the meters fed into the grid, each watt-hour once.

    python -m scripts.explorer_certificates --run 3
    python -m scripts.explorer_certificates --owner 0x… --csv
    python -m scripts.explorer_certificates --download evidence/

Checked, for every interval that is listed whole: no two certificates of a device overlap, and together they cover
exactly the export that the oracles attested on the chain (the logs of the readings contract, not the node's word).
`--download` fetches the evidence of each one listed; `python -m scripts.verify_evidence` checks it without a node.
Units: Wh, UTC epoch seconds.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.audit import explorer_arguments, instant_argument, print_json, print_rows, run_explorer, utc
from scripts.contract_abi import ContractAbi, keccak_text
from scripts.node_rpc import CallFailed, JsonObject, NodeRpc

COLUMNS: Final = (
    "number", "runId", "interval", "device", "fromWh", "toWh", "quantityWh", "owner", "source", "state",
)  # fmt: skip
ATTESTED_TOPIC: Final = keccak_text(b"Attested(uint64,bytes32,uint64,uint64,bytes32)")


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--from", dest="first", type=instant_argument, metavar="TIME", help="first interval")
    parser.add_argument("--to", dest="end", type=instant_argument, metavar="TIME", help="end, itself not included")
    parser.add_argument("--interval", type=instant_argument, metavar="TIME", help="only this interval")
    parser.add_argument("--run", type=int, metavar="N", help="only this settlement run")
    parser.add_argument("--owner", metavar="ACCOUNT", help="only this account's; coverage is not checked then")
    parser.add_argument("--download", type=Path, metavar="DIR", help="write the evidence of each one listed there")
    return run_explorer(explore, parser.parse_args(arguments))


def explore(chosen: argparse.Namespace, node: NodeRpc) -> list[str]:
    """Print the chosen certificates; return what does not hold."""
    filters = {
        "owner": chosen.owner,
        "interval": chosen.interval,
        "runId": chosen.run,
        "from": chosen.first,
        "to": chosen.end,
    }
    settled = _settled_intervals(node, chosen)  # before the certificates, which a run may add to meanwhile
    certificates = list(node.items("energy_getCertificates", filters))
    faults = overlaps(certificates)
    if chosen.owner is None:
        faults += coverage_faults(certificates, attested_exports(node), settled)
    totals = interval_totals(certificates)
    if chosen.json:
        print_json("explorer-certificates", {"certificates": certificates, "intervals": totals, "faults": faults})
    elif chosen.csv:
        rows = [{**each, "interval": utc(each["interval"])} for each in certificates]
        print_rows(rows, COLUMNS, as_csv=True)
    else:
        _print_certificates(certificates, totals)
    if chosen.download:
        download(node, [each["number"] for each in certificates], chosen.download)
    return faults


def overlaps(certificates: Sequence[JsonObject]) -> list[str]:
    """Return which certificates of one device and interval overlap, or are empty, one sentence each."""
    faults = [
        f"certificate {each['number']}: its range [{each['fromWh']}, {each['toWh']}) is none"
        for each in certificates
        if not 0 <= each["fromWh"] < each["toWh"]
    ]
    by_device: dict[tuple[int, str], list[JsonObject]] = defaultdict(list)
    for each in certificates:
        by_device[each["interval"], each["device"]].append(each)
    for (interval, device), group in sorted(by_device.items()):
        reached, holder = 0, 0
        for each in sorted(group, key=lambda certificate: certificate["fromWh"]):
            if each["fromWh"] < reached:
                faults.append(
                    f"certificates {holder} and {each['number']} overlap: device {device}, interval {utc(interval)}"
                )
            if each["toWh"] > reached:
                reached, holder = each["toWh"], each["number"]
    return faults


def coverage_faults(
    certificates: Sequence[JsonObject], exported_wh: Mapping[int, int], settled: Sequence[int]
) -> list[str]:
    """Return where certificates do not add up to the export on the chain, one sentence each.

    Args:
        certificates: All of each settled interval.
        exported_wh: Attested export by interval.
        settled: The intervals whose certificates must be there.
    """
    certified_wh: dict[int, int] = defaultdict(int)
    for each in certificates:
        certified_wh[each["interval"]] += each["toWh"] - each["fromWh"]
    return [
        f"interval {utc(interval)}: {certified_wh[interval]} Wh certified, "
        f"{exported_wh.get(interval, 'nothing')} Wh attested on the chain"
        for interval in sorted({*certified_wh, *settled})
        if certified_wh[interval] != exported_wh.get(interval)
    ]


def attested_exports(node: NodeRpc) -> dict[int, int]:
    """Return the export of each interval that the oracles attested, from the logs of the readings contract."""
    contracts = node.call("energy_getStatus")["contracts"]
    abi = ContractAbi(contracts)
    logs = node.call(
        "eth_getLogs",
        {"address": contracts["readings"], "topics": [ATTESTED_TOPIC], "fromBlock": "0x0", "toBlock": "latest"},
    )
    events = [abi.event(log["address"], log["topics"], log["data"]).arguments for log in logs]
    return {event["interval"]: event["exportWh"] for event in events}


def interval_totals(certificates: Sequence[JsonObject]) -> list[JsonObject]:
    """Return number and energy of the certificates of each interval."""
    by_interval: dict[int, list[JsonObject]] = defaultdict(list)
    for each in certificates:
        by_interval[each["interval"]].append(each)
    return [
        {"interval": start, "certificates": len(group), "certifiedWh": sum(each["quantityWh"] for each in group)}
        for start, group in sorted(by_interval.items())
    ]


def download(node: NodeRpc, numbers: Sequence[int], folder: Path) -> None:
    """Write the evidence of some certificates, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        document = node.call("energy_getEvidence", number)
        if document is None:
            raise CallFailed(f"there is no evidence of certificate {number}")
        (folder / f"certificate-{number}.json").write_text(json.dumps(document, indent=1) + "\n")
    print(
        f"{len(numbers)} files in {folder}; check them: python -m scripts.verify_evidence {folder}/*", file=sys.stderr
    )


def _settled_intervals(node: NodeRpc, chosen: argparse.Namespace) -> list[int]:
    """Return the settled intervals that the options choose."""
    return [
        each["start"]
        for each in node.items("energy_getIntervals", {"from": chosen.first, "to": chosen.end})
        if each["status"] == "settled"
        and chosen.interval in (None, each["start"])
        and chosen.run in (None, each["runId"])
    ]


def _print_certificates(certificates: Sequence[JsonObject], totals: Sequence[JsonObject]) -> None:
    brief = [
        {
            **each,
            "interval": utc(each["interval"]),
            "device": each["device"][:10],
            "owner": each["owner"][:10],
        }
        for each in certificates
    ]
    print_rows(brief, COLUMNS, as_csv=False)
    print()
    rows = [{**total, "interval": utc(total["interval"])} for total in totals]
    print_rows(rows, ("interval", "certificates", "certifiedWh"), as_csv=False)
    print(f"\n{len(certificates)} certificates of {sum(total['certifiedWh'] for total in totals)} Wh")


if __name__ == "__main__":
    sys.exit(main())
