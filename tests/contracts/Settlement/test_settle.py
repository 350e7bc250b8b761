from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.support import typed_data_vectors as typed_data
from tests.support.community import (
    ATTESTORS,
    FIRST_INTERVAL,
    INTERVAL_LENGTH,
    MEMBERS,
    ORACLES,
    OWNER,
    STRANGER,
    SUPPLIER,
    Community,
    Key,
    Net,
    found_community,
)
from tests.support.evm import Reverted, reverts

FIRST, SECOND, THIRD = (member.address for member in MEMBERS)
ZERO = "0x" + "00" * 20


@pytest.fixture
def attested(community: Community) -> Community:
    """Three members with 1000 n€ each, and four attested intervals."""
    for member in MEMBERS:
        community.deposit(member.address, 1_000)
    for step in range(4):
        community.attest(step, import_wh=100 + step, export_wh=40 + step)
    return community


def balances(community: Community) -> list[int]:
    return [community.settlement.call("balanceOf", member.address) for member in MEMBERS]


# -- WHAT A RUN DOES


def test_run_moves_its_nets(attested: Community) -> None:
    attested.settle(attested.next_run(nets=(nets := [(FIRST, -300), (SECOND, 100), (THIRD, 200)])), nets)
    assert balances(attested) == [700, 1_100, 1_200]
    assert attested.settlement.call("totalHeld") == 3_000


def test_run_is_recorded_and_announced(attested: Community) -> None:
    nets = [(FIRST, -300), (SECOND, 300)]
    run = attested.next_run(2, nets=nets, tradedWh=60, certifiedWh=50)
    _, run_hash = typed_data.digest(attested.domain(attested.settlement), "Run", run)
    receipt = attested.settle(run, nets)
    short = {"runId", "firstInterval", "lastInterval", "tradesRoot", "certificatesRoot", "tradedWh", "certifiedWh"}
    assert receipt.event("RunSettled") == {name: run[name] for name in short} | {"runHash": run_hash}
    published = {"runId": 1, "run": tuple(run.values()), "nets": typed_data.pack_nets(nets)}
    assert receipt.event("RunPublished") == published
    assert attested.settlement.call("lastRun") == (1, run_hash, run["lastInterval"])
    roots = (run[f"{name}Root"] for name in ("certificates", "trades", "entries", "orders"))
    expected = (run_hash, *roots, 50, FIRST_INTERVAL, FIRST_INTERVAL + INTERVAL_LENGTH)
    assert attested.settlement.call("runAt", 1) == expected


def test_runs_follow_each_other(attested: Community) -> None:
    attested.settle(attested.next_run(2))
    attested.settle(attested.next_run(1))
    attested.settle(attested.next_run(1))
    assert attested.settlement.call("lastRun")[0] == 3
    assert attested.settlement.call("lastRun")[2] == FIRST_INTERVAL + 3 * INTERVAL_LENGTH
    assert attested.settlement.call("runAt", 2)[-2:] == (FIRST_INTERVAL + 2 * INTERVAL_LENGTH,) * 2


def test_supplier_takes_part_without_being_a_member(attested: Community) -> None:
    nets = sorted([(FIRST, -300), (SUPPLIER, 300)])
    attested.settle(attested.next_run(nets=nets), nets)
    assert attested.settlement.call("balanceOf", SUPPLIER) == 300


def test_more_signatures_than_the_quorum_are_welcome(attested: Community) -> None:
    run = attested.next_run()
    attested.settlement.transact("settle", run, b"", attested.sign_run(run, ATTESTORS))
    assert attested.settlement.call("lastRun")[0] == 1


def test_no_run_is_known_before_the_first(community: Community) -> None:
    assert community.settlement.call("lastRun") == (0, bytes(32), 0)


@pytest.mark.parametrize("run_id", [0, 2])
def test_unknown_run_is_not_found(attested: Community, run_id: int) -> None:
    attested.settle(attested.next_run())
    with reverts("UnknownRun", run_id):
        attested.settlement.call("runAt", run_id)


# -- ITS PLACE IN THE CHAIN OF RUNS (S3)


@pytest.mark.parametrize("run_id", [0, 1, 3])
def test_run_id_counts_without_gap_or_repeat(attested: Community, run_id: int) -> None:
    attested.settle(attested.next_run())
    with reverts("UnexpectedRun", run_id, 2):
        attested.settle(attested.next_run(runId=run_id))


def test_settled_run_is_not_settled_again(attested: Community) -> None:
    nets = [(FIRST, -300), (SECOND, 300)]
    run = attested.next_run(nets=nets)
    attested.settle(run, nets)
    with reverts("UnexpectedRun", 1, 2):
        attested.settle(run, nets)


def test_run_builds_on_the_last_one(attested: Community) -> None:
    with reverts("PreviousRunMismatch", b"x" * 32, bytes(32)):
        attested.settle(attested.next_run(previousRun=b"x" * 32))
    attested.settle(attested.next_run())
    run_hash = attested.settlement.call("lastRun")[1]
    with reverts("PreviousRunMismatch", bytes(32), run_hash):
        attested.settle(attested.next_run(previousRun=bytes(32)))


@pytest.mark.parametrize("step", [-1, 1])
def test_first_run_starts_at_the_first_attested_interval(attested: Community, step: int) -> None:
    first = FIRST_INTERVAL + step * INTERVAL_LENGTH
    with reverts("FirstIntervalMismatch", first, FIRST_INTERVAL):
        attested.settle(attested.next_run(2, firstInterval=first))


@pytest.mark.parametrize("step", [-1, 1])
def test_next_run_starts_where_the_last_one_ended(attested: Community, step: int) -> None:
    attested.settle(attested.next_run(2))
    expected = FIRST_INTERVAL + 2 * INTERVAL_LENGTH
    with reverts("FirstIntervalMismatch", expected + step * INTERVAL_LENGTH, expected):
        attested.settle(attested.next_run(2, firstInterval=expected + step * INTERVAL_LENGTH))


def test_run_does_not_end_before_it_starts(attested: Community) -> None:
    attested.settle(attested.next_run(2))
    first, last = FIRST_INTERVAL + 2 * INTERVAL_LENGTH, FIRST_INTERVAL + INTERVAL_LENGTH
    history = attested.readings.call("historyAt", last)
    with reverts("IntervalsReversed", first, last):
        attested.settle(attested.next_run(lastInterval=last, readingsHash=history, importWh=0, exportWh=0))


# -- WHAT THE ORACLES ATTESTED (S4, C1)


@pytest.mark.parametrize("last", [FIRST_INTERVAL + 1, FIRST_INTERVAL + 4 * INTERVAL_LENGTH])
def test_run_ends_with_an_attested_interval(attested: Community, last: int) -> None:
    with reverts("NotAttested", last):
        attested.settle(attested.next_run(lastInterval=last))


def test_nothing_is_settled_before_the_first_attestation(community: Community) -> None:
    community.attest(0)
    run = community.next_run()
    bare = found_community()
    with reverts("FirstIntervalMismatch", FIRST_INTERVAL, 0):
        bare.settle(run)
    with reverts("NotAttested", 0):
        bare.settle(run | {"firstInterval": 0, "lastInterval": 0})


def test_run_is_computed_from_the_attested_readings(attested: Community) -> None:
    history = attested.readings.call("historyAt", FIRST_INTERVAL)
    earlier = attested.next_run(2)["readingsHash"]
    with reverts("ReadingsMismatch", earlier, history):
        attested.settle(attested.next_run(readingsHash=earlier))


@pytest.mark.parametrize(
    ("field", "difference"), [("importWh", 1), ("importWh", -1), ("exportWh", 1), ("exportWh", -1)]
)
def test_totals_are_the_attested_ones(attested: Community, field: str, difference: int) -> None:
    attested.settle(attested.next_run())
    right = attested.next_run(2)
    wrong = right | {field: right[field] + difference, "certifiedWh": 0}
    with reverts("TotalsMismatch", wrong["importWh"], wrong["exportWh"], right["importWh"], right["exportWh"]):
        attested.settle(wrong)


def test_no_more_is_certified_than_was_exported(attested: Community) -> None:
    export_wh = attested.next_run()["exportWh"]
    with reverts("CertifiedBeyondExport", export_wh + 1, export_wh):
        attested.settle(attested.next_run(certifiedWh=export_wh + 1))


# -- ITS NETS (S1)


def test_nets_are_those_that_were_signed(attested: Community) -> None:
    signed, other = [(FIRST, -300), (SECOND, 300)], [(FIRST, -301), (SECOND, 301)]
    run = attested.next_run(nets=signed)
    with reverts("NetsMismatch", keccak(typed_data.pack_nets(other)), run["netsHash"]):
        attested.settle(run, other)


@pytest.mark.parametrize("length", [1, 31, 33, 63])
def test_nets_take_32_bytes_an_account(attested: Community, length: int) -> None:
    nets = (typed_data.pack_nets([(FIRST, 0), (SECOND, 0)]))[:length]
    run = attested.next_run(netsHash=keccak(nets))
    with reverts("NetsMalformed", length):
        attested.settlement.transact("settle", run, nets, attested.sign_run(run))


@pytest.mark.parametrize(
    ("nets", "previous", "account"),
    [
        ([(SECOND, -1), (FIRST, 1)], SECOND, FIRST),
        ([(FIRST, -1), (FIRST, 1)], FIRST, FIRST),
        ([(ZERO, 0)], ZERO, ZERO),
    ],
)
def test_accounts_ascend(attested: Community, nets: list[Net], previous: str, account: str) -> None:
    with reverts("AccountsNotAscending", previous, account):
        attested.settle(attested.next_run(nets=nets), nets)


def test_strangers_have_no_nets(attested: Community) -> None:
    nets = sorted([(FIRST, -300), (STRANGER.address, 300)])
    with reverts("UnknownAccount", STRANGER.address):
        attested.settle(attested.next_run(nets=nets), nets)


def test_what_a_removed_member_traded_still_settles(attested: Community) -> None:
    nets = [(FIRST, -300), (SECOND, 300)]
    attested.registry.transact("removeMember", SECOND, sender=OWNER)
    before = balances(attested)
    attested.settle(attested.next_run(nets=nets), nets)
    assert [after - was for after, was in zip(balances(attested), before, strict=True)][:2] == [-300, 300]


@pytest.mark.parametrize("last", [299, 301])
def test_nets_sum_to_zero(attested: Community, last: int) -> None:
    nets = [(FIRST, -300), (SECOND, last)]
    with reverts("NetsNotZero", last - 300):
        attested.settle(attested.next_run(nets=nets), nets)


# -- WHO PAYS (S2)


def test_account_pays_to_its_last_unit(attested: Community) -> None:
    nets = [(FIRST, -1_000), (SECOND, 1_000)]
    receipt = attested.settle(attested.next_run(nets=nets), nets)
    assert balances(attested) == [0, 2_000, 1_000]
    assert "GuaranteeUsed" not in [event.name for event in receipt.events]


def test_free_money_goes_before_pending_and_pending_before_the_fund(attested: Community) -> None:
    attested.fund_guarantee(500)
    attested.settlement.transact("requestWithdrawal", 400, sender=FIRST)
    nets = [(FIRST, -1_200), (SECOND, 1_200)]
    receipt = attested.settle(attested.next_run(nets=nets), nets)
    assert receipt.event("GuaranteeUsed") == {"runId": 1, "account": FIRST, "amount": 200}
    assert attested.settlement.call("balanceOf", FIRST) == 0
    assert attested.settlement.call("pendingOf", FIRST)[0] == 0
    assert attested.settlement.call("guaranteeFund") == 300
    assert attested.settlement.call("totalHeld") == 3_500


def test_run_is_refused_when_the_fund_cannot_pay(attested: Community) -> None:
    attested.fund_guarantee(100)
    nets = [(FIRST, -1_050), (SECOND, -1_051), (THIRD, 2_101)]
    with reverts("InsufficientFunds", SECOND, 1):
        attested.settle(attested.next_run(nets=nets), nets)
    assert balances(attested) == [1_000, 1_000, 1_000]
    assert attested.settlement.call("guaranteeFund") == 100


def test_largest_nets_are_counted_exactly(attested: Community) -> None:
    nets = [(FIRST, 2**95 - 1), (SECOND, -(2**95)), (THIRD, 1)]
    with reverts("InsufficientFunds", SECOND, 2**95 - 1_000):
        attested.settle(attested.next_run(nets=nets), nets)
    attested.deposit(SECOND, 2**95 - 1_000)
    attested.settle(attested.next_run(nets=nets), nets)
    assert balances(attested) == [1_000 + 2**95 - 1, 0, 1_001]


# -- WHO SIGNS


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_signatures_than_the_quorum_are_refused(attested: Community, count: int) -> None:
    run = attested.next_run()
    with reverts("QuorumNotMet", count, 2):
        attested.settlement.transact("settle", run, b"", attested.sign_run(run, ATTESTORS[:count]))


def test_one_attestor_does_not_count_twice(attested: Community) -> None:
    run = attested.next_run()
    first = ATTESTORS[0]
    with reverts("SignersNotAscending", first.address, first.address):
        attested.settlement.transact("settle", run, b"", attested.sign_run(run, (first, first)))


@pytest.mark.parametrize("other", [STRANGER, ORACLES[0]], ids=["stranger", "oracle"])
def test_other_keys_do_not_sign(attested: Community, other: Key) -> None:
    run = attested.next_run()
    signers = sorted((*ATTESTORS[:2], other), key=lambda each: each.address)
    with reverts("UnknownSigner", other.address, FIRST_INTERVAL):
        attested.settlement.transact("settle", run, b"", attested.sign_run(run, signers))


def test_retired_attestor_signs_runs_before_its_end_only(attested: Community) -> None:
    end = FIRST_INTERVAL + 2 * INTERVAL_LENGTH
    attested.registry.transact("retireAttestor", ATTESTORS[0].address, end, sender=OWNER)
    attested.settle(attested.next_run(2))
    with reverts("UnknownSigner", ATTESTORS[0].address, end):
        attested.settle(attested.next_run(1))


@pytest.mark.parametrize("field", ["ordersRoot", "tradesRoot", "entriesRoot", "certificatesRoot", "tradedWh"])
def test_signatures_hold_for_no_other_run(attested: Community, field: str) -> None:
    signed = attested.next_run()
    changed: Any = signed[field] + 1 if isinstance(signed[field], int) else keccak(signed[field])
    _refused_signatures(attested, signed | {field: changed}, attested.sign_run(signed))


@pytest.mark.parametrize("domain", [{"chainId": 1}, {"verifyingContract": "0x" + "11" * 20}, {"version": "2"}])
def test_signatures_hold_on_no_other_domain(attested: Community, domain: dict[str, object]) -> None:
    run = attested.next_run()
    _, digest = typed_data.digest(attested.domain(attested.settlement) | domain, "Run", run)
    _refused_signatures(attested, run, [attestor.sign(digest) for attestor in ATTESTORS[:2]])


def _refused_signatures(community: Community, run: dict[str, Any], signatures: list[bytes]) -> None:
    # Recovery from another digest gives other keys, in whatever sequence: unknown, not ascending, or none at all.
    with pytest.raises(Reverted) as caught:
        community.settlement.transact("settle", run, b"", signatures)
    assert caught.value.name in ("UnknownSigner", "SignersNotAscending", "ECDSAInvalidSignature")
