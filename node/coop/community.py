"""What a community has agreed on: the same on every node, fixed at its start, bound into the first hash of its journal.

Kept in `community.json` of the node's folder. Who was admitted later by a vote is not in it: `node.coop.admitted`.
Local settings are in `node.settings`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.identity import Address, MeterId, address_from_hex, hex_text, meter_from_hex
from market.config import MarketConfig
from market.metered import Source
from metering.protocols import PROTOCOLS
from metering.readings import TrustClass

METER_PROTOCOLS: Final = tuple(name for name, each in PROTOCOLS.items() if each.trust <= TrustClass.C)
"""Meters that may settle; the others are for looking at."""
LINK_KIND: Final = "link"
"""The account that trades for whoever is beyond the community's border."""
MEMBER_KINDS: Final = ("home", "storage", LINK_KIND)
LATER_PARAMETERS: Final = {
    field.name: field.default
    for field in fields(MarketConfig)
    if field.name in ("mechanism", "lot_wh", "sharing", "account_orders_max", "account_open_max_wh", "feeders")
    or field.name in ("account_notional_max_neur", "orders_per_minute_max", "collar_ueur_per_kwh")
}
"""Parameters of the market that agreements may lack, with what they are then."""
POWER_W_MAX: Final = 10**9
IDENTIFYING: Final = ("account", "meter", "serial", "label")
"""What no two members who founded a community share."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """Where the community's contracts are."""

    token: Address
    registry: Address
    readings: Address
    settlement: Address
    certificates: Address
    disputes: Address | None = None
    """None for a community whose runs are final at once."""
    questions: Address | None = None
    cooperative: Address | None = None
    """This and the next four are missing in agreements from before they were founded."""
    timelock: Address | None = None
    fees: Address | None = None
    reputation: Address | None = None
    badges: Address | None = None
    gateway: Address | None = None
    """Only of a community with an account for links."""

    def named(self) -> dict[str, Address]:
        """Return those that there are by name, in the sequence of the fields."""
        return {field.name: at for field in fields(self) if (at := getattr(self, field.name)) is not None}


@dataclass(frozen=True, slots=True)
class Member:
    """One account of the community and the meter that measures it."""

    account: Address
    label: str
    """Local name; never on chain."""
    kind: str
    """home, storage or link."""
    meter: MeterId
    meter_source: str
    """Where its readings come from, ``PROTOCOL:PLACE``: ``linky:PATH`` (a serial line), ``csv:PATH``, ``sml:tcp://…``;
    paths are relative to the node's folder."""
    serial: str
    """The meter's own serial number; local."""
    source: Source
    """What its export is made from."""
    power_max_import_w: int
    power_max_export_w: int
    efficiency_permille: int = 0
    """Of a storage: energy out per energy in; 0 for a home."""

    def __post_init__(self) -> None:
        protocol, _, place = self.meter_source.partition(":")
        if protocol not in METER_PROTOCOLS or not place:
            raise ValueError(f"meter_source must be PROTOCOL:PLACE with one of {', '.join(METER_PROTOCOLS)}")
        if self.kind not in MEMBER_KINDS:
            raise ValueError(f"kind must be {' or '.join(MEMBER_KINDS)}, not {self.kind!r}")
        if not self.label or not self.serial:
            raise ValueError("label and serial must not be empty")
        for name in ("power_max_import_w", "power_max_export_w"):
            _require_int(name, getattr(self, name), 0, POWER_W_MAX)
        _require_int("efficiency_permille", self.efficiency_permille, 0, 1_000)


@dataclass(frozen=True, slots=True)
class Community:
    """The agreement."""

    name: str
    chain_id: int
    """EIP-155 chain id, unique to this community."""
    time_zone: str
    """IANA name; for people only, the core knows UTC."""
    demo: bool
    """True marks simulated members: shown on every page, never mixed with a real set-up."""
    market: MarketConfig
    open_ahead: int
    """How many intervals are open for trading at a time, ≥ 1."""
    run_intervals: int
    """How many intervals one settlement run covers, ≥ 1."""
    first_interval: int
    """First interval that is traded and settled."""
    oracle_quorum: int
    attestor_quorum: int
    supplier: Address
    """Account of the supplier that balances the community at the grid tariffs."""
    contracts: Contracts
    members: tuple[Member, ...]
    wedge_owner: Address | None = None
    """Who gets congestion income and what an auction keeps: a member's account, or None for the supplier."""
    later: frozenset[Address] = frozenset()
    """Those of `members` who came by a vote and are no part of the agreement: see `node.coop.admitted`."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("chain_id", 1, 2**53 - 1),
            ("open_ahead", 1, 10_000),
            ("run_intervals", 1, 10_000),
            ("first_interval", 0, 2**62),
            ("oracle_quorum", 1, 3),
            ("attestor_quorum", 1, 3),
        ):
            _require_int(name, getattr(self, name), low, high)
        if self.first_interval % self.market.interval_length_s:
            raise ValueError(f"first_interval {self.first_interval} is no multiple of the interval's length")
        if type(self.demo) is not bool or not isinstance(self.name, str) or not isinstance(self.time_zone, str):
            raise ValueError("name and time_zone must be texts, and demo true or false")
        check_members([member for member in self.members if member.account not in self.later])
        check_members(self.members, ("account", "meter", "label"))  # who moves in may take a meter over
        if sum(member.kind == LINK_KIND for member in self.members) > 1:
            raise ValueError("a community has one account for links")
        for account in (each for feeder in self.market.feeders for each in feeder.accounts):
            if self.member_by_account(account) is None:
                raise ValueError(f"{hex_text(account)} is on a feeder, but is no member's account")
        if self.wedge_owner is not None and self.member_by_account(self.wedge_owner) is None:
            raise ValueError("wedge_owner must be a member's account, or left out for the supplier")
        if self.member_by_account(self.supplier) is not None:
            raise ValueError("the supplier can not be a member")

    def parties(self) -> tuple[Address, ...]:
        """Return every account that a run may name: members, the supplier, the purse for fees."""
        fees = () if self.contracts.fees is None else (self.contracts.fees,)
        return (*(member.account for member in self.members), self.supplier, *fees)

    def digest(self) -> bytes:
        """Return the SHA-256 of the agreement; the seed of the journal's hash chain."""
        return sha256(self.to_json().encode()).digest()

    def salt_subjects(self) -> tuple[bytes, ...]:
        """Return everybody whose leaves have a salt key of their own: meters, and the accounts that runs may name."""
        meters = [subject for member in self.members for subject in (member.meter, member.account)]
        return tuple(dict.fromkeys((*meters, *self.parties())))

    def member_by_account(self, account: Address) -> Member | None:
        """Return the member that trades under an account."""
        return next((member for member in self.members if member.account == account), None)

    def link_member(self) -> Member | None:
        """Return the member that trades for whoever is beyond the border; None without one."""
        return next((member for member in self.members if member.kind == LINK_KIND), None)

    def to_json(self) -> str:
        """Return the canonical text of the agreement.

        Parameters that came later are left out while they have their default, so that an older text stays as it is.
        """
        plain = asdict(self)
        for name, default in LATER_PARAMETERS.items():
            if plain["market"][name] == default:
                del plain["market"][name]
        if self.wedge_owner is None:
            del plain["wedge_owner"]
        del plain["later"]
        plain["members"] = [each for each in plain["members"] if each["account"] not in self.later]
        plain["contracts"] = self.contracts.named()
        return json.dumps(_plain(plain), indent=1, sort_keys=True) + "\n"

    @classmethod
    def load(cls, path: Path) -> "Community":
        """Read `community.json`.

        Raises:
            Misconfigured: missing, no JSON, or a field is wrong; says which.
        """
        try:
            raw = json.loads(path.read_text())
            return cls(
                **{
                    **raw,
                    "market": MarketConfig(**raw["market"]),
                    "supplier": address_from_hex(raw["supplier"]),
                    "wedge_owner": address_from_hex(raw["wedge_owner"]) if "wedge_owner" in raw else None,
                    "contracts": Contracts(**{name: address_from_hex(at) for name, at in raw["contracts"].items()}),
                    "members": tuple(_member(item) for item in raw["members"]),
                }
            )
        except FileNotFoundError:
            raise Misconfigured(f"{path} is missing: run 'resilia init' first, or name the right folder") from None
        except OSError as error:
            raise Misconfigured(f"{path} can not be read: {error.strerror}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Misconfigured(f"{path} is not a community file: {error}") from error


def check_members(members: Sequence[Member], names: Sequence[str] = IDENTIFYING) -> None:
    """Refuse members that could not be told apart.

    Raises:
        ValueError: two have the same account, meter, serial number or label, or what else is in `names`.
    """
    for name in names:
        seen: set[bytes | str] = set()
        for member in members:
            value: bytes | str = getattr(member, name)
            if value in seen:
                raise ValueError(
                    f"two members have the {name} {hex_text(value) if isinstance(value, bytes) else value}"
                )
            seen.add(value)


def _require_int(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be an integer from {low} to {high}, not {value!r}")


def _member(raw: dict[str, str | int]) -> Member:
    return Member(
        **{  # type: ignore[arg-type]  # a wrong type is caught as Misconfigured by the caller
            **raw,
            "account": address_from_hex(str(raw["account"])),
            "meter": meter_from_hex(str(raw["meter"])),
            "source": Source(int(raw["source"])),
        }
    )


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return hex_text(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
