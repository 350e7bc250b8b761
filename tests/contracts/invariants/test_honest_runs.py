"""No honest run can be voided: whatever the market and the meters did, no leaves contradict the rules or each other."""

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from market.orders import Side
from market.settlement import NO_TERMS
from market.terms import Terms
from oracles.disputes import Dispute, OpenedRun, find_frauds
from oracles.openings import Opening
from tests.support.disputes import TERMS, WEDGE, Wish, found_disputed, honest_books
from tests.support.evm import Reverted

DISPUTED = found_disputed()
FOUNDATION = DISPUTED.community.evm.snapshot()
REFUSALS = {"NothingWrong", "Unrelated", "OrderNotOfTrade", "SameLeaf", "ReadingsIncomplete"}

wishes = st.builds(
    Wish,
    member=st.integers(0, 2),
    side=st.sampled_from(Side),
    quantity_wh=st.integers(1, 300),
    price=st.integers(50, 60).map(lambda steps: steps * 1_000),
    step=st.integers(0, 1),
)
measured = st.one_of(st.just(0), st.integers(0, 400))
energies = st.fixed_dictionaries(
    {step: st.lists(st.tuples(measured, measured), min_size=4, max_size=4) for step in (0, 1)}
)


@settings(max_examples=20, deadline=None)
@given(
    wishes=st.lists(wishes, max_size=10),
    energies=energies,
    terms=st.sampled_from((NO_TERMS, TERMS)),
    wedge=st.sampled_from((0, WEDGE)),
    data=st.data(),
)
def test_no_proof_voids_an_honest_run(
    wishes: list[Wish], energies: Any, terms: Terms, wedge: int, data: st.DataObject
) -> None:
    DISPUTED.community.evm.restore(FOUNDATION)
    run = DISPUTED.settle(honest_books(DISPUTED, wishes, energies, terms, wedge))
    assert list(find_frauds(run)) == []
    for account, balance_neur in _balances_after(run).items():
        assert DISPUTED.community.settlement.call("balanceOf", account) == balance_neur, "chain and statements agree"
    for function, choices in _proofs(run).items():
        if not all(choices):
            continue
        for arguments in data.draw(st.lists(st.tuples(*map(st.sampled_from, choices)), max_size=2), label=function):
            assert _refusal(Dispute(function, run.run_id, arguments)) in REFUSALS
    assert DISPUTED.community.settlement.call("isOpen", run.run_id)


def _balances_after(run: OpenedRun) -> dict[str, int]:
    """Return the balance with which each account's statement ends."""
    lines = sorted(run.entries, key=lambda each: each.integer("sequence"))
    return {"0x" + each.data("account").hex(): each.integer("balanceAfter") for each in lines}


def _proofs(run: OpenedRun) -> dict[str, list[list[Any]]]:
    """Return what could be tried for each argument of each proof."""
    orders = [signed.values[0] for signed in run.orders]
    fills = [run.trades, orders]
    readings = [_all_of(run, account, interval) for account, interval in product(run.meters, _intervals(run))]
    certified = [run.certificates, run.readings]
    receipted = [run.trades, run.receipts]
    choices: dict[str, list[Any]] = {
        "proveOrderSignature": [run.orders],
        **dict.fromkeys(("proveLimitPrice", "proveWrongInterval", "proveWrongParty", "proveOverfill"), fills),
        "proveExpiredOrder": fills,
        "proveEndedOrder": receipted,
        "proveWrongTime": receipted,
        "proveForkedTrade": [run.trades, run.trades],
        "proveEntryAgainstTrade": [run.entries, run.trades],
        "proveRepeatedLine": [run.entries, run.entries],
        "proveForeignCertificate": [run.certificates],
        "proveDoubleClaim": [run.certificates, [1], run.certificates],
        "proveDoubleFill": [run.trades, run.trades],
        "proveSelfTrade": [run.trades],
        "proveWrongLine": [run.entries],
        "proveBalanceStep": [run.entries, run.entries],
        "proveForkedStatement": [run.entries, run.entries],
        "proveEntryBeyondReadings": [run.entries, readings],
        "proveCertificateBeyondExport": certified,
        "proveCertificateFromEstimate": certified,
        "proveOverlappingCertificates": [run.certificates, run.certificates],
    }
    return {function: [list(each) for each in argument] for function, argument in choices.items()}


def _all_of(run: OpenedRun, account: Any, interval: int) -> tuple[Opening, ...]:
    own = [r for r in run.readings if r.data("meter") in run.meters[account] and r.integer("interval") == interval]
    return tuple(sorted(own, key=lambda each: each.data("meter")))


def _intervals(run: OpenedRun) -> list[int]:
    return [run.first_interval, run.last_interval]


def _refusal(dispute: Dispute) -> str | None:
    try:
        DISPUTED.send(DISPUTED.disputes, dispute.calldata)
    except Reverted as reverted:
        return reverted.name
    return None
