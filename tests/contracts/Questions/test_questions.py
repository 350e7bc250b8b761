"""What an honest run can show is shown; what nobody shows in time voids the run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from oracles.disputes import OpenedRun, Opening
from oracles.typed_data import ENTRY, ORDER, RECEIPT, TRADE, digest
from tests.support import typed_data_vectors as typed_data
from tests.support.community import INTERVAL_LENGTH, MEMBERS, ORACLES, QUORUM, Key
from tests.support.disputes import (
    ANSWER_TIME,
    BOND,
    CHALLENGER,
    OPERATOR,
    STAKE,
    WINDOW,
    Books,
    Disputed,
    changed,
    honest_books,
)
from tests.support.evm import Receipt, reverts

ASKER, ANSWERER = CHALLENGER.address, OPERATOR.address
OTHER = bytes.fromhex(MEMBERS[2].address[2:])
FILLED, CANCELLED = 2, 4
UNANSWERED, BEYOND_STATEMENT = 15, 14
MAX_GAS = 500_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A settled run, and what a test asks about it."""

    disputed: Disputed
    books: Books
    run: OpenedRun

    def ask(self, function: str, *arguments: Any) -> bytes:
        receipt = self.disputed.questions.transact(function, 1, *arguments, sender=ASKER)
        assert receipt.gas_used < MAX_GAS
        asked = receipt.event("Asked")
        run_hash = self.disputed.community.settlement.call("runAt", 1)[0]
        identity: bytes = asked["id"]
        topic, subject = asked["topic"], asked["subject"]
        assert identity == self.disputed.questions.call("questionId", topic, run_hash, subject)
        return identity

    def answer(self, function: str, *arguments: Any) -> Receipt:
        receipt = self.disputed.questions.transact(function, 1, *arguments, sender=ANSWERER)
        assert receipt.gas_used < MAX_GAS
        return receipt

    def order(self, place: int) -> Any:
        return self.run.orders[place].values[0]

    def receipt(self, place: int, outcome: int = FILLED, signer: Key = OPERATOR) -> tuple[Any, bytes, Any]:
        """Return a receipt for an order, its signature, and the order."""
        domain = self.run.domain
        values = (7, b"j" * 32, digest(domain, ORDER.hash(self.order(place))), outcome)
        return values, signer.sign(digest(domain, RECEIPT.hash(values))), self.order(place)

    def published(self) -> tuple[dict[str, Any], bytes]:
        """Return the run and its nets, as its event told them."""
        return self.disputed.published[-1]

    def net(self, account: str) -> bytes:
        packed = typed_data.pack_nets(self.books.nets)
        return next(
            packed[at : at + 32] for at in range(0, len(packed), 32) if packed[at : at + 20].hex() == account[2:]
        )

    def lines(self, account: str) -> list[Opening]:
        own = bytes.fromhex(account[2:])
        return [line for line in self.run.entries if line.data("account") == own]


@pytest.fixture
def asked(disputed: Disputed) -> Asked:
    return settle(disputed)


def settle(disputed: Disputed, falsify: Callable[[Books], object] = lambda _: None) -> Asked:
    books = honest_books(disputed)
    falsify(books)
    return Asked(disputed, books, disputed.settle(books))


def opened(opening: Opening) -> tuple[Any, bytes, Any]:
    return (opening.values, opening.salt, opening.proof)


def signed(asked: Asked, reading: Opening, signers: tuple[Key, ...]) -> list[bytes]:
    message = asked.disputed.community.readings.call("hashReading", reading.values)
    return [signer.sign(message) for signer in signers]


MEMBER = MEMBERS[1].address

ROUNDS: dict[str, tuple[Callable[[Asked], tuple[Any, ...]], str, Callable[[Asked], tuple[Any, ...]]]] = {
    "askOrderOfTrade": (
        lambda a: (opened(a.run.trades[0]), True),
        "answerOrder",
        lambda a: (opened(a.run.orders[0]),),
    ),
    "askOrderOfReceipt": (lambda a: a.receipt(1), "answerOrder", lambda a: (opened(a.run.orders[1]),)),
    "askTradeOfReceipt": (
        lambda a: a.receipt(1),
        "answerTradeOfReceipt",
        lambda a: (opened(a.run.trades[0]), False),
    ),
    "askTradeOfEntry": (
        lambda a: (opened(a.run.entries[1]),),
        "answerTradeOfEntry",
        lambda a: (a.run.entries[1].values, opened(a.run.trades[0])),
    ),
    "askSignatures": (
        lambda a: (opened(a.run.readings[0]),),
        "answerSignatures",
        lambda a: (a.run.readings[0].values, signed(a, a.run.readings[0], ORACLES[:QUORUM])),
    ),
    "askStatement": (
        lambda a: (*a.published(), MEMBER),
        "answerStatement",
        lambda a: (a.net(MEMBER), opened(a.lines(MEMBER)[0]), opened(a.lines(MEMBER)[-1])),
    ),
    "askStatementOfEntry": (
        lambda a: (*a.published(), opened(a.lines(MEMBER)[1])),
        "answerStatement",
        lambda a: (a.net(MEMBER), opened(a.lines(MEMBER)[0]), opened(a.lines(MEMBER)[-1])),
    ),
}
"""A question with its arguments, and the answer with its own."""
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
    values = (1, bytes(32), digest(domain, ORDER.hash(omitted)), CANCELLED)  # type: ignore[arg-type]
    signature = OPERATOR.sign(digest(domain, RECEIPT.hash(values)))
    _close_unanswered(asked, asked.ask("askOrderOfReceipt", values, signature, omitted))


def test_receipt_must_be_the_operators(asked: Asked) -> None:
    with reverts("ReceiptNotTheOperators", MEMBERS[0].address):
        asked.ask("askOrderOfReceipt", *asked.receipt(0, signer=MEMBERS[0]))


def test_receipt_is_for_its_order(asked: Asked) -> None:
    receipt, signature, _ = asked.receipt(0)
    with reverts("Unrelated"):
        asked.ask("askOrderOfReceipt", receipt, signature, asked.order(1))


def test_receipted_order_of_another_run_is_not_asked_for(asked: Asked) -> None:
    other = changed(ORDER, asked.order(0), interval=asked.run.last_interval + INTERVAL_LENGTH)
    values = (7, bytes(32), digest(asked.run.domain, ORDER.hash(other)), FILLED)
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
    _close_unanswered(asked, identity)


# -- ENTRIES AGAINST TRADES


@pytest.mark.parametrize(
    "change", [{"quantityWh": 299}, {"price": 1}, {"interval": 0}, {"buyer": OTHER}, {"sellOrder": b"o" * 32}]
)
def test_line_without_its_trade_costs_the_run(disputed: Disputed, change: dict[str, Any]) -> None:
    asked = settle(disputed, lambda books: books.change(TRADE, 0, **change))
    purchase = next(line for line in asked.run.entries if line.integer("kind") == 1)
    identity = asked.ask("askTradeOfEntry", opened(purchase))
    for trade in asked.run.trades:
        with reverts("Unrelated"):
            asked.answer("answerTradeOfEntry", purchase.values, opened(trade))
    _close_unanswered(asked, identity)


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
    _close_unanswered(asked, identity)


def test_reading_outside_the_run_is_not_its_matter(disputed: Disputed) -> None:
    asked = settle(disputed)
    community = disputed.community
    community.attest(2)
    community.settle(community.next_run())
    with reverts("Unrelated"):
        disputed.questions.transact("askSignatures", 2, opened(asked.run.readings[0]), sender=ASKER)


# -- STATEMENTS


def test_net_without_a_statement_costs_the_run(disputed: Disputed) -> None:
    def move_a_cent(books: Books) -> None:
        (first, net), (second, other), *rest = books.nets
        books.nets = [(first, net + 1), (second, other - 1), *rest]

    asked = settle(disputed, move_a_cent)
    account, _ = asked.books.nets[0]
    identity = asked.ask("askStatement", *asked.published(), account)
    for first in asked.lines(account):
        for last in asked.lines(account):
            with reverts("Unrelated"):
                asked.answer("answerStatement", asked.net(account), opened(first), opened(last))
    _close_unanswered(asked, identity)


def test_account_left_out_of_the_nets_asks_by_one_of_its_lines(disputed: Disputed) -> None:
    def leave_out(books: Books) -> None:
        (_, net), (second, other), *rest = books.nets
        books.nets = [(second, other + net), *rest]

    account = honest_books(disputed).nets[0][0]
    asked = settle(disputed, leave_out)
    with reverts("Unrelated"):
        asked.ask("askStatement", *asked.published(), account)
    _close_unanswered(asked, asked.ask("askStatementOfEntry", *asked.published(), opened(asked.lines(account)[0])))


def test_other_run_or_nets_are_not_asked_about(asked: Asked) -> None:
    run, nets = asked.published()
    for arguments in ((run | {"tradedWh": 1}, nets), (run, nets[32:])):
        with reverts("Unrelated"):
            asked.ask("askStatement", *arguments, MEMBER)


def test_statement_is_of_one_account_and_forward(asked: Asked) -> None:
    asked.ask("askStatement", *asked.published(), MEMBER)
    own, foreign = asked.lines(MEMBER), asked.lines(MEMBERS[0].address)
    for first, last in ((own[-1], own[0]), (foreign[0], own[-1]), (own[0], foreign[-1])):
        with reverts("Unrelated"):
            asked.answer("answerStatement", asked.net(MEMBER), opened(first), opened(last))


def test_line_beyond_the_statement_voids_the_run(disputed: Disputed) -> None:
    """The operator hides a last line: its net covers the others only."""
    asked = _with_hidden_line(disputed)
    own = asked.lines(MEMBER)
    asked.ask("askStatement", *asked.published(), MEMBER)
    asked.answer("answerStatement", asked.net(MEMBER), opened(own[0]), opened(own[-2]))
    arguments = (1, asked.net(MEMBER), opened(own[-1]))
    receipt = disputed.questions.transact("proveBeyondStatement", *arguments, sender=ASKER)
    assert receipt.gas_used < MAX_GAS
    assert receipt.event("FraudProven")["kind"] == BEYOND_STATEMENT


def test_line_within_the_statement_is_as_it_should_be(asked: Asked) -> None:
    own = asked.lines(MEMBER)
    net = asked.net(MEMBER)
    with reverts("NotInStatement", MEMBER, 1):
        asked.disputed.questions.transact("proveBeyondStatement", 1, net, opened(own[0]), sender=ASKER)
    asked.ask("askStatement", *asked.published(), MEMBER)
    asked.answer("answerStatement", net, opened(own[0]), opened(own[-1]))
    for line in own:
        with reverts("NothingWrong", BEYOND_STATEMENT):
            asked.disputed.questions.transact("proveBeyondStatement", 1, net, opened(line), sender=ASKER)
    foreign = asked.lines(MEMBERS[0].address)[0]
    with reverts("Unrelated"):
        asked.disputed.questions.transact("proveBeyondStatement", 1, net, opened(foreign), sender=ASKER)


def test_every_line_of_a_statement_can_be_asked_for(asked: Asked) -> None:
    own, net = asked.lines(MEMBER), asked.net(MEMBER)
    asked.ask("askStatement", *asked.published(), MEMBER)
    asked.answer("answerStatement", net, opened(own[0]), opened(own[-1]))
    for line in own:
        asked.ask("askEntry", net, line.integer("sequence"))
        asked.answer("answerEntry", opened(line))
    for beyond in (0, own[-1].integer("sequence") + 1):
        with reverts("NotInStatement", MEMBER, beyond):
            asked.ask("askEntry", net, beyond)


def test_missing_line_costs_the_run(disputed: Disputed) -> None:
    def skip_a_line(books: Books) -> None:
        account = bytes.fromhex(MEMBER[2:])
        place = next(p for p, line in enumerate(books.entries) if line[:2] == (account, 2))
        books.change(ENTRY, place, sequence=99)

    asked = settle(disputed, skip_a_line)
    own = sorted(asked.lines(MEMBER), key=lambda line: line.integer("sequence"))
    asked.ask("askStatement", *asked.published(), MEMBER)
    asked.answer("answerStatement", asked.net(MEMBER), opened(own[0]), opened(own[-2]))
    _close_unanswered(asked, asked.ask("askEntry", asked.net(MEMBER), 2))


# -- ENDS


def test_question_about_a_run_that_is_void_already_gives_the_stake_back(asked: Asked) -> None:
    token, settlement = asked.disputed.community.token, asked.disputed.community.settlement
    before = token.call("balanceOf", ASKER)
    first = asked.ask("askOrderOfTrade", opened(asked.run.trades[0]), True)
    second = asked.ask("askOrderOfTrade", opened(asked.run.trades[1]), True)
    asked.disputed.community.evm.timestamp += ANSWER_TIME + 1
    asked.disputed.questions.transact("close", first)
    settlement.transact("unwind", *asked.published())
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


def _with_hidden_line(disputed: Disputed) -> Asked:
    def hide(books: Books) -> None:
        hidden = [line for line in books.entries if line[0] == bytes.fromhex(MEMBER[2:])][-1]
        amount = hidden[6]
        assert isinstance(amount, int)
        (other, _), *_ = [pair for pair in books.nets if pair[0] != MEMBER]
        correction = {MEMBER: -amount, other: amount}
        books.nets = [(account, net + correction.get(account, 0)) for account, net in books.nets]

    return settle(disputed, hide)


def _identity(asked: Asked, topic: int, struct_hash: bytes) -> bytes:
    run_hash = asked.disputed.community.settlement.call("runAt", 1)[0]
    subject = digest(asked.run.domain, struct_hash)  # type: ignore[arg-type]
    identity: bytes = asked.disputed.questions.call("questionId", topic, run_hash, subject)
    return identity


def _close_unanswered(asked: Asked, identity: bytes) -> None:
    asked.disputed.community.evm.timestamp += ANSWER_TIME + 1
    receipt = asked.disputed.questions.transact("close", identity)
    assert receipt.event("FraudProven")["kind"] == UNANSWERED
