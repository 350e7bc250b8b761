"""Who is a neighbour, by which keys, and what becomes of its bond."""

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from energy.identity import Digest, address_from_hex
from interconnect.records import (
    EXPORT,
    LINK_RUN,
    LinkRecord,
    community_id,
    nullifier,
    record_digest,
    record_values,
)
from oracles.struct_types import StructType
from tests.contracts.Gateway.conftest import BOND, CHILD, PARENT, PAYEE, THEIRS, Gate
from tests.support.community import OWNER, STRANGER
from tests.support.evm import reverts

DAY = 86_400
NOBODY = Digest(b"n" * 32)


def _by_eth_account(struct: StructType, record: LinkRecord) -> bytes:
    """Return what is signed for a record, by another implementation of EIP-712."""
    signable = encode_typed_data(
        {"name": "RESILIA-LINK", "version": "1"},
        {struct.name: [{"name": name, "type": kind} for kind, name in struct.fields]},
        dict(zip((name for _, name in struct.fields), record_values(record), strict=True)),
    )
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def test_names_and_digests_are_those_of_the_protocol(gate: Gate) -> None:
    settlement = address_from_hex(gate.community.settlement.address)
    assert gate.name == community_id(gate.community.evm.chain_id, settlement)
    run, export = gate.run(), gate.export()
    assert gate.contract.call("hashRun", record_values(run)) == record_digest(run) == _by_eth_account(LINK_RUN, run)
    assert (
        gate.contract.call("hashExport", record_values(export))
        == record_digest(export)
        == _by_eth_account(EXPORT, export)
    )
    assert gate.nullifier(export) == nullifier(export)


def test_gate_says_whose_it_is(gate: Gate) -> None:
    community = gate.community
    for view, contract in (
        ("settlement", community.settlement),
        ("registry", community.registry),
        ("certificates", community.certificates),
    ):
        assert gate.contract.call(view) == contract.address


def test_only_the_community_links_and_closes(gate: Gate) -> None:
    with reverts("NotTheCommunity", STRANGER.address, OWNER):
        gate.link(NOBODY, is_child=True, sender=STRANGER.address)
    with reverts("NotTheCommunity", STRANGER.address, OWNER):
        gate.act("close", CHILD, sender=STRANGER.address)


@pytest.mark.parametrize("quorum", [0, 4])
def test_quorum_is_one_that_the_attestors_can_reach(gate: Gate, quorum: int) -> None:
    with reverts("BadAttestors", quorum, 3):
        gate.link(NOBODY, is_child=True, quorum=quorum)


def test_attestors_ascend(gate: Gate) -> None:
    theirs = [each.address for each in THEIRS]
    for named in ([*reversed(theirs)], [theirs[0], theirs[0], theirs[1]]):
        with reverts("BadAttestors", 2, 3):
            gate.act("link", NOBODY, True, named, 2, PAYEE, OWNER, 0, sender=OWNER)


def test_new_attestors_take_the_place_of_the_old(gate: Gate) -> None:
    gate.act("link", CHILD, True, [STRANGER.address], 1, PAYEE, OWNER, 0, sender=OWNER)
    run = gate.run()
    with reverts("UnknownSigner", THEIRS[0].address, gate.community.evm.timestamp):
        gate.settle(run, theirs=THEIRS[:1])
    gate.settle(run, theirs=(STRANGER,))


def test_neighbour_stays_on_its_side_and_a_closed_link_stays_closed(gate: Gate) -> None:
    with reverts("OtherSide", CHILD):
        gate.link(CHILD, is_child=False)
    gate.act("close", CHILD, sender=OWNER)
    with reverts("OtherSide", CHILD):
        gate.link(CHILD, is_child=True)
    with reverts("NotLinked", CHILD):
        gate.settle(gate.run())
    with reverts("NotLinked", CHILD):
        gate.act("close", CHILD, sender=OWNER)


def test_bond_comes_back_to_whoever_posted_it_a_month_after_the_end(gate: Gate) -> None:
    gate.post_bond()
    with reverts("NotTheBondOwner", STRANGER.address, OWNER):
        gate.act("withdrawBond", CHILD, sender=STRANGER.address)
    with reverts("BondBound", 0):
        gate.act("withdrawBond", CHILD, sender=OWNER)
    gate.act("close", CHILD, sender=OWNER)
    free_at = gate.community.evm.timestamp + 30 * DAY
    with reverts("BondBound", free_at):
        gate.act("withdrawBond", CHILD, sender=OWNER)
    gate.community.evm.timestamp = free_at
    gate.act("withdrawBond", CHILD, sender=OWNER)
    assert (gate.money(OWNER), gate.neighbour()["bondNeur"]) == (BOND, 0)


def test_nobody_else_posts_a_bond_and_so_owns_what_others_add(gate: Gate) -> None:
    gate.community.give(STRANGER.address, 1, spender=gate.contract)
    with reverts("NotTheBondOwner", STRANGER.address, OWNER):
        gate.act("postBond", CHILD, 1, sender=STRANGER.address)


def test_a_bond_keeps_its_owner(gate: Gate) -> None:
    gate.link(CHILD, is_child=True, bond_owner=STRANGER.address)
    gate.link(CHILD, is_child=True)
    gate.post_bond()
    with reverts("BondBound", 0):
        gate.link(CHILD, is_child=True, bond_owner=STRANGER.address)
    gate.link(CHILD, is_child=True)
    assert (gate.neighbour()["bondNeur"], gate.neighbour()["bondOwner"]) == (BOND, OWNER.lower())


def test_bond_is_for_neighbours_only(gate: Gate) -> None:
    with reverts("NotLinked", NOBODY):
        gate.post_bond(NOBODY)
    assert gate.neighbour(PARENT)["bondNeur"] == 0
