"""A run moves money when both sides have signed it, once and in sequence; two words under one number cost the bond."""

from collections.abc import Callable
from typing import Any

import pytest

from energy.identity import Digest
from interconnect.records import LinkRun, link_id, record_digest, record_values
from tests.contracts.Gateway.conftest import BOND, CHILD, PARENT, PAYEE, THEIRS, Gate, signatures
from tests.support.community import ATTESTORS, OWNER, STRANGER
from tests.support.evm import reverts

OTHER_DIGEST = Digest(b"x" * 32)


def test_runs_follow_each_other_and_add_up(gate: Gate) -> None:
    gate.post_bond()
    first = gate.run()
    assert gate.settle(first).event("RunSettled")["balanceNeur"] == -30_000
    second = gate.settle(gate.run(2, record_digest(first), net_neur=-10_000, compensation_neur=0))
    assert [event.name for event in second.events] == ["RunSettled"]
    found = gate.neighbour()
    assert (found["lastRun"], found["lastAward"], found["balanceNeur"]) == (2, 192, -20_000)
    assert (gate.money(PAYEE), found["bondNeur"]) == (2_000, BOND - 2_000)


def test_events_alone_rebuild_a_neighbour(gate: Gate) -> None:
    first = gate.run()
    receipts = [
        gate.link(CHILD, is_child=True),
        gate.post_bond(),
        gate.settle(first),
        gate.settle(gate.run(2, record_digest(first))),
        gate.act("close", CHILD, sender=OWNER),
    ]
    told: dict[str, Any] = {"closed": False, "bondNeur": 0}
    for event in (each for receipt in receipts for each in receipt.events if each.address == gate.contract.address):
        assert event.arguments["other"] == CHILD
        match event.name, event.arguments:
            case "Linked", said:
                told |= {name: said[name] for name in ("quorum", "isChild", "payee", "bondOwner")}
                told["price"] = said["certificatePrice"]
            case "RunSettled", said:
                told |= {name: said[name] for name in ("lastAward", "balanceNeur")}
                told |= {"lastRun": said["number"], "runDigest": said["digest"]}
            case "BondPosted", said:
                told["bondNeur"] += said["amount"]
            case "BondPaid", said:
                told["bondNeur"] -= said["amount"]
            case "Closed", said:
                told |= {"closed": True, "bondFreeAt": said["bondFreeAt"]}
    assert told == gate.neighbour()


def test_parent_owes_what_is_above_zero_and_takes_no_bond_here(gate: Gate) -> None:
    gate.post_bond(PARENT)
    gate.settle(gate.run(link=link_id(PARENT, gate.name)))
    found = gate.neighbour(PARENT)
    assert (found["balanceNeur"], found["bondNeur"]) == (30_000, BOND)


@pytest.mark.parametrize("bond", [1, 500])
def test_bond_pays_no_more_than_it_has(gate: Gate, bond: int) -> None:
    gate.post_bond(amount=bond)
    paid = gate.settle(gate.run()).event("BondPaid")
    assert (paid["amount"], paid["due"], gate.money(PAYEE)) == (bond, 2_000, bond)


def test_run_of_one_award_is_a_run(gate: Gate) -> None:
    gate.settle(gate.run(last_award=1))
    assert gate.neighbour()["lastAward"] == 1


def test_run_is_settled_once(gate: Gate) -> None:
    run = gate.run()
    gate.settle(run)
    with reverts("NotTheNextRun", 1, 2):
        gate.settle(run)


@pytest.mark.parametrize(
    "changes",
    [{"number": 2}, {"first_award": 2}, {"last_award": 0}, {"previous_run": OTHER_DIGEST}],
    ids=lambda changes: next(iter(changes)),
)
def test_run_that_is_not_the_next_is_refused(gate: Gate, changes: dict[str, Any]) -> None:
    run = gate.run(**changes)
    with reverts("NotTheNextRun", run.number, 1):
        gate.settle(run)


def test_run_of_a_stranger_is_refused(gate: Gate) -> None:
    stranger = Digest(b"s" * 32)
    with reverts("NotLinked", bytes(32)):
        gate.settle(gate.run(link=link_id(gate.name, stranger)))


def test_one_side_alone_settles_nothing(gate: Gate) -> None:
    run, now = gate.run(), gate.community.evm.timestamp
    with reverts("QuorumNotMet", 1, 2):
        gate.settle(run, theirs=THEIRS[:1])
    with reverts("QuorumNotMet", 1, 2):
        gate.settle(run, own=ATTESTORS[:1])
    with reverts("UnknownSigner", STRANGER.address, now):
        gate.settle(run, theirs=(STRANGER, STRANGER))
    with reverts("SignersNotAscending", THEIRS[0].address, THEIRS[0].address):
        gate.settle(run, theirs=(THEIRS[0], THEIRS[0]))
    with reverts("UnknownSigner", ATTESTORS[0].address, now):
        gate.settle(run, theirs=ATTESTORS[:2])


def test_signatures_hold_for_no_other_run(gate: Gate) -> None:
    signed, forged = gate.run(), gate.run(net_neur=-(10**9))
    with pytest.raises(Exception, match=r"UnknownSigner|SignersNotAscending|ECDSA"):
        gate.act("settle", record_values(forged), signatures(forged, ATTESTORS[:2]), signatures(signed, THEIRS[:2]))
    assert gate.neighbour()["lastRun"] == 0


def test_two_runs_under_one_number_cost_the_bond_and_the_link(gate: Gate) -> None:
    gate.post_bond()
    proven = gate.prove("proveEquivocation", gate.run(), gate.run(net_neur=1))
    assert proven.event("BondPaid")["amount"] == BOND
    assert gate.money(PAYEE) == BOND
    assert gate.neighbour()["closed"]
    with reverts("NotLinked", CHILD):
        gate.settle(gate.run())


def _other_number(gate: Gate) -> LinkRun:
    return gate.run(2)


def _other_link(gate: Gate) -> LinkRun:
    return gate.run(link=link_id(PARENT, gate.name))


@pytest.mark.parametrize(
    "second", [Gate.run, _other_number, _other_link], ids=["the same", "another number", "another link"]
)
def test_what_does_not_contradict_proves_nothing(gate: Gate, second: Callable[[Gate], LinkRun]) -> None:
    other = second(gate)
    with reverts("NoContradiction", record_digest(gate.run()), record_digest(other)):
        gate.prove("proveEquivocation", gate.run(), other)


def test_contradiction_is_proven_by_a_quorum_only(gate: Gate) -> None:
    with reverts("QuorumNotMet", 1, 2):
        gate.prove("proveEquivocation", gate.run(), gate.run(net_neur=1), THEIRS[:1])
