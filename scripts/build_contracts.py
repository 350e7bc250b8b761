"""Compile contracts/src into contracts/artifacts with the pinned compiler.

    python scripts/build_contracts.py           writes the artifacts
    python scripts/build_contracts.py --check   compares them with the sources, exits with 1 and names what differs

Needs Node.js; installs the pinned compiler by `npm ci` when it is missing. The same sources give the same bytes
on every machine. Refuses warnings of our own sources, and a compiler other than the pinned one.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[1]
ROOT: Final = PROJECT / "contracts"
ARTIFACTS: Final = ROOT / "artifacts"

CONTRACTS: Final = (
    "CommunityToken",
    "Registry",
    "Cooperative",
    "Timelock",
    "Readings",
    "Settlement",
    "Certificates",
    "Fees",
    "Reputation",
    "Badges",
    "Disputes",
    "Questions",
    "Gateway",
)
"""Contracts that are deployed (the timelock by the cooperative); each has a source file and an artifact of its name."""

COMPARED: Final = ("PlainMarket",)
"""Contracts that are measured beside ours and never deployed; source and artifact are in `benchmarks`."""

SETTINGS: Final[dict[str, Any]] = {
    # py-evm ends with Prague: a later target would compile to opcodes that the embedded chain does not know.
    "evmVersion": "prague",
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 1000},
}

_OUTPUTS: Final = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"]


class BuildFailed(Exception):
    """The contracts can not be compiled; the message says why."""


def build() -> dict[str, str]:
    """Return the text of each artifact by contract name.

    Raises:
        BuildFailed: Node.js is missing, npm failed, or the compiler reported an error or a warning of ours.
    """
    _install_compiler()
    output = _compile()
    complaints = [
        entry["formattedMessage"]
        for entry in output.get("errors", [])
        if entry["severity"] == "error" or entry.get("sourceLocation", {}).get("file", "").startswith("src/")
    ]
    if complaints:
        raise BuildFailed("\n".join(complaints))
    return {name: _artifact(name, output) for name in (*CONTRACTS, *COMPARED)}


def stale(artifacts: Mapping[str, str], project: Path = PROJECT) -> list[str]:
    """Return the names of artifacts that are missing on disk or differ there, or are there without a source."""
    paths = [*(project / "contracts" / "artifacts").glob("*.json"), *(_path(name, project) for name in COMPARED)]
    on_disk = {path.stem: path.read_text(encoding="utf-8") for path in paths if path.exists()}
    return sorted(name for name in artifacts.keys() | on_disk.keys() if artifacts.get(name) != on_disk.get(name))


def write(artifacts: Mapping[str, str], project: Path = PROJECT) -> None:
    """Make a project hold these artifacts and no others; leave alone what is right already."""
    for name in stale(artifacts, project):
        path = _path(name, project)
        if name in artifacts:
            path.write_text(artifacts[name], encoding="utf-8")
        else:
            path.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's text."""
    parser = argparse.ArgumentParser(prog="build_contracts", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare the committed artifacts with the sources")
    check = parser.parse_args(arguments).check
    try:
        artifacts = build()
    except BuildFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    differing = stale(artifacts)
    if check:
        for name in differing:
            print(f"contracts/artifacts/{name}.json differs from contracts/src: build it again", file=sys.stderr)
        return 1 if differing else 0
    write(artifacts)
    print(f"{len(artifacts)} contracts, {len(differing)} changed")
    return 0


def _path(name: str, project: Path) -> Path:
    folder = project / "benchmarks" if name in COMPARED else project / "contracts" / "artifacts"
    return folder / f"{name}.json"


def _install_compiler() -> None:
    """Install what package-lock.json pins, unless it is there already."""
    if not shutil.which("npm"):
        raise BuildFailed("Node.js with npm is needed to compile the contracts (the node itself does without)")
    pinned = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    if all(_installed_version(package) == version for package, version in pinned.items()):
        return
    done = subprocess.run(["npm", "ci"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"npm ci failed:\n{done.stderr}")


def _installed_version(package: str) -> str | None:
    manifest = ROOT / "node_modules" / package / "package.json"
    if not manifest.exists():
        return None
    version: str = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return version


def _compile() -> dict[str, Any]:
    sources = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "src").rglob("*.sol"))}
    sources |= {f"src/{name}.sol": PROJECT / "benchmarks" / f"{name}.sol" for name in COMPARED}
    selection = {f"src/{name}.sol": {name: _OUTPUTS} for name in (*CONTRACTS, *COMPARED)}
    standard_input = {
        "language": "Solidity",
        "sources": {name: {"content": path.read_text(encoding="utf-8")} for name, path in sources.items()},
        "settings": SETTINGS | {"outputSelection": selection},
    }
    done = subprocess.run(
        ["node", "compile.js"], cwd=ROOT, input=json.dumps(standard_input), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildFailed(f"the compiler failed:\n{done.stderr}")
    output: dict[str, Any] = json.loads(done.stdout)
    return output


def _artifact(name: str, output: dict[str, Any]) -> str:
    compiled = output["contracts"][f"src/{name}.sol"][name]
    artifact = {
        "contractName": name,
        "compiler": output["compiler"],
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + compiled["evm"]["deployedBytecode"]["object"],
        "metadata": compiled["metadata"],
    }
    return json.dumps(artifact, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
