"""Questions about a settled run: how a test asks and answers them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oracles.disputes import OpenedRun
from oracles.openings import Opening
from oracles.typed_data import ORDER, RECEIPT, digest
from tests.support import typed_data_vectors as typed_data
from tests.support.community import FIRST_INTERVAL, MEMBERS, ORACLES, QUORUM, Key
from tests.support.disputes import ANSWER_TIME, CHALLENGER, OPERATOR, Books, Disputed, honest_books
from tests.support.evm import Receipt

ASKER, ANSWERER = CHALLENGER.address, OPERATOR.address
OTHER = bytes.fromhex(MEMBERS[2].address[2:])
FILLED, CANCELLED = 2, 4
UNANSWERED, BEYOND_STATEMENT = 15, 14
RECEIPTED_AT = FIRST_INTERVAL - 600
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
        values = (7, b"j" * 32, digest(domain, ORDER.hash(self.order(place))), outcome, RECEIPTED_AT)
        return values, signer.sign(digest(domain, RECEIPT.hash(values))), self.order(place)

    def published(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the run and its nets, opened whole."""
        run, nets = self.disputed.published[-1]
        return run, {"before": [], "pages": [nets], "rest": bytes(32)}

    def net(self, account: str) -> bytes:
        packed = typed_data.pack_nets(self.books.nets)
        return next(
            packed[at : at + 32] for at in range(0, len(packed), 32) if packed[at : at + 20].hex() == account[2:]
        )

    def lines(self, account: str) -> list[Opening]:
        own = bytes.fromhex(account[2:])
        return [line for line in self.run.entries if line.data("account") == own]


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
    "askEntryOfTrade": (
        lambda a: (opened(a.run.trades[0]), True),
        "answerEntryOfTrade",
        lambda a: (opened(a.run.entries[0]),),
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


def close_unanswered(asked: Asked, identity: bytes) -> None:
    """Let the time of a question pass, and see the run voided."""
    asked.disputed.community.evm.timestamp += ANSWER_TIME + 1
    receipt = asked.disputed.questions.transact("close", identity)
    assert receipt.event("FraudProven")["kind"] == UNANSWERED
