"""A gateway with a neighbour below and one above, their keys, and one-line ways to sign what they say."""

from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from energy.identity import ZERO_DIGEST, Address, Digest, MeterId
from interconnect.records import Export, LinkRecord, LinkRun, link_id, record_digest, record_values
from tests.support.community import ATTESTORS, FIRST_INTERVAL, MEMBERS, OWNER, QUORUM, Community, Key, keys
from tests.support.evm import Contract, Receipt

CHILD, PARENT = Digest(b"c" * 32), Digest(b"p" * 32)
THEIRS: Final = keys("their attestor", 3)
PAYEE: Final = MEMBERS[0].address
HOLDER: Final = MEMBERS[1].address
BOND: Final = 1_000_000
PRICE: Final = 100


@dataclass(frozen=True, slots=True)
class Gate:
    """The contract, and both sides' signatures."""

    community: Community
    contract: Contract

    @property
    def name(self) -> Digest:
        return Digest(self.contract.call("community"))

    def act(self, function: str, *arguments: Any, sender: str = PAYEE) -> Receipt:
        return self.contract.transact(function, *arguments, sender=sender)

    def link(
        self, other: Digest, *, is_child: bool, quorum: int = QUORUM, bond_owner: str = OWNER, sender: str = OWNER
    ) -> Receipt:
        theirs = [each.address for each in THEIRS]
        return self.act("link", other, is_child, theirs, quorum, PAYEE, bond_owner, PRICE, sender=sender)

    def post_bond(self, other: Digest = CHILD, amount: int = BOND) -> Receipt:
        self.community.give(OWNER, amount, spender=self.contract)
        return self.act("postBond", other, amount, sender=OWNER)

    def run(self, number: int = 1, previous: Digest = ZERO_DIGEST, **changes: Any) -> LinkRun:
        first = 96 * (number - 1) + 1
        run = LinkRun(
            link_id(self.name, CHILD), number, first, first + 95, 400, 100, 50, 30_000, 5_000, 2_000, Digest(b"h" * 32),
            previous,
        )  # fmt: skip
        return replace(run, **changes)

    def settle(
        self, run: LinkRun, own: tuple[Key, ...] = ATTESTORS[:2], theirs: tuple[Key, ...] = THEIRS[:2]
    ) -> Receipt:
        return self.act("settle", record_values(run), signatures(run, own), signatures(run, theirs))

    def export(self, number: int = 1, **changes: Any) -> Export:
        export = Export(
            CHILD, number, self.name, Address(bytes.fromhex(HOLDER[2:])), MeterId(b"d" * 32), FIRST_INTERVAL, 0, 100,
            1, 30, ZERO_DIGEST,
        )  # fmt: skip
        return replace(export, **changes)

    def import_(self, export: Export, theirs: tuple[Key, ...] = THEIRS[:2]) -> Receipt:
        return self.act("importCertificate", record_values(export), signatures(export, theirs))

    def prove(
        self, function: str, first: LinkRecord, second: LinkRecord, theirs: tuple[Key, ...] = THEIRS[:2]
    ) -> Receipt:
        both = [part for each in (first, second) for part in (record_values(each), signatures(each, theirs))]
        return self.act(function, *both)

    def neighbour(self, other: Digest = CHILD) -> dict[str, Any]:
        names = (
            "quorum isChild closed lastRun lastAward bondFreeAt runDigest balanceNeur bondNeur bondOwner payee price"
        )
        return dict(zip(names.split(), self.contract.call("neighbourOf", other), strict=True))

    def nullifier(self, export: Export) -> bytes:
        found: bytes = self.contract.call("nullifierOf", record_values(export))
        return found

    def money(self, account: str) -> int:
        found: int = self.community.token.call("balanceOf", account)
        return found


def signatures(record: LinkRecord, signers: tuple[Key, ...]) -> list[bytes]:
    """Return what keys sign for a record."""
    return [each.sign(record_digest(record)) for each in signers]


@pytest.fixture
def gate(community: Community) -> Gate:
    gate = Gate(community, community.evm.deploy("Gateway", community.settlement, community.certificates))
    gate.link(CHILD, is_child=True)
    gate.link(PARENT, is_child=False)
    return gate
