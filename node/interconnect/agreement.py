"""What two communities hand each other to be linked: a card that says who one is, and the terms in answer to it.

A child's operator gives its card to the parent's; the parent's node answers with terms for this one child; the child
adds them. Both sides then hold the same terms, byte for byte. Kept in ``links/`` of the node's folder: the own card as
``own.json``, then ``parent.json`` and ``child-NAME.json``.
Units: µ€/kWh, n€, Wh for an interval. Refuses: files that are none of these, with Misconfigured.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from energy import strict_json
from energy.errors import Misconfigured
from energy.identity import Address, Digest, address_from_hex, digest_from_hex, hex_text
from interconnect.terms import Attestors, LinkTerms
from node.i18n import gettext as _
from node.storage.durable import write_whole

CARD: Final = "resilia/link-card/1"
TERMS: Final = "resilia/link-terms/1"
NAME: Final = re.compile("[a-z][a-z0-9-]{0,30}")
"""A community's name among its neighbours; it is part of the streams' names."""


@dataclass(frozen=True, slots=True)
class Card:
    """Who a community is to its neighbours."""

    name: str
    community: Digest
    key: Address
    """Account of the link: signs leases, offers, awards and decisions, and trades in the own book."""
    attestors: Attestors
    interval_length_s: int
    tick_ueur_per_kwh: int

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"a community's name has 1 to 31 of a-z, 0-9 and -, and begins with a letter: {self.name!r}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the card as JSON values."""
        return {
            "name": self.name,
            "community": hex_text(self.community),
            "key": hex_text(self.key),
            "attestors": [hex_text(each) for each in self.attestors.keys],
            "quorum": self.attestors.quorum,
            "intervalLengthS": self.interval_length_s,
            "tick": self.tick_ueur_per_kwh,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Card":
        """Return the card in JSON values.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        attestors = Attestors(tuple(address_from_hex(each) for each in raw["attestors"]), raw["quorum"])
        numbers = _integers(raw, "intervalLengthS", "tick")
        return cls(raw["name"], digest_from_hex(raw["community"]), address_from_hex(raw["key"]), attestors, *numbers)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the parent decides about one link."""

    fee_ueur_per_kwh: int
    void_ueur_per_kwh: int
    bond_neur: int
    capacity_wh: int
    """Most that may cross in an interval, either way."""
    host: str
    """Where the parent's NATS server takes the child's."""
    port: int
    password: str
    """Of the child's server there."""
    run_awards: int = 96
    """So many awards make a run: a day's, at four an hour."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One link, as both sides have it."""

    parent: Card
    child: Card
    conditions: Conditions

    def __post_init__(self) -> None:
        for name in ("interval_length_s", "tick_ueur_per_kwh"):
            above, below = getattr(self.parent, name), getattr(self.child, name)
            if above != below:
                told = _("{name} is {above} at the parent and {below} at the child; it has to be the same")
                raise ValueError(told.format(name=name, above=above, below=below))
        if self.parent.name == self.child.name or self.parent.community == self.child.community:
            raise ValueError(_("a community can not be its own neighbour, and two need different names"))
        if self.conditions.bond_neur < 0 or self.conditions.capacity_wh < 1:
            raise ValueError("the bond is at least 0, and the capacity at least 1 Wh")
        self.terms()

    def terms(self) -> LinkTerms:
        """Return the terms as the protocol has them."""
        return LinkTerms(
            self.parent.community,
            self.child.community,
            self.parent.key,
            self.child.key,
            self.parent.attestors,
            self.child.attestors,
            self.conditions.fee_ueur_per_kwh,
            self.conditions.void_ueur_per_kwh,
            self.parent.tick_ueur_per_kwh,
            self.conditions.run_awards,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the agreement as JSON values."""
        each = self.conditions
        return {
            "parent": self.parent.to_json(),
            "child": self.child.to_json(),
            "fee": each.fee_ueur_per_kwh,
            "void": each.void_ueur_per_kwh,
            "bondNeur": each.bond_neur,
            "capacityWh": each.capacity_wh,
            "host": each.host,
            "port": each.port,
            "password": each.password,
            "runAwards": each.run_awards,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Agreement":
        """Return the agreement in JSON values.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        fee, void, bond, capacity, port, awards = _integers(
            raw, "fee", "void", "bondNeur", "capacityWh", "port", "runAwards"
        )
        conditions = Conditions(fee, void, bond, capacity, str(raw["host"]), port, str(raw["password"]), awards)
        return cls(Card.from_json(raw["parent"]), Card.from_json(raw["child"]), conditions)


def read_document(path: Path) -> Card | Agreement:
    """Return the card or the terms in a file.

    Raises:
        Misconfigured: it can not be read, or is neither; says which field.
    """
    try:
        raw = strict_json.loads(path.read_bytes())
        match raw["schema"]:
            case "resilia/link-card/1":
                return Card.from_json(raw)
            case "resilia/link-terms/1":
                return Agreement.from_json(raw)
            case other:
                raise ValueError(f"its schema is {other!r}, not {CARD} or {TERMS}")
    except OSError as error:
        raise Misconfigured(_("{path} can not be read: {why}").format(path=path, why=error.strerror)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        told = _("{path} is neither a link's card nor its terms: {why}")
        raise Misconfigured(told.format(path=path, why=error)) from None


def write_document(path: Path, document: Card | Agreement) -> None:
    """Put a card or terms on disk; terms hold a password, so the file is the owner's alone."""
    schema = CARD if isinstance(document, Card) else TERMS
    path.touch(mode=0o600, exist_ok=True)
    write_whole(path, json.dumps({"schema": schema, **document.to_json()}, indent=1) + "\n")
    path.chmod(0o600)


def _integers(raw: Mapping[str, Any], *names: str) -> tuple[int, ...]:
    for name in names:
        if type(raw[name]) is not int:
            raise ValueError(f"{name} is an integer, not {raw[name]!r}")
    return tuple(raw[name] for name in names)
