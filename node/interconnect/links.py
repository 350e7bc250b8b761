"""The folder ``links/`` of a node: who it is to its neighbours, whom it is linked to, and its NATS server's files.

``own.json`` is the own card, ``parent.json`` and ``child-NAME.json`` are terms, ``origin-NAME.json`` is the card of a
community whose certificates are taken in although it is no neighbour, ``nats.seed`` opens the own server,
``nats.conf`` is that server's configuration, written anew whenever a neighbour is added, ``registers.csv`` is what the
link's account has taken and given, as a meter would show it.
Refuses: a second parent, a neighbour of another name that is there, a card where terms are wanted: Misconfigured.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import nkeys

from energy.errors import Misconfigured
from energy.identity import Digest
from interconnect.child import ChildSide
from interconnect.ledger import LinkLedger
from interconnect.origin import Exports, Imports
from interconnect.parent import ParentSide, Zone
from interconnect.station import LinkSigners, Station, Timing
from interconnect.terms import Attestors
from node.i18n import gettext as _
from node.interconnect.agreement import Agreement, Card, Conditions, read_document, write_document
from node.interconnect.server_files import ChildAccess, ParentAccess, Tls, server_configuration
from node.storage.durable import write_whole

FOLDER: Final = "links"
REGISTERS: Final = "links/registers.csv"
"""Source of the link's meter, relative to the node's folder."""
PASSWORD_BYTES: Final = 24
BOND: Final = "bondNeur"
"""Stands in the card of a trusted community, added by whoever trusts it."""
HOST_PORT: Final = re.compile(r"([^\s:/]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})")
TLS_FILES: Final = ("link.crt", "link.key", "authority.crt")
"""When all three are in the folder, the servers speak TLS to each other."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the own NATS server listens."""

    node: str = "127.0.0.1:4222"
    """For the node alone."""
    hub: str = "0.0.0.0:7422"
    """For the children's servers."""


@dataclass(frozen=True, slots=True)
class Links:
    """What is in the folder."""

    folder: Path
    own: Card
    parent: Agreement | None
    children: tuple[Agreement, ...]
    trusted: tuple[Card, ...] = ()
    """Communities that are no neighbours, and whose certificates are believed."""
    bonds: Mapping[Digest, int] = field(default_factory=dict)
    """What trusted communities have paid in here, n€: it pays for what they sell twice."""

    @classmethod
    def create(cls, folder: Path, own: Card) -> "Links":
        """Begin with nobody.

        Args:
            folder: The node's.
            own: Who it is.
        """
        place = folder / FOLDER
        place.mkdir(mode=0o700)
        seed = place / "nats.seed"
        seed.touch(mode=0o600)
        write_whole(seed, bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)).decode() + "\n")
        seed.chmod(0o600)
        write_document(place / "own.json", own)
        return cls(place, own, None, ())

    @classmethod
    def load(cls, folder: Path) -> "Links":
        """Read the folder of a node.

        Raises:
            Misconfigured: the community was founded without a link, or a file is not as it should be.
        """
        place = folder / FOLDER
        if not (place / "own.json").exists():
            raise Misconfigured(
                _(
                    "{folder} holds no community with an account for links: name the right one with --dir, or found "
                    "it with --link NAME"
                ).format(folder=folder)
            )
        own = _card(place / "own.json")
        parent = _agreement(place / "parent.json") if (place / "parent.json").exists() else None
        children = tuple(_agreement(path) for path in sorted(place.glob("child-*.json")))
        origins = sorted(place.glob("origin-*.json"))
        trusted = tuple(_card(path) for path in origins)
        bonds = {card.community: _bond_neur(path) for card, path in zip(trusted, origins, strict=True)}
        return cls(place, own, parent, children, trusted, bonds)

    @property
    def seed(self) -> str:
        """The nkey seed by which the node speaks to its server."""
        return (self.folder / "nats.seed").read_text().strip()

    @property
    def neighbours(self) -> dict[str, Digest]:
        """Communities by name."""
        above = [self.parent.parent] if self.parent else []
        return {each.name: each.community for each in (*above, *(child.child for child in self.children))}

    @property
    def known(self) -> dict[Digest, str]:
        """Names of all communities whose certificates are taken in, by community."""
        return {card.community: card.name for card in (*self._neighbours, *self.trusted)}

    @property
    def _neighbours(self) -> tuple[Card, ...]:
        above = (self.parent.parent,) if self.parent is not None else ()
        return (*above, *(each.child for each in self.children))

    @property
    def origins(self) -> dict[Digest, Attestors]:
        """Attestors of all communities whose exports are believed, the own one's among them."""
        return {card.community: card.attestors for card in (self.own, *self.trusted, *self._neighbours)}

    def certificate_price(self, origin: Digest) -> int:
        """Return what an origin's bond pays for each kWh of a certificate that has to be given up, µ€."""
        below = {each.child.community: each.conditions.void_ueur_per_kwh for each in self.children}
        return below.get(origin, self.parent.conditions.void_ueur_per_kwh if self.parent else 0)

    def bond_neur(self, other: Digest) -> int:
        """Return what a child, or a community that is trusted, has paid in here."""
        below = {each.child.community: each.conditions.bond_neur for each in self.children}
        return below.get(other, self.bonds.get(other, 0))

    def trust(self, card: Card, bond_neur: int = 0) -> None:
        """Believe the certificates of a community that is no neighbour; known already, what it has paid in may change.

        Args:
            card: Its card.
            bond_neur: What its operator has paid in here, n€.

        Raises:
            Misconfigured: it is this one, a neighbour, another community of that name is known, or the card names
                other attestors than the contract and the journal know it by.
        """
        if card.community == self.own.community or card.community in {each.community for each in self._neighbours}:
            told = _("{name} is this community or a neighbour: only others are trusted by card")
            raise Misconfigured(told.format(name=card.name))
        if any(name == card.name and community != card.community for community, name in self.known.items()):
            raise Misconfigured(_("another community is known under the name {name}").format(name=card.name))
        known = next((each for each in self.trusted if each.community == card.community), None)
        if known is not None and (known.name, known.attestors) != (card.name, card.attestors):
            told = _("{name} is trusted by another card: its attestors' words are in the journal and on the contract")
            raise Misconfigured(told.format(name=known.name))
        path = self.folder / f"origin-{card.name}.json"
        write_document(path, card)
        if bond_neur:
            write_whole(path, json.dumps(json.loads(path.read_text()) | {BOND: bond_neur}, indent=1) + "\n")

    def add_child(
        self, card: Card, fee: int, void: int, bond_neur: int, capacity_wh: int, host: str, run_awards: int = 96
    ) -> Agreement:
        """Agree with a child on terms; who is a child already gets new ones of the same password.

        Raises:
            Misconfigured: the child does not fit.
        """
        known = next((each for each in self.children if each.child.name == card.name), None)
        if known is not None and known.child != card:
            raise Misconfigured(_("another community is linked under the name {name}").format(name=card.name))
        password = known.conditions.password if known else secrets.token_urlsafe(PASSWORD_BYTES)
        address = HOST_PORT.fullmatch(host)
        if address is None:
            raise Misconfigured(_("--hub is a host and a port, such as 10.0.0.1:7422, not {host}").format(host=host))
        try:
            conditions = Conditions(
                fee, void, bond_neur, capacity_wh, address[1], int(address[2]), password, run_awards
            )
            agreed = Agreement(self.own, card, conditions)
        except ValueError as error:
            raise Misconfigured(_("{name} can not be linked: {reason}").format(name=card.name, reason=error)) from None
        write_document(self.folder / f"child-{card.name}.json", agreed)
        return agreed

    def add_parent(self, agreed: Agreement) -> None:
        """Take the terms of a parent.

        Raises:
            Misconfigured: they are not for this community, or there is another parent.
        """
        if agreed.child != self.own:
            told = _("the terms are for {name}, not for this community's card: send the parent the present one")
            raise Misconfigured(told.format(name=agreed.child.name))
        if self.parent is not None and self.parent.parent.community != agreed.parent.community:
            told = _("{name} is the parent already: a zone has one")
            raise Misconfigured(told.format(name=self.parent.parent.name))
        write_document(self.folder / "parent.json", agreed)

    def write_server(self, listening: Listening) -> Path:
        """Write the own server's configuration for the neighbours that are there, and return where it is."""
        text = server_configuration(
            self.own.name,
            self.folder / "streams",
            nkeys.from_seed(bytearray(self.seed.encode())).public_key.decode(),
            listening.node,
            hub_listen=listening.hub if self.children else "",
            children=tuple(ChildAccess(each.child.name, each.conditions.password) for each in self.children),
            parent=self._parent_access(),
            tls=self._tls(),
        )
        path = self.folder / "nats.conf"
        path.touch(mode=0o600)
        write_whole(path, text)
        path.chmod(0o600)
        return path

    def timing(self, gate_lead_s: int, offer_lead_s: int | None, close_lead_s: int | None) -> Timing:
        """Return when this zone acts: by its place between parent and children, unless told otherwise.

        A zone above hears all offers before it closes, and closes before the zones below do; all before the gate.
        """
        if self.children:
            offer, close = (240, 60) if self.parent else (240, 120)
        else:
            offer, close = 300, 15
        try:
            return Timing(offer_lead_s or gate_lead_s + offer, close_lead_s or gate_lead_s + close)
        except ValueError as error:
            raise Misconfigured(f"link_offer_lead_s and link_close_lead_s: {error}") from None

    def station(self, timing: Timing, signers: LinkSigners) -> Station:
        """Return a fresh station between these neighbours."""
        own = self.own.community
        sides = {
            each.child.community: ParentSide(terms, LinkLedger(terms, each.conditions.bond_neur))
            for each in self.children
            for terms in [each.terms()]
        }
        uplink = None
        if self.parent is not None:
            terms = self.parent.terms()
            uplink = ChildSide(terms, LinkLedger(terms, self.parent.conditions.bond_neur))
        zone = Zone(own, self.own.tick_ueur_per_kwh, sides)
        imports = Imports(own, self.origins, {origin: self.certificate_price(origin) for origin in self.origins})
        return Station(own, zone, timing, signers, Exports(own), imports, uplink)

    def _parent_access(self) -> ParentAccess | None:
        if self.parent is None:
            return None
        each = self.parent.conditions
        return ParentAccess(self.parent.parent.name, each.host, each.port, each.password)

    def _tls(self) -> Tls | None:
        certificate, key, authority = (self.folder / name for name in TLS_FILES)
        return Tls(certificate, key, authority) if certificate.exists() and key.exists() else None


def _card(path: Path) -> Card:
    found = read_document(path)
    if not isinstance(found, Card):
        raise Misconfigured(f"{path} holds terms, not a card")
    return found


def _bond_neur(path: Path) -> int:
    found = json.loads(path.read_text()).get(BOND, 0)
    if type(found) is not int or found < 0:
        raise Misconfigured(f"{path}: {BOND} is an amount in n€, not {found!r}")
    return int(found)


def _agreement(path: Path) -> Agreement:
    found = read_document(path)
    if not isinstance(found, Agreement):
        raise Misconfigured(f"{path} holds a card, not terms")
    return found
