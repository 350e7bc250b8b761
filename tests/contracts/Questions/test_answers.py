"""What a run can be asked, `oracles.answers` answers from its leaves: no honest run is lost for want of an answer."""

from typing import Any

import pytest

from oracles.answers import Topic, find_answer, question_id
from oracles.disputes import OpenedRun
from oracles.hashing import keccak
from tests.support.community import ORACLES, QUORUM
from tests.support.disputes import TERMS, WEDGE, Disputed, honest_books
from tests.support.evm import Reverted
from tests.support.questions import ANSWERER, ASKER, ROUNDS, Asked, opened, settle, signed


def answer(asked: Asked, event: dict[str, Any]) -> None:
    """Let the run answer what was asked, and see it accepted."""
    topic = Topic(event["topic"])
    signatures = {
        reading.struct.hash(reading.values): signed(asked, reading, ORACLES[:QUORUM]) for reading in asked.run.readings
    }
    found = find_answer(asked.run, topic, event["subject"], signatures)
    assert found is not None, topic
    run_hash = asked.disputed.community.settlement.call("runAt", 1)[0]
    assert question_id(topic, run_hash, event["subject"]) == event["id"]
    receipt = asked.disputed.questions.transact(found.function, 1, *found.arguments, sender=ANSWERER)
    assert receipt.event("Answered")["id"] == event["id"]


@pytest.mark.parametrize("question", ROUNDS)
def test_every_question_has_its_answer(disputed: Disputed, question: str) -> None:
    asked = settle(disputed)
    arguments, _, _ = ROUNDS[question]
    receipt = disputed.questions.transact(question, 1, *arguments(asked), sender=ASKER)
    answer(asked, receipt.event("Asked"))


def test_whatever_a_run_allows_to_ask_is_there(disputed: Disputed) -> None:
    books = honest_books(disputed, terms=TERMS, wedge=WEDGE)
    asked = Asked(disputed, books, disputed.settle(books))
    disputed.give(ASKER, 10_000, disputed.questions)
    run, published = asked.run, asked.published()
    questions: list[tuple[str, tuple[Any, ...]]] = [
        ("askOrderOfTrade", (opened(trade), buy)) for trade in run.trades for buy in (True, False)
    ]
    questions += [("askEntryOfTrade", (opened(trade), buy)) for trade in run.trades for buy in (True, False)]
    questions += [("askTradeOfEntry", (opened(line),)) for line in run.entries if line.integer("kind") in (1, 2, 9)]
    questions += [("askSignatures", (opened(reading),)) for reading in run.readings]
    first_lines = {line.data("account"): line for line in reversed(run.entries)}
    questions += [("askStatementOfEntry", (*published, opened(line))) for line in first_lines.values()]
    statements = []
    seen = set()
    for function, arguments in questions:
        once = (function, repr(arguments))
        if once in seen:
            continue
        seen.add(once)
        try:
            event = disputed.questions.transact(function, 1, *arguments, sender=ASKER).event("Asked")
        except Reverted as refusal:
            if refusal.name == "AlreadyAsked":  # two trades of one order ask for one thing
                continue
            raise
        answer(asked, event)
        if event["topic"] == Topic.STATEMENT:
            statements.append(event["subject"])
    assert len(statements) == len(first_lines)
    for net in statements:
        own = [line.integer("sequence") for line in run.entries if line.data("account") == net[:20]]
        for sequence in own:
            event = disputed.questions.transact("askEntry", 1, net, sequence, sender=ASKER).event("Asked")
            answer(asked, event)


def test_what_a_run_does_not_hold_has_no_answer(disputed: Disputed) -> None:
    asked = settle(disputed)
    net = asked.net("0x" + asked.run.entries[0].data("account").hex())
    for topic in Topic:
        assert find_answer(asked.run, topic, keccak(b"nothing"), {}) is None
    reading = asked.run.readings[0]
    assert find_answer(asked.run, Topic.SIGNATURES, reading.struct.hash(reading.values), {}) is None
    other_net = net[:20] + (int.from_bytes(net[20:]) ^ 1).to_bytes(12)
    assert find_answer(asked.run, Topic.STATEMENT, other_net, {}) is None
    empty = OpenedRun(1, asked.run.domain, asked.run.supplier, 0, 900, 900)
    assert find_answer(empty, Topic.STATEMENT, net, {}) is None
