"""The genesis file: the parameters that all nodes of a chain share, and that block 0 commits to.

Units: gas, wei, UTC epoch seconds. Block 0 carries the digest of the file in its `extraData`, so two chains that differ
in anything here differ in every block hash.
Refuses: unknown or missing keys and values out of range, with `Misconfigured`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from energy.errors import Misconfigured
from energy.identity import Address, address_from_hex, hex_text

GENESIS_FILE: Final = "genesis.json"
BLOCK_GAS_LIMIT: Final = 20_000_000
"""Default gas of a block; it comes from what the worst block may cost one core (see `node.chain.vm`)."""
BASE_FEE_WEI: Final = 7
"""Base fee of block 0. Rounding keeps 7 wei where it is as long as blocks are less than half full (EIP-1559)."""
GAS_LIMIT_MIN: Final = 5_000
GAS_LIMIT_MAX: Final = 2**63 - 1
CHAIN_ID_MAX: Final = 2**53 - 1
"""Above it, wallets that count in doubles would be wrong."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """Consensus parameters of one chain."""

    chain_id: int
    """Unique to the community; 1 to 2^53 - 1."""
    timestamp: int
    """Of block 0, UTC epoch seconds."""
    sealer: Address
    """The only account whose seal makes a block valid; receives the tips."""
    alloc: Mapping[Address, int]
    """Wei of the accounts that are funded from the start."""
    gas_limit: int = BLOCK_GAS_LIMIT
    """Gas of every block."""

    def __post_init__(self) -> None:
        if not 1 <= self.chain_id <= CHAIN_ID_MAX:
            raise Misconfigured(f"chain id {self.chain_id} is not between 1 and 2^53 - 1")
        if not 0 <= self.timestamp < 2**63:
            raise Misconfigured(f"genesis timestamp {self.timestamp} is no UTC epoch second")
        if not GAS_LIMIT_MIN <= self.gas_limit <= GAS_LIMIT_MAX:
            raise Misconfigured(f"block gas limit {self.gas_limit} is not between {GAS_LIMIT_MIN} and 2^63 - 1")
        for address, balance in self.alloc.items():
            if not 0 <= balance < 2**256:
                raise Misconfigured(f"balance {balance} of {hex_text(address)} is not between 0 and 2^256 - 1")

    def to_json(self) -> str:
        """Return the canonical text of the file: same parameters, same bytes."""
        document = {
            "alloc": {hex_text(address): str(self.alloc[address]) for address in sorted(self.alloc)},
            "chainId": self.chain_id,
            "gasLimit": self.gas_limit,
            "sealer": hex_text(self.sealer),
            "timestamp": self.timestamp,
        }
        return json.dumps(document, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the parameters in a genesis file.

        Raises:
            Misconfigured: no JSON object with exactly these keys, or a value of the wrong kind or range.
        """
        try:
            document: Any = json.loads(text)
            expected = {"alloc", "chainId", "gasLimit", "sealer", "timestamp"}
            if not isinstance(document, dict) or set(document) != expected:
                raise ValueError(f"it must hold exactly the keys {', '.join(sorted(expected))}")
            return cls(
                chain_id=_integer(document["chainId"], "chainId"),
                timestamp=_integer(document["timestamp"], "timestamp"),
                sealer=address_from_hex(document["sealer"]),
                alloc={address_from_hex(key): int(wei) for key, wei in document["alloc"].items()},
                gas_limit=_integer(document["gasLimit"], "gasLimit"),
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise Misconfigured(f"genesis file: {error}") from None

    def digest(self) -> bytes:
        """Return the SHA-256 of the canonical text; block 0 carries it."""
        return hashlib.sha256(self.to_json().encode()).digest()


def read_genesis(datadir: Path) -> Genesis:
    """Return the genesis of a data directory.

    Raises:
        Misconfigured: the directory has none, or one that cannot be read.
    """
    path = datadir / GENESIS_FILE
    try:
        return Genesis.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror}); has the chain been initialised?") from None


def _integer(value: Any, name: str) -> int:
    if type(value) is not int:
        raise ValueError(f"{name} must be an integer, not {value!r}")
    return value
