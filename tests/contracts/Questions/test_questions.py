"""What an honest run can show is shown; what nobody shows in time voids the run."""

from typing import Any

import pytest

from oracles.typed_data import ORDER, RECEIPT, TRADE, digest
from tests.support.community import INTERVAL_LENGTH, MEMBERS, ORACLES
from tests.support.disputes import (
    ANSWER_TIME,
    BOND,
    OPERATOR,
    STAKE,
    WINDOW,
    Disputed,
    changed,
    honest_books,
)
from tests.support.evm import reverts
from tests.support.questions import (
    ANSWERER,
    ASKER,
    CANCELLED,
    FILLED,
    MAX_GAS,
    OTHER,
    RECEIPTED_AT,
    ROUNDS,
    UNANSWERED,
    Asked,
    close_unanswered,
    opened,
    settle,
    signed,
)

EACH = pytest.mark.parametrize("question", ROUNDS)


@EACH
def test_honest_run_answers_and_stands(asked: Asked, question: str) -> None:
    token = asked.disputed.community.token
    before = token.call("balanceOf", ANSWERER)
    arguments, answer, shown = ROUNDS[question]
    identity = asked.ask(question, *arguments(asked))
    assert asked.answer(answer, *shown(asked)).event("Answered") == {"id": identity, "answerer": ANSWERER}
    assert token.call("balanceOf", ANSWERER) == before + STAKE
    asked.disputed.community.evm.timestamp += ANSWER_TIME + 1
    with reverts("NotAsked", identity):
        asked.disputed.questions.transact("close", identity)
    asked.disputed.community.evm.timestamp += WINDOW
    assert asked.disputed.community.settlement.call("isFinal", 1)


@EACH
def test_silence_voids_the_run(asked: Asked, question: str) -> None:
    token = asked.disputed.community.token
    before = token.call("balanceOf", ASKER)
    identity = asked.ask(question, *ROUNDS[question][0](asked))
    deadline = asked.disputed.community.evm.timestamp + ANSWER_TIME
    asked.disputed.community.evm.timestamp = deadline
    with reverts("AnswerTimeNotOver", identity, deadline):
        asked.disputed.questions.transact("close", identity)
    asked.disputed.community.evm.timestamp += 1
    with reverts("AnswerTimeOver", identity, deadline):
        asked.answer(ROUNDS[question][1], *ROUNDS[question][2](asked))
    receipt = asked.disputed.questions.transact("close", identity)
    assert receipt.gas_used < MAX_GAS
    proven = receipt.event("FraudProven")
    assert (proven["runId"], proven["kind"], proven["challenger"]) == (1, UNANSWERED, ASKER)
    assert asked.disputed.community.settlement.call("voidFrom") == 1
    assert token.call("balanceOf", ASKER) == before + BOND // 2


def test_an_answer_at_the_deadline_is_in_time(asked: Asked) -> None:
    question, (arguments, answer, shown) = next(iter(ROUNDS.items()))
    asked.ask(question, *arguments(asked))
    asked.disputed.community.evm.timestamp += ANSWER_TIME
    asked.answer(answer, *shown(asked))


@EACH
def test_question_is_asked_once(asked: Asked, question: str) -> None:
    arguments, answer, shown = ROUNDS[question]
    identity = asked.ask(question, *arguments(asked))
    with reverts("AlreadyAsked", identity):
        asked.ask(question, *arguments(asked))
    asked.answer(answer, *shown(asked))
    with reverts("AlreadyAsked", identity):
        asked.ask(question, *arguments(asked))
    with reverts("NotAsked", identity):
        asked.answer(answer, *shown(asked))


@EACH
def test_question_leaves_time_to_answer_and_to_act(asked: Asked, question: str) -> None:
    evm = asked.disputed.community.evm
    final_at = evm.timestamp + WINDOW
    evm.timestamp = final_at - 2 * ANSWER_TIME + 1
    with reverts("TooLateToAsk", 1, final_at):
        asked.ask(question, *ROUNDS[question][0](asked))
    evm.timestamp -= 1
    asked.ask(question, *ROUNDS[question][0](asked))


@EACH
def test_final_run_is_asked_nothing(asked: Asked, question: str) -> None:
    asked.disputed.community.evm.timestamp += WINDOW
    with reverts("RunNotOpen", 1):
        asked.ask(question, *ROUNDS[question][0](asked))


def test_answer_to_another_question_is_none(asked: Asked) -> None:
    asked.ask("askOrderOfTrade", opened(asked.run.trades[0]), True)
    run_hash = asked.disputed.community.settlement.call("runAt", 1)[0]
    other = digest(asked.run.domain, ORDER.hash(asked.order(1)))
    with reverts("NotAsked", asked.disputed.questions.call("questionId", 0, run_hash, other)):
        asked.answer("answerOrder", opened(asked.run.orders[1]))


# -- RECEIPTS


def test_omitted_order_costs_the_run(disputed: Disputed) -> None:
    honest = honest_books(disputed)
    omitted = honest.orders[0][0]
    asked = settle(disputed, lambda books: books.orders.pop(0))
    domain = asked.run.domain
    values = (1, bytes(32), digest(domain, ORDER.hash(omitted)), CANCELLED, RECEIPTED_AT)  # type: ignore[arg-type]
    signature = OPERATOR.sign(digest(domain, RECEIPT.hash(values)))
    close_unanswered(asked, asked.ask("askOrderOfReceipt", values, signature, omitted))


def test_receipt_must_be_the_operators(asked: Asked) -> None:
    with reverts("ReceiptNotTheOperators", MEMBERS[0].address):
        asked.ask("askOrderOfReceipt", *asked.receipt(0, signer=MEMBERS[0]))


def test_receipt_is_for_its_order(asked: Asked) -> None:
    receipt, signature, _ = asked.receipt(0)
    with reverts("Unrelated"):
        asked.ask("askOrderOfReceipt", receipt, signature, asked.order(1))


def test_receipted_order_of_another_run_is_not_asked_for(asked: Asked) -> None:
    other = changed(ORDER, asked.order(0), interval=asked.run.last_interval + INTERVAL_LENGTH)
    values = (7, bytes(32), digest(asked.run.domain, ORDER.hash(other)), FILLED, RECEIPTED_AT)
    with reverts("Unrelated"):
        asked.ask("askOrderOfReceipt", values, OPERATOR.sign(digest(asked.run.domain, RECEIPT.hash(values))), other)


@pytest.mark.parametrize("outcome", [1, CANCELLED])
def test_receipt_without_a_fill_promises_no_trade(asked: Asked, outcome: int) -> None:
    with reverts("NothingFilled", outcome):
        asked.ask("askTradeOfReceipt", *asked.receipt(0, outcome))


@pytest.mark.parametrize("outcome", [FILLED, 3])
def test_omitted_trade_costs_the_run(disputed: Disputed, outcome: int) -> None:
    asked = settle(disputed, lambda books: books.trades.pop(0))
    identity = asked.ask("askTradeOfReceipt", *asked.receipt(0, outcome))
    with reverts("NotAsked", _identity(asked, 1, ORDER.hash(asked.order(2)))):
        asked.answer("answerTradeOfReceipt", opened(asked.run.trades[0]), True)
    close_unanswered(asked, identity)


# -- ENTRIES AGAINST TRADES


@pytest.mark.parametrize(
    "change", [{"quantityWh": 299}, {"price": 1}, {"interval": 0}, {"buyer": OTHER}, {"number": 9}]
)
def test_line_without_its_trade_costs_the_run(disputed: Disputed, change: dict[str, Any]) -> None:
    asked = settle(disputed, lambda books: books.change(TRADE, 0, **change))
    purchase = next(line for line in asked.run.entries if line.integer("kind") == 1)
    identity = asked.ask("askTradeOfEntry", opened(purchase))
    for trade in asked.run.trades:
        with reverts("Unrelated"):
            asked.answer("answerTradeOfEntry", purchase.values, opened(trade))
    close_unanswered(asked, identity)


def test_only_purchases_and_sales_have_trades(asked: Asked) -> None:
    supply = next(line for line in asked.run.entries if line.integer("kind") == 3)
    with reverts("Unrelated"):
        asked.ask("askTradeOfEntry", opened(supply))


# -- READINGS


def test_reading_without_quorum_costs_the_run(asked: Asked) -> None:
    reading = asked.run.readings[0]
    identity = asked.ask("askSignatures", opened(reading))
    with reverts("QuorumNotMet", 1, 2):
        asked.answer("answerSignatures", reading.values, signed(asked, reading, ORACLES[:1]))
    with reverts("SignersNotAscending", ORACLES[0].address, ORACLES[0].address):
        asked.answer("answerSignatures", reading.values, signed(asked, reading, (ORACLES[0], ORACLES[0])))
    close_unanswered(asked, identity)


def test_reading_outside_the_run_is_not_its_matter(disputed: Disputed) -> None:
    asked = settle(disputed)
    community = disputed.community
    community.attest(2)
    community.settle(community.next_run())
    with reverts("Unrelated"):
        disputed.questions.transact("askSignatures", 2, opened(asked.run.readings[0]), sender=ASKER)


# -- ENDS


def test_question_about_a_run_that_is_void_already_gives_the_stake_back(asked: Asked) -> None:
    token, settlement = asked.disputed.community.token, asked.disputed.community.settlement
    before = token.call("balanceOf", ASKER)
    first = asked.ask("askOrderOfTrade", opened(asked.run.trades[0]), True)
    second = asked.ask("askOrderOfTrade", opened(asked.run.trades[1]), True)
    third = asked.ask("askOrderOfTrade", opened(asked.run.trades[0]), False)
    asked.disputed.community.evm.timestamp += ANSWER_TIME + 1
    asked.disputed.questions.transact("close", first)
    receipt = asked.disputed.questions.transact("close", third)
    assert [event.name for event in receipt.events] == ["Closed", "Transfer"]
    settlement.transact("unwind", *asked.disputed.published[-1])
    settled_again = asked.disputed.community.next_run(2, nets=[])
    asked.disputed.give(OPERATOR.address, BOND, asked.disputed.disputes)
    asked.disputed.disputes.transact("postBond", OPERATOR.address, BOND, sender=OPERATOR.address)
    asked.disputed.community.settle(settled_again)
    receipt = asked.disputed.questions.transact("close", second)
    assert [event.name for event in receipt.events] == ["Closed", "Transfer"]
    assert settlement.call("voidFrom") == 0
    assert token.call("balanceOf", ASKER) == before + BOND // 2


def test_unknown_question_is_not_closed(asked: Asked) -> None:
    with reverts("NotAsked", b"q" * 32):
        asked.disputed.questions.transact("close", b"q" * 32)


def _identity(asked: Asked, topic: int, struct_hash: bytes) -> bytes:
    run_hash = asked.disputed.community.settlement.call("runAt", 1)[0]
    subject = digest(asked.run.domain, struct_hash)  # type: ignore[arg-type]
    identity: bytes = asked.disputed.questions.call("questionId", topic, run_hash, subject)
    return identity
