"""Gas of the calls that a community makes every day: `python -m benchmarks.contracts_gas` prints one JSON object.

Runs the committed artifacts on py-evm; gas counts are exact and the same on every machine. Accounts of a run have
been settled before, unless the figure says `first`; members pay and are paid alternately.
"""

import json
from typing import Any

from eth_utils.crypto import keccak

from oracles.disputes import Dispute
from tests.support import typed_data_vectors as typed_data
from tests.support.certificates import certificate, leaf_of, salt_of
from tests.support.community import MEMBERS, OWNER, Community, Net, found_community
from tests.support.disputes import ANSWER_TIME, found_disputed, honest_books
from tests.support.frauds import CASES
from tests.support.questions import ANSWERER, ASKER, ROUNDS, Asked

ACCOUNT_COUNTS = (2, 17, 100)
CERTIFICATES = 1_000
PROOF_DEPTH = 16
"""On top of the few levels of a small run: trees of more than 500 000 leaves."""


def measure() -> dict[str, Any]:
    """Return gas by figure; of the proofs, by function, the dearest of several ways to commit the fraud."""
    figures: dict[str, Any] = _daily()
    for count in ACCOUNT_COUNTS:
        figures |= _runs(count)
    proofs, questions = _proofs(), _questions()
    dearest = max(*proofs.values(), *questions.values())
    return figures | {"proofs": proofs, "questions": questions, "max_proof_gas": dearest}


def _proofs() -> dict[str, int]:
    """Return the gas of proving each kind of fraud in trees of `PROOF_DEPTH` levels, with bond and void."""
    disputed = found_disputed()
    evm = disputed.community.evm
    founded = evm.snapshot()
    dearest: dict[str, int] = {}
    for case in CASES:
        books = honest_books(disputed)
        case.falsify(books)
        run = disputed.settle(books, depth=PROOF_DEPTH)
        dispute = Dispute(case.function, run.run_id, case.pick(run))
        gas = disputed.send(disputed.disputes, dispute.calldata).gas_used
        dearest[case.function] = max(gas, dearest.get(case.function, 0))
        evm.restore(founded)
    return dearest


def _questions() -> dict[str, int]:
    """Return the gas of asking, of answering, and of closing what nobody answered, in trees of the same depth."""
    disputed = found_disputed()
    evm = disputed.community.evm
    books = honest_books(disputed)
    asked = Asked(disputed, books, disputed.settle(books, depth=PROOF_DEPTH))
    settled = evm.snapshot()
    figures: dict[str, int] = {}
    for question, (arguments, answer, shown) in ROUNDS.items():
        evm.restore(settled)
        receipt = disputed.questions.transact(question, 1, *arguments(asked), sender=ASKER)
        figures[question] = receipt.gas_used
        waiting = evm.snapshot()
        gas = disputed.questions.transact(answer, 1, *shown(asked), sender=ANSWERER).gas_used
        figures[answer] = max(gas, figures.get(answer, 0))
        evm.restore(waiting)
        evm.timestamp += ANSWER_TIME + 1
        gas = disputed.questions.transact("close", receipt.event("Asked")["id"]).gas_used
        figures["close"] = max(gas, figures.get("close", 0))
    return figures


def _daily() -> dict[str, int]:
    community = found_community()
    member = MEMBERS[0].address
    figures = {"attest_first": community.attest(0).gas_used, "attest": community.attest(1).gas_used}
    community.deposit(member, 1_000)
    figures["deposit"] = community.deposit(member, 1_000).gas_used
    figures["request_withdrawal"] = community.settlement.transact("requestWithdrawal", 500, sender=member).gas_used
    figures |= _materialise(community, member)
    figures["withdraw"] = community.settlement.transact("withdraw", sender=member).gas_used
    return figures


def _materialise(community: Community, member: str) -> dict[str, int]:
    opened = [certificate(number, member) for number in range(CERTIFICATES)]
    root, proofs = typed_data.tree([leaf_of(values) for values in opened])
    community.attest(2, export_wh=CERTIFICATES * 100)
    community.settle(community.next_run(3, certificatesRoot=root))
    taken = [
        community.certificates.transact("materialise", 1, values, salt_of(values), proof, sender=member).gas_used
        for values, proof in zip(opened[:2], proofs[:2], strict=True)
    ]
    token_id = int.from_bytes(leaf_of(opened[0]), "big")
    claimed = community.certificates.transact("claim", token_id, 40, member, sender=member).gas_used
    return {"materialise_first_of_run": taken[0], "materialise": taken[1], "claim": claimed}


def _runs(count: int) -> dict[str, int]:
    community = found_community()
    accounts = sorted("0x" + keccak(text=f"account {number}")[12:].hex() for number in range(count))
    for account in accounts:
        community.registry.transact("admitMember", account, sender=OWNER)
        community.deposit(account, 10**9)
    nets = _balanced(accounts)
    community.settle_next(nets)
    return {f"settle_{count}_accounts": community.settle_next(nets).gas_used}


def _balanced(accounts: list[str]) -> list[Net]:
    nets: list[Any] = [(account, 1_000 if place % 2 else -1_000) for place, account in enumerate(accounts)]
    if len(nets) % 2:
        nets[-1] = (nets[-1][0], 0)
    return nets


if __name__ == "__main__":
    print(json.dumps(measure()))
