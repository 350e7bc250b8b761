"""Everything that the community signs, down to the 32 bytes that go under a key: EIP-712 structs and block seals.

Units are in the names of the fields: Wh, µ€/kWh (`price`, `limitPrice`), n€ (`amount`, `balance…`), g CO2e/kWh
(`carbon`), UTC epoch seconds (`interval`, `expiry`, `observedAt`).
Source: EIP-712, ERC-5267. The contracts compute the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final

from energy.identity import Address, Digest
from metering.readings import Reading
from oracles.hashing import keccak
from oracles.struct_types import StructType, Value

CONDITIONS: Final = StructType(
    "Conditions(uint32 displayWh,uint8 selfTrade,bool allOrNone,bool postOnly,bool cancelOnDisconnect,"
    "bytes32 replaces,uint64 bundle,uint8 bundleLegs)"
)
ORDER: Final = StructType(
    "Order(address account,uint64 interval,uint8 side,uint64 quantityWh,int64 limitPrice,uint8 timeInForce,"
    "uint64 nonce,uint64 expiry,uint32 maxCarbon,uint32 minLot,bytes32 partnerGroup,uint64 validFrom,"
    "uint64 lastInterval,uint32 greenPremium,Conditions conditions)",
    CONDITIONS,
)
SIGNED_ORDER: Final = StructType("SignedOrder(Order order,bytes signature)", ORDER)
CANCEL: Final = StructType("Cancel(address account,bytes32 orderDigest)")
HALT: Final = StructType("Halt(address account,bool halted,uint64 nonce)")
LOOK: Final = StructType("Look(address account,uint64 until)")
RULE: Final = StructType(
    "Rule(address account,bool sells,int64 sellFrom,bool buys,int64 buyUpTo,uint64 since,uint64 until)"
)
BALLOT: Final = StructType("Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)")
"""OpenZeppelin's Governor takes it from whoever brings it: what counts is the voter's signature."""
RECEIPT: Final = StructType(
    "Receipt(uint64 sequence,bytes32 journalHash,bytes32 orderDigest,uint8 outcome,uint64 acceptedAt)"
)
READING: Final = StructType(
    "Reading(bytes32 meter,uint64 interval,uint32 period,uint64 importWh,uint64 exportWh,uint64 importIndexWh,"
    "uint64 exportIndexWh,uint16 quality,uint32 flags,uint64 sequence,bytes32 previousHash,bytes32 rawHash,"
    "uint64 observedAt)"
)
INTERVAL_READINGS: Final = StructType(
    "IntervalReadings(uint64 interval,bytes32 readingsRoot,uint64 importWh,uint64 exportWh)"
)
RUN: Final = StructType(
    "Run(uint64 runId,uint64 firstInterval,uint64 lastInterval,bytes32 ordersRoot,bytes32 tradesRoot,"
    "bytes32 readingsHash,bytes32 entriesRoot,bytes32 certificatesRoot,bytes32 netsHash,uint64 importWh,"
    "uint64 exportWh,uint64 tradedWh,uint64 certifiedWh,bytes32 previousRun)"
)
TRADE: Final = StructType(
    "Trade(uint64 interval,uint64 number,int64 price,uint64 quantityWh,bytes32 buyOrder,bytes32 sellOrder,"
    "address buyer,address seller,uint64 buyFromWh,uint64 sellFromWh,uint64 sequence,uint64 matchedAt)"
)
CERTIFICATE: Final = StructType(
    "Certificate(uint64 number,bytes32 device,uint64 interval,uint64 fromWh,uint64 toWh,address owner,uint8 source,"
    "uint8 state,uint32 carbon)"
)
ENTRY: Final = StructType(
    "Entry(address account,uint64 sequence,uint8 kind,uint64 interval,uint64 quantityWh,int64 price,int128 amount,"
    "int128 balanceBefore,int128 balanceAfter,bytes32 ref)"
)

_DOMAIN: Final = StructType("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_SEAL_TAG: Final = keccak(b"RESILIA-SEAL")

_READING_VALUES: Final = attrgetter(*(each.name for each in fields(Reading)))


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature holds: one contract on one chain."""

    name: str
    version: str
    chain_id: int
    verifying_contract: Address
    separator: Digest = field(init=False, repr=False, compare=False)
    """Struct hash of the other four."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "separator", _DOMAIN.hash(self.values))

    @property
    def values(self) -> tuple[Value, ...]:
        """The values of the EIP-712 struct ``EIP712Domain``."""
        return (self.name.encode(), self.version.encode(), self.chain_id, self.verifying_contract)


def community_domain(chain_id: int, verifying_contract: Address) -> Domain:
    """Return the domain of a contract: Readings for readings, Cooperative for ballots, Settlement for all the rest."""
    return Domain("RESILIA-GRID", "1", chain_id, verifying_contract)


def digest(domain: Domain, struct_hash: Digest) -> Digest:
    """Return what a key signs for a struct in a domain (EIP-191 version 1)."""
    return keccak(b"\x19\x01" + domain.separator + struct_hash)


def reading_values(reading: Reading) -> tuple[Value, ...]:
    """Return the values of a reading in the sequence of `READING`."""
    values: tuple[Value, ...] = _READING_VALUES(reading)
    return values


def reading_hash(reading: Reading) -> Digest:
    """Return the struct hash of a reading: what the oracles sign, and the meter's next reading refers to.

    Raises:
        ValueError: a value that its Solidity type cannot hold.
    """
    return READING.hash(_READING_VALUES(reading))


def eip712_json(domain: Domain, struct: StructType, values: Sequence[Value]) -> dict[str, object]:
    """Return the argument of a wallet's ``eth_signTypedData_v4`` for some values of a struct."""
    described = (_DOMAIN, struct, *struct.nested.values())
    return {
        "types": {each.name: [{"name": name, "type": kind} for kind, name in each.fields] for each in described},
        "primaryType": struct.name,
        "domain": _DOMAIN.to_json(domain.values),
        "message": struct.to_json(values),
    }


def seal_digest(chain_id: int, block_hash: Digest) -> Digest:
    """Return what a sealer signs for its block: ``keccak256(abi.encode(keccak256("RESILIA-SEAL"), chainId, hash))``.

    The first word is no EIP-191 prefix, so that a seal can never pass for a typed-data signature.
    """
    return keccak(_SEAL_TAG + chain_id.to_bytes(32, "big") + block_hash)
