"""What the registry says after all that its owner, the members' council, has decided, from its events alone. Pure.

Units: UTC epoch seconds, W. Source: `contracts/src/interfaces/IRegistry.sol`, whose events are complete enough for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from energy.errors import Unavailable
from energy.identity import Address, Digest, MeterId, address_from_hex

NO_END: Final = 2**64 - 1


class Role(StrEnum):
    """Whose signatures count."""

    ORACLE = "oracle"
    ATTESTOR = "attestor"


class SigningRules(Protocol):
    """Who may sign, and how many must."""

    def is_valid(self, role: Role, key: Address, instant: int) -> bool:
        """Say whether a key may sign what is about an instant."""

    def quorum(self, role: Role) -> int:
        """Return how many must sign."""


class TooFewKeys(Unavailable):
    """Fewer valid keys are here than must sign: a person must bring them, or the members decide otherwise."""

    def __init__(self, role: Role, valid: int, needed: int) -> None:
        super().__init__(f"{needed} keys of {role.value}s must sign, and {valid} valid ones are here")


class HasKey(Protocol):
    """Signs with one key."""

    @property
    def address(self) -> Address:
        """Its account."""


Signing = TypeVar("Signing", bound=HasKey)


def chosen(rules: SigningRules, role: Role, signers: Iterable[Signing], instant: int) -> tuple[list[Signing], int]:
    """Return who of some signers may sign what is about an instant, and how many must.

    Raises:
        TooFewKeys: they are fewer.
    """
    valid, needed = [each for each in signers if rules.is_valid(role, each.address, instant)], rules.quorum(role)
    if len(valid) < needed:
        raise TooFewKeys(role, len(valid), needed)
    return valid, needed


@dataclass(frozen=True, slots=True)
class Decision:
    """One event of the registry."""

    block: int
    place: int
    """Of its log in the block."""
    block_hash: bytes
    name: str
    facts: Mapping[str, Any]
    """Its arguments by name, as web3.py decodes them."""

    def address(self, name: str) -> Address:
        """Return an argument that is an account or a key."""
        return address_from_hex(str(self.facts[name]).lower())

    @property
    def identity(self) -> tuple[bytes, int]:
        """What tells it from every other, and from its like in a block that a network has dropped."""
        return self.block_hash, self.place


@dataclass(frozen=True, slots=True)
class EnrolledMeter:
    """A meter as the registry has it."""

    meter: MeterId
    account: Address
    source: int
    capacity_w: int
    valid_from: int
    valid_to: int


@dataclass(frozen=True, slots=True)
class AnnouncedTerms:
    """Tariffs or charges that hold from an instant on, by the hash of their file."""

    digest: Digest
    valid_from: int
    link: str
    block: int


@dataclass(slots=True)
class Decided:
    """The registry's state, as far as a node acts on it."""

    quorums: dict[Role, int] = field(default_factory=dict)
    keys: dict[tuple[Role, Address], tuple[int, int]] = field(default_factory=dict)
    """When each key is valid: from, to."""
    members: dict[Address, int] = field(default_factory=dict)
    """Accounts that are members, with the block that made them so."""
    left: dict[Address, int] = field(default_factory=dict)
    """Accounts that were members, and are no more, with the block that made them so."""
    successors: dict[Address, Address] = field(default_factory=dict)
    """Who has whose place, by the account whose key was lost."""
    meters: dict[MeterId, EnrolledMeter] = field(default_factory=dict)
    terms: list[AnnouncedTerms] = field(default_factory=list)
    """In the sequence of their announcements."""

    def is_valid(self, role: Role, key: Address, instant: int) -> bool:
        """Say whether a key may sign what is about an instant."""
        start, end = self.keys.get((role, key), (0, 0))
        return start <= instant < end

    def quorum(self, role: Role) -> int:
        """Return how many must sign."""
        return self.quorums[role]

    def valid(self, role: Role, instant: int) -> set[Address]:
        """Return the keys that may sign what is about an instant."""
        return {key for (of, key), (start, end) in self.keys.items() if of is role and start <= instant < end}


def decided(decisions: Iterable[Decision]) -> Decided:
    """Return what holds after all of these, which are in the chain's sequence."""
    state = Decided()
    for each in decisions:
        _take(state, each)
    return state


def _take(state: Decided, each: Decision) -> None:
    facts = each.facts
    match each.name:
        case "QuorumsSet":
            state.quorums = {Role.ORACLE: facts["oracleQuorum"], Role.ATTESTOR: facts["attestorQuorum"]}
        case "OracleAdded" | "AttestorAdded" | "OracleRetired" | "AttestorRetired":
            role = Role.ORACLE if each.name.startswith("Oracle") else Role.ATTESTOR
            key = (role, each.address(role.value))
            start, _ = state.keys.get(key, (0, 0))
            state.keys[key] = (facts["validFrom"], NO_END) if "validFrom" in facts else (start, facts["validTo"])
        case "MemberAdmitted":
            _admit(state, each.address("account"), each.block)
        case "MemberRemoved":
            _remove(state, each.address("account"), each.block)
        case "AccountRotated":
            account, successor = each.address("account"), each.address("successor")
            state.successors[account] = successor
            _remove(state, account, each.block)
            _admit(state, successor, each.block)
        case "MeterEnrolled":
            meter, said = MeterId(bytes(facts["meter"])), facts["details"]
            state.meters[meter] = EnrolledMeter(
                meter,
                each.address("account"),
                said["source"],
                said["capacityW"],
                said["validFrom"],
                said["validTo"],
            )
        case "MeterRetired":
            meter = MeterId(bytes(facts["meter"]))
            was = state.meters[meter]
            state.meters[meter] = EnrolledMeter(
                meter, was.account, was.source, was.capacity_w, was.valid_from, facts["validTo"]
            )
        case "TermsAnnounced":
            terms = AnnouncedTerms(Digest(bytes(facts["terms"])), facts["validFrom"], facts["link"], each.block)
            state.terms.append(terms)
        case _:
            pass


def _admit(state: Decided, account: Address, block: int) -> None:
    state.members[account] = block
    state.left.pop(account, None)


def _remove(state: Decided, account: Address, block: int) -> None:
    state.members.pop(account, None)
    state.left[account] = block
