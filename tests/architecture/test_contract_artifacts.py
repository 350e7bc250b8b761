"""The committed artifacts belong to the committed sources, without a compiler: by the hashes in their metadata."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from scripts.build_contracts import ARTIFACTS, CONTRACTS, ROOT, SETTINGS

PINS = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
EIP_170_CODE_SIZE_MAX = 24_576


def load(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    artifact = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
    return artifact, json.loads(artifact["metadata"])


def test_each_contract_has_its_artifact() -> None:
    assert {path.stem for path in ARTIFACTS.glob("*.json")} == set(CONTRACTS)


@pytest.mark.parametrize("name", CONTRACTS)
def test_artifact_was_built_from_these_sources(name: str) -> None:
    _, metadata = load(name)
    own = {path: entry["keccak256"] for path, entry in metadata["sources"].items() if path.startswith("src/")}
    assert f"src/{name}.sol" in own
    assert own == {path: "0x" + keccak((ROOT / path).read_bytes()).hex() for path in own}


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("kind", ["bytecode", "deployedBytecode"])
def test_bytecode_names_this_metadata(name: str, kind: str) -> None:
    artifact, _ = load(name)
    assert _ipfs_multihash(artifact["metadata"].encode()).hex() in artifact[kind]


@pytest.mark.parametrize("name", CONTRACTS)
def test_compiler_and_settings_are_the_pinned_ones(name: str) -> None:
    artifact, metadata = load(name)
    assert metadata["compiler"]["version"].partition("+")[0] == PINS["solc"]
    assert artifact["compiler"].startswith(metadata["compiler"]["version"])
    assert metadata["settings"]["evmVersion"] == "prague"
    assert {key: metadata["settings"][key] for key in SETTINGS} == SETTINGS


@pytest.mark.parametrize("name", CONTRACTS)
def test_code_fits_the_limit(name: str) -> None:
    artifact, _ = load(name)
    assert len(artifact["deployedBytecode"]) // 2 - 1 <= EIP_170_CODE_SIZE_MAX


def test_pins_are_exact_and_the_lock_file_names_no_host() -> None:
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in PINS.values())
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


def test_every_custom_error_is_provoked_by_a_test() -> None:
    declared = _names(ROOT / "src", "*.sol", r"^\s*error (\w+)\(")
    provoked = _names(Path(__file__).parents[1] / "contracts", "*.py", r'reverts\(\s*"(\w+)"')
    assert declared - provoked == set()


def _names(folder: Path, glob: str, pattern: str) -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in sorted(folder.rglob(glob)))
    return {name for text in texts for name in re.findall(pattern, text, re.MULTILINE)}


def _ipfs_multihash(content: bytes) -> bytes:
    """Return the IPFS hash (CIDv0) of a small file, as solc writes it into the code.

    SHA-256 over a dag-pb node that holds one UnixFS file; source: the UnixFS and dag-pb specifications.
    """
    length = _varint(len(content))
    unixfs = b"\x08\x02\x12" + length + content + b"\x18" + length
    node = b"\x0a" + _varint(len(unixfs)) + unixfs
    return b"\x12\x20" + hashlib.sha256(node).digest()


def _varint(number: int) -> bytes:
    head, tail = number & 0x7F, number >> 7
    return bytes([head | 0x80]) + _varint(tail) if tail else bytes([head])
