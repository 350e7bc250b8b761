"""What the community's contracts say: calls and logs decoded with the interfaces of the compiled artifacts.

Refuses nothing: what no interface explains is shown as raw data.
Source: Solidity contract ABI specification.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import sha3
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

CONTRACT_FILES: Final = {
    "token": "CommunityToken",
    "registry": "Registry",
    "readings": "Readings",
    "settlement": "Settlement",
    "certificates": "Certificates",
    "disputes": "Disputes",
    "questions": "Questions",
    "cooperative": "Cooperative",
    "timelock": "Timelock",
    "fees": "Fees",
    "reputation": "Reputation",
    "badges": "Badges",
    "gateway": "Gateway",
}
"""Artifact by the name that the node gives the contract; a community need not have those from the disputes on."""

Arguments = dict[str, Any]
"""Decoded values by name; integers, texts, lists and nested objects, ready for JSON."""


@dataclass(frozen=True, slots=True)
class Said:
    """A call or an event in words."""

    contract: str
    """Its name, or its address when it is none of the community's."""
    name: str
    """Function or event, or its raw selector or topic."""
    arguments: Arguments


class ContractAbi:
    """Interfaces of the community's contracts by address."""

    def __init__(self, addresses: Mapping[str, str], folder: Path | None = None) -> None:
        """Load the interfaces.

        Args:
            addresses: ``0x`` address by name, as the node's status gives them.
            folder: Of artifacts; those that were installed with this program when None.
        """
        self._names = {address.lower(): name for name, address in addresses.items()}
        self._functions: dict[tuple[str, str], Arguments] = {}
        self._events: dict[tuple[str, str], Arguments] = {}
        source = folder or files("contracts.artifacts")
        for name, artifact in CONTRACT_FILES.items():
            for entry in json.loads((source / f"{artifact}.json").read_text())["abi"]:
                if entry["type"] == "function":
                    self._functions[name, signature_hash(entry)[:10]] = entry
                elif entry["type"] == "event":
                    self._events[name, signature_hash(entry)] = entry

    def call(self, to: str | None, data: str) -> Said:
        """Return what a transaction asks of a contract."""
        contract = self._names.get((to or "").lower(), to or "")
        entry = self._functions.get((contract, data[:10]))
        if to is None or entry is None:
            return Said(contract or "(new contract)", data[:10] if to else "deploy", {})
        try:
            return Said(contract, entry["name"], _decoded(entry["inputs"], bytes.fromhex(data[10:])))
        except DecodingError:
            return Said(contract, entry["name"], {"undecodable": data})

    def result(self, to: str, function: str, data: str) -> Any:
        """Return what a function of a contract has answered, which is one value."""
        contract = self._names[to.lower()]
        (entry,) = [each for (name, _), each in self._functions.items() if (name, each["name"]) == (contract, function)]
        (value,) = _decoded(entry["outputs"], bytes.fromhex(data[2:])).values()
        return value

    def event(self, address: str, topics: Sequence[str], data: str) -> Said:
        """Return what a log tells."""
        contract = self._names.get(address.lower(), address)
        entry = self._events.get((contract, topics[0] if topics else ""))
        if entry is None:
            return Said(contract, topics[0] if topics else "(anonymous)", {"data": data})
        indexed = [each for each in entry["inputs"] if each["indexed"]]
        plain = [each for each in entry["inputs"] if not each["indexed"]]
        try:
            values = {
                **_decoded(plain, bytes.fromhex(data[2:])),
                **{each["name"]: _topic(each, topic) for each, topic in zip(indexed, topics[1:], strict=True)},
            }
        except (DecodingError, ValueError):
            return Said(contract, entry["name"], {"undecodable": data})
        return Said(contract, entry["name"], {each["name"]: values[each["name"]] for each in entry["inputs"]})


def signature_hash(entry: Mapping[str, Any]) -> str:
    """Return keccak-256 of a function's or event's canonical signature, as ``0x`` text."""
    text = f"{entry['name']}({','.join(_canonical(each) for each in entry['inputs'])})"
    return keccak_text(text.encode())


def keccak_text(data: bytes) -> str:
    """Return keccak-256 as ``0x`` text."""
    return f"0x{sha3.keccak_256(data).hexdigest()}"


def _canonical(parameter: Mapping[str, Any]) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_canonical(each) for each in parameter['components'])}){kind.removeprefix('tuple')}"


def _topic(parameter: Mapping[str, Any], topic: str) -> Any:
    if parameter["type"] in ("string", "bytes") or parameter["type"].endswith("]"):
        return topic  # only the hash of a value of variable length is in the log
    return _decoded([parameter], bytes.fromhex(topic[2:]))[parameter["name"]]


def _decoded(parameters: Sequence[Mapping[str, Any]], data: bytes) -> Arguments:
    values = decode([_canonical(each) for each in parameters], data)
    return {
        each["name"] or str(place): _plain(each, value)
        for place, (each, value) in enumerate(zip(parameters, values, strict=True))
    }


def _plain(parameter: Mapping[str, Any], value: Any) -> Any:
    if parameter["type"].endswith("]"):
        element = {**parameter, "type": parameter["type"].rpartition("[")[0]}
        return [_plain(element, each) for each in value]
    if parameter["type"] == "tuple":
        parts = zip(parameter["components"], value, strict=True)
        return {component["name"]: _plain(component, part) for component, part in parts}
    return "0x" + value.hex() if isinstance(value, bytes) else value
