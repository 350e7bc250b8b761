"""What a transaction says in the words of the community's contracts: the called function, its arguments, its events.

Units: those in the names of the contracts' fields. Source: Solidity contract ABI specification.
Refuses: nothing; what no contract of the community would say stays bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import abi_to_signature, event_abi_to_log_topic, function_abi_to_4byte_selector

from energy.identity import hex_text
from node.ledger import CONTRACT_NAMES, artifact

INSTANTS: Final = frozenset({"interval", "firstInterval", "lastInterval", "validFrom", "validTo", "validUntil"})
"""Arguments that are UTC epoch seconds, where they are one."""
INSTANT_MIN, INSTANT_MAX = 10**9, 10**10
ITEMS_SHOWN: Final = 6
"""Of a list among the arguments; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Said:
    """A call or an event: who, what, and with which values."""

    contract: str | None
    """Name of the compiled contract; None for any other account."""
    name: str | None
    """Function or event; None for what no ABI of that contract knows."""
    values: tuple[tuple[str, str], ...]
    """Name and text of each argument; of something unknown, its raw bytes."""


def decoded_call(contracts: Mapping[str, str], to: str | None, data: str) -> Said:
    """Return what a call says.

    Args:
        contracts: Addresses by the names of a status.
        to: Called address, lower-case 0x text; None for the making of a contract.
        data: Call data, 0x text.
    """
    contract, raw = _contract_at(contracts, to), bytes.fromhex(data[2:])
    for selector, entry in _functions(contract) if contract else ():
        if raw[:4] == selector:
            values = _values(entry["inputs"], raw[4:])
            if values is not None:
                return Said(contract, entry["name"], values)
    return Said(contract, None, (("data", _short(data)),) if raw else ())


def decoded_event(contracts: Mapping[str, str], log: Mapping[str, Any]) -> Said:
    """Return what a log of `eth_getTransactionReceipt` says."""
    contract, topics = _contract_at(contracts, log["address"].lower()), [bytes.fromhex(t[2:]) for t in log["topics"]]
    for topic, entry in _events(contract) if contract else ():
        if topics and topics[0] == topic:
            indexed = [each for each in entry["inputs"] if each["indexed"]]
            plain = [each for each in entry["inputs"] if not each["indexed"]]
            heads = _values(indexed, b"".join(topics[1:]), words=True)
            rest = _values(plain, bytes.fromhex(log["data"][2:]))
            if heads is not None and rest is not None:
                by_name = dict((*heads, *rest))
                return Said(
                    contract, entry["name"], tuple((each["name"], by_name[each["name"]]) for each in entry["inputs"])
                )
    return Said(contract, None, (("topics", ", ".join(log["topics"])), ("data", _short(log["data"]))))


def _contract_at(contracts: Mapping[str, str], address: str | None) -> str | None:
    return next((CONTRACT_NAMES[name] for name, at in contracts.items() if at == address), None)


@cache
def _functions(contract: str) -> tuple[tuple[bytes, dict[str, Any]], ...]:
    return tuple((function_abi_to_4byte_selector(entry), entry) for entry in _entries(contract, "function"))


@cache
def _events(contract: str) -> tuple[tuple[bytes, dict[str, Any]], ...]:
    return tuple((event_abi_to_log_topic(entry), entry) for entry in _entries(contract, "event"))


def _entries(contract: str, kind: str) -> Iterable[Any]:
    return (entry for entry in artifact(contract)["abi"] if entry["type"] == kind)


def _values(inputs: list[Any], raw: bytes, *, words: bool = False) -> tuple[tuple[str, str], ...] | None:
    """Return name and text of each value; None when the bytes are not these types. `words`: as indexed topics."""
    # An indexed value of variable length is there as its hash only.
    types = ["bytes32" if words and _is_long(each["type"]) else type_of(each) for each in inputs]
    try:
        values = decode(types, raw)
    except (DecodingError, OverflowError, ValueError):
        return None
    return tuple((each["name"] or each["type"], _text(value, each)) for each, value in zip(inputs, values, strict=True))


def _is_long(kind: str) -> bool:
    return kind in ("bytes", "string") or kind.endswith("]") or kind == "tuple"


def type_of(entry: Any) -> str:
    """Return the canonical type of an ABI's argument: of a tuple, its types in parentheses."""
    signature = abi_to_signature({"type": "function", "name": "f", "inputs": [entry], "outputs": []})
    return signature[2:-1]


def _text(value: Any, entry: Any) -> str:
    if isinstance(value, bytes):
        return _short(hex_text(value))
    if isinstance(value, list | tuple) and not entry["type"].endswith("]"):
        fields = zip(entry["components"], value, strict=True)
        return ", ".join(f"{field['name']} {_text(each, field)}" for field, each in fields)
    if isinstance(value, list | tuple):
        item = {**entry, "type": entry["type"][: entry["type"].rindex("[")]}
        shown = [_text(each, item) for each in value[:ITEMS_SHOWN]]
        more = [f"… ({len(value)})"] if len(value) > ITEMS_SHOWN else []
        return "; ".join((*shown, *more))
    if entry["name"] in INSTANTS and INSTANT_MIN <= value < INSTANT_MAX:
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ})"
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= 140 else f"{text[:130]}… ({len(text) // 2 - 1} B)"
