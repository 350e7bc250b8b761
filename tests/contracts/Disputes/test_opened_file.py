"""An opened run survives its file to the byte, and proves on chain what it proved before."""

import json
from dataclasses import replace
from typing import Any

import pytest

from energy.identity import Address
from oracles.disputes import find_frauds
from oracles.opened_file import from_document, part_of, to_document
from tests.support.community import MEMBERS
from tests.support.disputes import TERMS, WEDGE, Disputed, honest_books
from tests.support.frauds import CASES


def test_file_gives_the_run_back(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed, terms=TERMS, wedge=WEDGE))
    run = replace(run, earlier=[(1, run.certificates[0])])
    assert from_document(json.loads(json.dumps(to_document(run)))) == run


def test_frauds_are_found_in_the_file_and_believed_by_the_chain(disputed: Disputed) -> None:
    books = honest_books(disputed)
    case = next(each for each in CASES if each.fraud == "LIMIT_PRICE")
    case.falsify(books)
    run = from_document(json.loads(json.dumps(to_document(disputed.settle(books)))))
    (found,) = (each for each in find_frauds(run) if each.function == case.function)
    disputed.send(disputed.disputes, found.calldata).event("FraudProven")


def test_part_holds_what_is_the_members_own(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed))
    account = Address(bytes.fromhex(MEMBERS[1].address[2:]))
    part = part_of(run, account)
    assert part.entries
    assert part.readings
    assert all(line.data("account") == account for line in part.entries)
    assert all(reading.data("meter") in run.meters[account] for reading in part.readings)
    assert all(account in (trade.data("buyer"), trade.data("seller")) for trade in part.trades)
    assert list(find_frauds(part)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "resilia-opened-run/0"),
        ("runId", None),
        ("intervalLengthS", 0),
        ("settlement", "0x12"),
        ("supplier", 7),
        ("trades", [{"values": [1, 2], "salt": "0x" + "00" * 32, "proof": []}]),
        ("entries", [{"salt": "0x" + "00" * 32, "proof": []}]),
        ("meters", []),
        ("receipts", [{"values": [True], "signature": "0x"}]),
        ("earlier", [{}]),
    ],
)
def test_wrong_field_is_named(disputed: Disputed, field: str, value: Any) -> None:
    document = to_document(disputed.settle(honest_books(disputed)))
    with pytest.raises(ValueError, match=field):
        from_document({**document, field: value})
