"""Answers: what an honest run shows when a question of the contract `Questions` asks for it. Pure: sends nothing.

Units: Wh, n€, UTC epoch seconds; all int.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from operator import methodcaller

from eth_abi.abi import encode

from energy.identity import Digest
from oracles.disputes import OpenedRun, is_line_of
from oracles.hashing import keccak
from oracles.openings import Opening
from oracles.typed_data import ORDER, digest

Signatures = Mapping[Digest, Sequence[bytes]]
"""The oracles' signatures over readings, by the readings' struct hashes; each by ascending signer."""


class Topic(IntEnum):
    """What a question asks for, as the contract numbers it."""

    ORDER = 0
    TRADE_OF_ORDER = 1
    TRADE_OF_ENTRY = 2
    SIGNATURES = 3
    STATEMENT = 4
    ENTRY = 5
    ENTRY_OF_TRADE = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """One call of the contract `Questions`."""

    function: str
    arguments: tuple[object, ...]
    """Behind the run's number, as the ABI takes them: structs are tuples."""


def question_id(topic: Topic, run_hash: Digest, subject: bytes) -> Digest:
    """Return the name of a question, as the contract computes it."""
    return keccak(encode(["uint8", "bytes32", "bytes32"], [topic, run_hash, subject]))


def find_answer(run: OpenedRun, topic: Topic, subject: bytes, signatures: Signatures) -> Answer | None:
    """Return the call that answers a question about a run, or None if the run holds no such thing.

    Args:
        run: All of its leaves.
        topic: What is asked for.
        subject: 32 bytes: of the question, see `IQuestions`.
        signatures: Of all readings of the run.
    """
    match topic:
        case Topic.ORDER:
            return _only("answerOrder", (each for each in run.orders if _order_digest(run, each) == subject))
        case Topic.TRADE_OF_ORDER:
            return _trade_of_order(run, subject)
        case Topic.TRADE_OF_ENTRY:
            return _trade_of_entry(run, subject)
        case Topic.SIGNATURES:
            return _signatures(run, subject, signatures)
        case Topic.STATEMENT:
            return _statement(run, subject)
        case Topic.ENTRY:
            account, sequence = subject[:20], int.from_bytes(subject[20:])
            lines = (line for line in run.entries if line.data("account") == account)
            return _only("answerEntry", (line for line in lines if line.integer("sequence") == sequence))
        case Topic.ENTRY_OF_TRADE:
            return _only("answerEntryOfTrade", (line for line in run.entries if _line_hash(line) == subject))


def _trade_of_order(run: OpenedRun, subject: bytes) -> Answer | None:
    for trade in run.trades:
        for name in ("buyOrder", "sellOrder"):
            if trade.data(name) == subject:
                return Answer("answerTradeOfReceipt", (_opened(trade), name == "buyOrder"))
    return None


def _trade_of_entry(run: OpenedRun, subject: bytes) -> Answer | None:
    for line in run.entries:
        if line.struct.hash(line.values) == subject:
            for trade in run.trades:
                if is_line_of(line, trade):
                    return Answer("answerTradeOfEntry", (line.values, _opened(trade)))
    return None


def _signatures(run: OpenedRun, subject: bytes, signatures: Signatures) -> Answer | None:
    for reading in run.readings:
        struct_hash = reading.struct.hash(reading.values)
        if struct_hash == subject and struct_hash in signatures:
            return Answer("answerSignatures", (reading.values, list(signatures[struct_hash])))
    return None


def _statement(run: OpenedRun, subject: bytes) -> Answer | None:
    account, net = subject[:20], int.from_bytes(subject[20:], signed=True)
    lines = sorted(
        (line for line in run.entries if line.data("account") == account), key=methodcaller("integer", "sequence")
    )
    if not lines or lines[-1].integer("balanceAfter") - lines[0].integer("balanceBefore") != net:
        return None
    return Answer("answerStatement", (subject, _opened(lines[0]), _opened(lines[-1])))


def _only(function: str, found: Iterable[Opening]) -> Answer | None:
    opening = next(iter(found), None)
    return None if opening is None else Answer(function, (_opened(opening),))


def _opened(opening: Opening) -> tuple[object, ...]:
    return (opening.values, opening.salt, opening.proof)


def _order_digest(run: OpenedRun, signed: Opening) -> Digest:
    order = signed.values[0]
    assert isinstance(order, tuple)
    return digest(run.domain, ORDER.hash(order))


def _line_hash(line: Opening) -> Digest:
    """Return the name of the line that a trade must have: of its account, kind, interval and reference."""
    names = ("account", "kind", "interval", "ref")
    return keccak(encode(["address", "uint8", "uint64", "bytes32"], [line.value(name) for name in names]))
