"""Gas of settlement beside the plain way: `python -m benchmarks.settlement --json` prints one JSON object.

Ours is one attestation and one run of an interval, whatever its trades. The plain way is `PlainMarket.sol`: one
verified trade a call, the price moved as ERC-20 tokens. Both run on py-evm from committed artifacts, so gas counts are
exact and the same on every machine. A cell of ours is a run that was settled, with a root over as many leaves as it has
trades. The plain way costs more for the first fill of two orders than for a later one: both are measured, and a cell
adds them up for orders that are filled in `FILLS_PER_ORDER` trades.
"""

import json
import sys
from typing import Any, Final

from eth_utils.crypto import keccak

from oracles.disputes import Dispute
from oracles.hashing import keccak as hashed
from oracles.merkle import MerkleTree
from oracles.struct_types import StructType
from oracles.typed_data import CERTIFICATE, ENTRY, READING, TRADE
from tests.support import typed_data_vectors as typed_data
from tests.support.certificates import certificate, enrol, leaf_of, open_readings, reading, readings_root, salt_of
from tests.support.community import (
    FIRST_INTERVAL,
    INTERVAL_LENGTH,
    MEMBERS,
    OWNER,
    Community,
    Key,
    Net,
    found_community,
    key,
)
from tests.support.disputes import ANSWER_TIME, found_disputed, honest_books
from tests.support.evm import ARTIFACTS, Contract, Evm
from tests.support.frauds import CASES
from tests.support.questions import ANSWERER, ASKER, ROUNDS, Asked

ACCOUNTS: Final = (10, 100, 1_000)
TRADES: Final = (10, 100, 1_000, 10_000, 50_000, 100_000)
FILLS_PER_ORDER: Final = 2
"""How many trades fill an order, on average."""
CERTIFICATES: Final = 1_000
METERS: Final = 1_000
PROOF_DEPTH: Final = 16
"""On top of the few levels of a small run: trees of more than 500 000 leaves."""
PLAIN: Final = ARTIFACTS.parents[1] / "benchmarks" / "PlainMarket.json"
WORD_BYTES: Final = 32


def measure() -> dict[str, Any]:
    """Return all figures by name; gas unless the name says otherwise."""
    plain = _plain()
    table = [row for accounts in ACCOUNTS for row in _rows(accounts, plain)]
    proofs, questions = _proofs(), _questions()
    compared = next(row for row in table if (row["accounts"], row["trades"]) == (1_000, 50_000))
    return {
        "plain_over_ours_gas_1000_50000": round(compared["plain_over_ours"], 1),
        "max_proof_gas": max(*proofs.values(), *questions.values()),
        "table": table,
        "plain_first_fill": plain["first"],
        "plain_later_fill": plain["later"],
        "proofs": proofs,
        "questions": questions,
        "leaf_bytes": {name: _leaf_bytes(struct) for name, struct in _LEAVES.items()},
        "calls": _daily(),
    }


# -- OURS


def _rows(accounts: int, plain: dict[str, int]) -> list[dict[str, Any]]:
    """Settle runs among so many accounts, one for each number of trades; the first run is not counted."""
    community = found_community()
    members = sorted("0x" + keccak(text=f"account {number}")[12:].hex() for number in range(accounts))
    for account in members:
        community.registry.transact("admitMember", account, sender=OWNER)
        community.deposit(account, 10**9)
    nets = _balanced(members)
    community.settle_next(nets)
    rows = []
    for step, trades in enumerate(TRADES, start=1):
        attested = community.attest(step, import_wh=1_000, export_wh=1_000).gas_used
        root = MerkleTree([hashed(number.to_bytes(8, "big")) for number in range(trades)]).root
        settled = community.settle(community.next_run(nets=nets, tradesRoot=root), nets).gas_used
        first = trades // FILLS_PER_ORDER
        plainly = first * plain["first"] + (trades - first) * plain["later"]
        rows.append(
            {
                "accounts": accounts,
                "trades": trades,
                "ours": attested + settled,
                "run": settled,
                "attestation": attested,
                "ours_per_trade": round((attested + settled) / trades, 1),
                "plain": plainly,
                "plain_per_trade": round(plainly / trades, 1),
                "plain_over_ours": plainly / (attested + settled),
            }
        )
    return rows


def _balanced(accounts: list[str]) -> list[Net]:
    nets: list[Any] = [(account, 1_000 if place % 2 else -1_000) for place, account in enumerate(accounts)]
    if len(nets) % 2:
        nets[-1] = (nets[-1][0], 0)
    return nets


# -- THE PLAIN WAY


def _plain() -> dict[str, int]:
    """Return the gas of a trade that fills two new orders, and of one that fills the same two once more."""
    evm = Evm()
    token = evm.deploy("CommunityToken", OWNER)
    artifact: dict[str, Any] = json.loads(PLAIN.read_text(encoding="utf-8"))
    market = evm.deploy_artifact(artifact, token)
    buyer, seller = key("plain buyer"), key("plain seller")
    for account in (buyer, seller):
        token.transact("mint", account.address, 10**12, sender=OWNER)
        token.transact("approve", market, 2**256 - 1, sender=account.address)
    _trade_plainly(market, buyer, seller, nonce=1)
    first = _trade_plainly(market, buyer, seller, nonce=2)
    later = _trade_plainly(market, buyer, seller, nonce=2)
    return {"first": first, "later": later}


def _trade_plainly(market: Contract, buyer: Key, seller: Key, nonce: int) -> int:
    orders = [
        {
            "account": each.address,
            "interval": 1_751_371_200,
            "sell": each is seller,
            "quantityWh": 5_000,
            "limitPrice": 110_000,
            "nonce": nonce,
        }
        for each in (buyer, seller)
    ]
    signatures = [
        each.sign(market.call("hashOrder", order)) for each, order in zip((buyer, seller), orders, strict=True)
    ]
    return market.transact("settle", *orders, *signatures, 1_250, 110_000).gas_used


# -- PROOFS AND OTHER CALLS
def _proofs() -> dict[str, int]:
    """Return the gas of proving each kind of fraud in trees of `PROOF_DEPTH` levels, with bond and void."""
    disputed = found_disputed()
    evm = disputed.community.evm
    founded = evm.snapshot()
    dearest: dict[str, int] = {}
    for case in CASES:
        books = case.books(disputed)
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
    interval = FIRST_INTERVAL + 2 * INTERVAL_LENGTH
    opened = [certificate(number, member) | {"interval": interval} for number in range(CERTIFICATES)]
    root, proofs = typed_data.tree([leaf_of(values) for values in opened])
    meters = [keccak(text=f"meter {number}") for number in range(METERS)]
    enrol(community, meters[0], member)
    measured = [reading(meter, 500, step=2) for meter in meters]
    community.attest(2, export_wh=CERTIFICATES * 100, readings_root=readings_root(measured))
    community.settle(community.next_run(3, certificatesRoot=root))
    taken = [
        community.certificates.transact("materialise", 1, values, salt_of(values), proof, sender=member).gas_used
        for values, proof in zip(opened[:2], proofs[:2], strict=True)
    ]
    token_id = int.from_bytes(leaf_of(opened[0]), "big")
    drawn = open_readings(measured)[meters[0]]
    figures = {"materialise_first_of_run": taken[0], "materialise": taken[1]}
    receipt = community.certificates.transact("split", token_id, 40, sender=member)
    figures["split"] = receipt.gas_used
    token_id = receipt.event("Split")["first"]
    figures["claim"] = community.certificates.transact("claim", token_id, member, drawn, sender=member).gas_used
    return figures


# -- LEAVES

_LEAVES: Final = {"trade": TRADE, "entry": ENTRY, "reading": READING, "certificate": CERTIFICATE}


def _leaf_bytes(struct: StructType) -> int:
    """Return the bytes of a leaf as it is opened: its words and its salt, without its way to the root."""
    return WORD_BYTES * (len(struct.fields) + 1)


if __name__ == "__main__":
    figures = measure()
    if "--json" in sys.argv:
        print(json.dumps(figures))
    else:
        for row in figures["table"]:
            print(" ".join(f"{name}={value}" for name, value in row.items()))
        print({name: value for name, value in figures.items() if name != "table"})
