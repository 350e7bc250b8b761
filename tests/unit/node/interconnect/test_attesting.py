"""A community's attestors before others: a quorum, by ascending signer, and never two contents of a number."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from energy.errors import Corrupt, Unavailable
from energy.identity import Address, Digest
from energy.results import Accepted, Rejected
from interconnect.records import LinkRun, record_digest
from interconnect.terms import Attestors
from node.clock import SimulatedClock
from node.coop.decided import NO_END, Decided, Role, TooFewKeys
from node.interconnect.coupling import LinkAttestors
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.link_words import LinkWord
from oracles.signatures import address_of, recover
from oracles.signers import KeySigner
from oracles.typed_data import Domain, community_domain
from tests.support.evidence import ORACLE_KEYS

DOMAIN = community_domain(7, Address(b"\xa2" * 20))
LINK = Digest(b"\x17" * 32)
FIRST = LinkRun(LINK, 1, 1, 4, 500, 0, 0, 5, 0, 0, Digest(b"\x01" * 32), Digest(bytes(32)))


@pytest.fixture
def guards(tmp_path: Path) -> Iterator[list[GuardedSigner]]:
    with ExitStack() as opened:
        found = []
        for key in ORACLE_KEYS:
            store = GuardStore(tmp_path / f"{address_of(key).hex()}.signed", address_of(key))
            opened.callback(store.close)
            found.append(GuardedSigner(KeySigner(key), store))
        yield found


def link_attestors(
    guards: list[GuardedSigner], decided: int = 2, asked: int = 2, retired: int = 0, known: int = 3
) -> LinkAttestors:
    """Let some keys sign: the members want so many, neighbours ask for so many of those they know, the first ones."""
    keys = sorted(guard.address for guard in guards)
    rules = Decided({Role.ATTESTOR: decided}, {(Role.ATTESTOR, key): (0, NO_END) for key in keys[retired:]})
    return LinkAttestors(guards, DOMAIN, rules, Attestors(tuple(keys[:known]), asked), SimulatedClock(1))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"decided": 3}, [0, 1, 2]),
        ({"decided": 1}, [0, 1]),
        ({"decided": 1, "asked": 1}, [0]),
        ({"retired": 1}, [1, 2]),
        ({"known": 2}, [0, 1]),
    ],
)
def test_members_and_neighbours_have_as_many_as_they_ask_for(
    guards: list[GuardedSigner], changed: dict[str, int], expected: list[int]
) -> None:
    keys = sorted(guard.address for guard in guards)
    signatures = link_attestors(guards, **changed).attest(FIRST)
    assert [recover(record_digest(FIRST), each) for each in signatures] == [keys[number] for number in expected]


def test_too_few_keys_that_may_sign_and_are_known_sign_nothing(guards: list[GuardedSigner]) -> None:
    for changed in ({"retired": 2}, {"retired": 1, "known": 2}):
        with pytest.raises(TooFewKeys):
            link_attestors(guards, **changed).attest(FIRST)


def test_a_quorum_signs_by_ascending_signer(guards: list[GuardedSigner]) -> None:
    signatures = link_attestors(guards).attest(FIRST)
    signers = [recover(record_digest(FIRST), each) for each in signatures]
    assert signers == sorted(address_of(key) for key in ORACLE_KEYS)[:2]
    assert link_attestors(guards).attest(FIRST) == signatures


def test_another_run_of_the_number_is_never_signed(guards: list[GuardedSigner]) -> None:
    attestors = link_attestors(guards)
    attestors.attest(FIRST)
    with pytest.raises(Corrupt, match="signed something else"):
        attestors.attest(replace(FIRST, net_neur=6))
    assert len(attestors.attest(replace(FIRST, number=2, net_neur=6))) == 2


class Away(GuardedSigner):
    """A key that can not be reached."""

    def sign_link(self, domain: Domain, word: LinkWord) -> Accepted[bytes] | Rejected:
        raise Unavailable("no line")


def test_a_key_that_is_away_holds_nobody_up_while_there_is_a_quorum(guards: list[GuardedSigner]) -> None:
    ordered = sorted(guards, key=lambda each: each.address)
    ordered[0].__class__ = Away
    assert len(link_attestors(ordered).attest(FIRST)) == 2
    ordered[1].__class__ = Away
    with pytest.raises(Unavailable, match="too few attestors"):
        link_attestors(ordered).attest(replace(FIRST, number=3))
