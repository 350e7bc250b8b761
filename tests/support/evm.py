"""A thin py-evm (Prague) for contract tests: deploy, call, transact, decode errors and events, set the time.

No blocks and no signatures of transactions: a transaction is executed on a state root and leaves another. Values:
integers, bytes, addresses as lower-case 0x text; a struct is a dict by field name or a tuple in field sequence.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import pytest
from eth.abc import SignedTransactionAPI
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.state import PragueState
from eth.vm.spoof import SpoofTransaction
from eth_abi.abi import decode, encode
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.crypto import keccak

from tests.support.anvil_twin import AnvilTwin

ARTIFACTS: Final = Path(__file__).parents[2] / "contracts" / "artifacts"
GAS_LIMIT: Final = 30_000_000
REPLAYED: Final = bool(os.environ.get("REPLAY_ON_ANVIL"))
"""Whether every transaction is run on anvil too, and must come out the same (`make replay`)."""
NOBODY: Final = "0x" + "00" * 19 + "01"

_BUILT_IN_ERRORS: Final[list[dict[str, Any]]] = [
    {"type": "error", "name": "Error", "inputs": [{"type": "string", "name": "reason"}]},
    {"type": "error", "name": "Panic", "inputs": [{"type": "uint256", "name": "code"}]},
]


class Reverted(Exception):
    """A call reverted with a custom error."""

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        super().__init__(f"{name}{arguments}")
        self.name = name
        self.arguments = arguments


@contextmanager
def reverts(name: str, *arguments: Any) -> Iterator[None]:
    """Expect the block to revert with exactly this error and these values."""
    with pytest.raises(Reverted) as caught:
        yield
    assert (caught.value.name, caught.value.arguments) == (name, arguments)


def refusal(act: Callable[[], object]) -> str | None:
    """Do something; return the name of the error with which it reverted, or None when it went through."""
    try:
        act()
    except Reverted as reverted:
        return reverted.name
    return None


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log."""

    address: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction used and said."""

    gas_used: int
    """As a receipt says it: with the intrinsic gas, less refunds, at least the floor of its data."""
    events: tuple[Event, ...]

    def event(self, name: str) -> dict[str, Any]:
        """Return the arguments of the only event of a name."""
        (found,) = (event.arguments for event in self.events if event.name == name)
        return found


class Evm:
    """One chain's state, at one instant."""

    def __init__(self, *, chain_id: int = 1_337, timestamp: int = 1_750_000_000) -> None:
        self.chain_id = chain_id
        self.timestamp = timestamp
        """Seconds that the next transactions and calls see."""
        self._database = AtomicDB(MemoryDB())
        self._state_root = BLANK_ROOT_HASH
        self._twin = AnvilTwin(chain_id, timestamp) if REPLAYED else None

    def snapshot(self) -> tuple[Hash32, int]:
        """Return what `restore` needs to come back to this moment."""
        if self._twin is not None:
            self._twin.snapshot(self._state_root)
        return self._state_root, self.timestamp

    def restore(self, snapshot: tuple[Hash32, int]) -> None:
        """Come back to the moment of a snapshot."""
        self._state_root, self.timestamp = snapshot
        if self._twin is not None:
            self._twin.restore(self._state_root)

    def deploy(self, name: str, *arguments: Any, sender: str = NOBODY) -> "Contract":
        """Deploy an artifact."""
        return self.deploy_artifact(artifact(name), *arguments, sender=sender)

    def deploy_artifact(self, built: Mapping[str, Any], *arguments: Any, sender: str = NOBODY) -> "Contract":
        """Deploy what was compiled, from wherever it comes."""
        (constructor,) = (entry for entry in built["abi"] if entry["type"] == "constructor")
        code = bytes.fromhex(built["bytecode"][2:]) + _encode(constructor["inputs"], arguments)
        computation, _ = self._execute(b"", code, sender, keep=True)
        return Contract(self, built["contractName"], "0x" + computation.msg.storage_address.hex(), built)

    def execute(self, to: str, data: bytes, sender: str, *, keep: bool) -> tuple[bytes, Receipt]:
        """Run a message; return its output and receipt. The state changes only if it is kept.

        Raises:
            Reverted: with the decoded custom error.
        """
        computation, gas_used = self._execute(bytes.fromhex(to[2:]), data, sender, keep=keep)
        events = tuple(_decode_event(*entry) for entry in computation.get_log_entries())
        return computation.output, Receipt(gas_used, events)

    def _execute(self, to: bytes, data: bytes, sender: str, *, keep: bool) -> tuple[Any, int]:
        state = PragueState(self._database, self._context(), self._state_root)
        origin = Address(bytes.fromhex(sender[2:]))
        unsigned = PragueVM.get_transaction_builder().create_unsigned_transaction(
            nonce=state.get_nonce(origin), gas_price=0, gas=GAS_LIMIT, to=Address(to), value=0, data=data
        )
        transaction = cast(SignedTransactionAPI, SpoofTransaction(unsigned, from_=origin))
        computation = state.apply_transaction(transaction)
        if computation.is_error:
            if self._twin is not None:
                assert self._twin.refusal(sender, to, data, self.timestamp) == "0x" + computation.output.hex()
            raise _decode_error(computation)
        gas_used = PragueVM.finalize_gas_used(transaction, computation)
        if keep:
            self._state_root = state.make_state_root()
            state.persist()
            if self._twin is not None:
                logs = [(bytes(at), tuple(topics), bytes(said)) for at, topics, said in computation.get_log_entries()]
                assert self._twin.transact(sender, to, data, self.timestamp) == (gas_used, logs)
        return computation, gas_used

    def _context(self) -> ExecutionContext:
        return ExecutionContext(
            coinbase=ZERO_ADDRESS,
            timestamp=self.timestamp,
            block_number=BlockNumber(1),
            difficulty=0,
            mix_hash=ZERO_HASH32,
            gas_limit=GAS_LIMIT,
            prev_hashes=(),
            chain_id=self.chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )


@dataclass(frozen=True, slots=True)
class Contract:
    """A deployed contract."""

    evm: Evm
    name: str
    address: str
    built: Mapping[str, Any] | None = field(default=None, repr=False)
    """The compiled contract; else the artifact of its name."""
    _functions: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        abi = (self.built or artifact(self.name))["abi"]
        functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}
        object.__setattr__(self, "_functions", functions)

    def call(self, function: str, *arguments: Any, sender: str = NOBODY) -> Any:
        """Return what a function answers, without changing anything; several values as a tuple."""
        output, _ = self.evm.execute(self.address, self._data(function, arguments), sender, keep=False)
        values = decode([_type(entry) for entry in self._functions[function]["outputs"]], output)
        return values[0] if len(values) == 1 else values

    def transact(self, function: str, *arguments: Any, sender: str = NOBODY) -> Receipt:
        """Run a function and keep what it changes."""
        return self.evm.execute(self.address, self._data(function, arguments), sender, keep=True)[1]

    def _data(self, function: str, arguments: Sequence[Any]) -> bytes:
        entry = self._functions[function]
        return selector(entry)[:4] + _encode(entry["inputs"], arguments)


@cache
def artifact(name: str) -> dict[str, Any]:
    """Return the compiled contract of a name."""
    loaded: dict[str, Any] = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@cache
def _errors() -> dict[bytes, dict[str, Any]]:
    """Return the errors of all contracts by selector: an error may come from a contract deeper."""
    entries = [entry for path in sorted(ARTIFACTS.glob("*.json")) for entry in artifact(path.stem)["abi"]]
    return {selector(entry): entry for entry in entries + _BUILT_IN_ERRORS if entry["type"] == "error"}


@cache
def _events() -> dict[tuple[bytes, int], dict[str, Any]]:
    """Return the events by selector and number of topics: a Transfer of ERC-20 and one of ERC-721 differ in those."""
    entries = [entry for path in sorted(ARTIFACTS.glob("*.json")) for entry in artifact(path.stem)["abi"]]
    return {
        (selector(entry), 1 + sum(value["indexed"] for value in entry["inputs"])): entry
        for entry in entries
        if entry["type"] == "event"
    }


def selector(entry: Mapping[str, Any]) -> bytes:
    """Return the hash that names a function, an error or an event; the first four bytes of it, in a call."""
    return keccak(text=f"{entry['name']}({','.join(_type(value) for value in entry['inputs'])})")


def _type(entry: Mapping[str, Any]) -> str:
    kind: str = entry["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(component) for component in entry['components'])})" + kind.removeprefix("tuple")


def _encode(inputs: Sequence[Mapping[str, Any]], arguments: Sequence[Any]) -> bytes:
    values = [_plain(entry, value) for entry, value in zip(inputs, arguments, strict=True)]
    return encode([_type(entry) for entry in inputs], values)


def _plain(entry: Mapping[str, Any], value: Any) -> Any:
    """Turn what a test writes into what eth_abi takes: dicts to tuples, contracts to addresses, hex to bytes."""
    if isinstance(value, Contract):
        return value.address
    if isinstance(value, Mapping):
        return tuple(_plain(component, value[component["name"]]) for component in entry["components"])
    if entry["type"].endswith("[]"):
        return [_plain({**entry, "type": entry["type"].removesuffix("[]")}, each) for each in value]
    if isinstance(value, str) and entry["type"].startswith("bytes"):
        return bytes.fromhex(value[2:])
    return value


def _decode_event(address: bytes, topics: Sequence[int], data: bytes) -> Event:
    first, *rest = (topic.to_bytes(32, "big") for topic in topics)
    entry = _events()[first, len(topics)]
    indexed = [value for value in entry["inputs"] if value["indexed"]]
    plain = [value for value in entry["inputs"] if not value["indexed"]]
    arguments = {value["name"]: decode([value["type"]], topic)[0] for value, topic in zip(indexed, rest, strict=True)}
    arguments |= zip((v["name"] for v in plain), decode([_type(v) for v in plain], data), strict=True)
    return Event("0x" + address.hex(), entry["name"], arguments)


def _decode_error(computation: Any) -> Exception:
    output: bytes = computation.output
    for selector, entry in _errors().items():
        if output[:4] == selector[:4]:
            return Reverted(entry["name"], decode([_type(value) for value in entry["inputs"]], output[4:]))
    return RuntimeError(f"failed without a known error: {computation.error!r}")
