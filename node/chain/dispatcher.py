"""JSON-RPC 2.0 over one chain: bytes in, bytes out.

Transactions that stand next to each other in a batch are submitted together and share a block; a library does not offer
that, which is why the dispatcher is our own.
Refuses: bodies over `BODY_SIZE_MAX`, batches over `BATCH_SIZE_MAX`, JSON with duplicate keys or NaN, as error answers;
strangers' calls that take too long (`node.chain.time_limit`).
"""

import inspect
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from energy import strict_json
from energy.errors import Corrupt, Unavailable
from energy.results import Rejected
from node.chain.chain import Chain
from node.chain.errors import (
    ANSWER_SIZE_MAX,
    ANSWER_TOO_LARGE,
    BODY_SIZE_MAX,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    SERVER_ERROR,
    UNAVAILABLE,
    ChainError,
    failure,
    invalid_params,
    oversized_answer,
)
from node.chain.filters import Filters
from node.chain.methods import PRIVATE_METHODS, PUBLIC_METHODS
from node.chain.methods.encoding import data, parse_data
from node.chain.methods.session import Session
from node.chain.rejections import geth_message
from node.chain.time_limit import BODY_S, CALL_S, Interrupted, time_limit

BATCH_SIZE_MAX: Final = 1_000
SEND: Final = "eth_sendRawTransaction"

_log = logging.getLogger(__name__)


class Dispatcher:
    """Answers requests, one body after the other."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._session = Session(chain, Filters())

    @property
    def generation(self) -> int:
        """Return a number that grows whenever an answer to a read may have become another."""
        return self._chain.generation

    @property
    def head(self) -> int:
        """Return the height of the newest block."""
        return self._chain.head.header.number

    @property
    def awaits_standby(self) -> bool:
        """Return whether nothing counts as done before a standby has it."""
        return self._chain.confirmed_through is not None

    def is_confirmed(self, number: int) -> bool:
        """Return whether a standby has all blocks through one, or none has to."""
        return self._chain.confirmed_through is None or self._chain.confirmed_through >= number

    def answer(self, body: bytes, *, private: bool) -> bytes:
        """Return the answer to a request or batch; empty when nothing is to be answered (notifications).

        Args:
            body: JSON text, UTF-8.
            private: Whether the caller may use private methods.
        Raises:
            Corrupt: an invariant of the chain is broken; the process must stop.
        """
        if len(body) > BODY_SIZE_MAX:
            return oversized_answer()
        try:
            request = _parsed(body)
        except ChainError as error:
            return _encoded(failure(None, error))
        if not isinstance(request, list):
            answers = self._answers([request], private)
            return _limited(answers[0]) if answers else b""
        if not 0 < len(request) <= BATCH_SIZE_MAX:
            words = f"batch too large, at most {BATCH_SIZE_MAX}" if request else "empty batch"
            return _encoded(failure(None, ChainError(INVALID_REQUEST, words)))
        answers = self._answers(request, private)
        return _limited(answers) if answers else b""

    def _answers(self, requests: list[Any], private: bool) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        until = time.monotonic() + BODY_S
        position = 0
        while position < len(requests):
            group = _leading_sends(requests[position:])
            if group:
                outcomes = self._send(group, private)
            else:
                group = requests[position : position + 1]
                outcomes = [self._outcome(group[0], private, until)]
            for request, outcome in zip(group, outcomes, strict=True):
                if (answer := _answer(request, outcome)) is not None:
                    answers.append(answer)
            position += len(group)
        return answers

    def _outcome(self, request: Any, private: bool, until: float) -> Any:
        method = ""
        try:
            method, params = _validated(request)
            function = PUBLIC_METHODS.get(method) or (PRIVATE_METHODS.get(method) if private else None)
            if function is None:
                raise ChainError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
            bound = _bound(function, self._session, params)
            if private:
                return bound()
            allowed_s = min(CALL_S, until - time.monotonic())
            if allowed_s <= 0:
                raise ChainError(UNAVAILABLE, f"request timed out: all calls of a batch may take {BODY_S:g}s")
            with time_limit(allowed_s):
                return bound()
        except Interrupted:
            return ChainError(SERVER_ERROR, f"execution aborted (timeout = {CALL_S:g}s)")
        except ChainError as error:
            return error
        except Unavailable as error:
            return ChainError(UNAVAILABLE, str(error))
        except Corrupt:
            raise
        except Exception:
            return _defect(method)

    def _send(self, requests: list[dict[str, Any]], own: bool) -> list[Any]:
        outcomes: list[Any] = []
        raws: list[bytes] = []
        for request in requests:
            try:
                raws.append(_bound(_raw_transaction, self._session, request.get("params", []))())
                outcomes.append(None)
            except ChainError as error:
                outcomes.append(error)
        try:
            results: Iterator[Any] = iter([_send_result(outcome) for outcome in self._chain.submit(raws, own=own)])
        except Unavailable as error:
            results = iter([ChainError(UNAVAILABLE, str(error))] * len(raws))
        except Corrupt:
            raise
        except Exception:
            results = iter([_defect(SEND)] * len(raws))
        return [next(results) if outcome is None else outcome for outcome in outcomes]


def _defect(method: str) -> ChainError:
    """Return the answer to an exception that nobody foresaw: it must not stop the chain, nor tell strangers why."""
    _log.exception("defect while answering %s", method)
    return ChainError(INTERNAL_ERROR, "internal error")


def _raw_transaction(session: Session, transaction: Any) -> bytes:
    return parse_data(transaction, "transaction")


def _send_result(outcome: bytes | Rejected) -> str | ChainError:
    if isinstance(outcome, Rejected):
        return ChainError(SERVER_ERROR, geth_message(outcome))
    return data(outcome)


def _leading_sends(requests: Sequence[Any]) -> list[dict[str, Any]]:
    group: list[dict[str, Any]] = []
    for request in requests:
        if not (isinstance(request, dict) and request.get("method") == SEND and _is_valid(request)):
            break
        group.append(request)
    return group


def _parsed(body: bytes) -> Any:
    try:
        return strict_json.loads(body)
    except strict_json.BadJson as error:
        raise ChainError(PARSE_ERROR, f"parse error: {error}") from None


def _is_valid(request: Any) -> bool:
    return (
        isinstance(request, dict)
        and request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and isinstance(request.get("params", []), list | dict)
        and _is_identifier(request.get("id"))
    )


def _is_identifier(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _validated(request: Any) -> tuple[str, list[Any] | dict[str, Any]]:
    if not _is_valid(request):
        raise ChainError(INVALID_REQUEST, "invalid request")
    return request["method"], request.get("params", [])


def _bound(function: Callable[..., Any], session: Session, params: Sequence[Any] | Mapping[str, Any]) -> Any:
    if isinstance(params, Mapping):
        try:
            bound = inspect.signature(function).bind(session, **params)
        except TypeError as error:
            raise invalid_params(f"invalid params: {error}") from None
        return lambda: function(*bound.args, **bound.kwargs)
    least, most = _arity(function)
    if len(params) + 1 < least:
        raise invalid_params(f"missing value for required argument {len(params)}")
    if len(params) + 1 > most:
        raise invalid_params(f"too many arguments, want at most {most - 1}")
    return lambda: function(session, *params)


@cache
def _arity(function: Callable[..., Any]) -> tuple[int, int]:
    """Return how many arguments a method takes at least and at most, its session included."""
    parameters = inspect.signature(function).parameters.values()
    return sum(each.default is each.empty for each in parameters), len(parameters)


def _answer(request: Any, outcome: Any) -> dict[str, Any] | None:
    valid = _is_valid(request)
    if valid and "id" not in request:
        return None
    identifier = request["id"] if valid else None
    if isinstance(outcome, ChainError):
        return failure(identifier, outcome)
    return {"jsonrpc": "2.0", "id": identifier, "result": outcome}


def _limited(answer: Any) -> bytes:
    encoded = _encoded(answer)
    if len(encoded) > ANSWER_SIZE_MAX:
        identifier = answer["id"] if isinstance(answer, dict) else None
        return _encoded(failure(identifier, ChainError(ANSWER_TOO_LARGE, "response too large")))
    return encoded


def _encoded(answer: Any) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
