"""JSON-RPC 2.0 for everybody: one door, over HTTP and WebSocket, to the node's own methods and to the chain's.

`energy_*` and `rpc.discover` are answered here; what is on `FORWARDED` goes to the chain's process; all else does not
exist. The calls of a batch start in their sequence and run together; their answers come in the same sequence. The chain
gets a large batch in parts, so that neither its answers nor its calls hold others up.
Refuses: bodies over `BODY_BYTES_MAX`, batches over `BATCH_LEN_MAX`, JSON that two readers might read differently.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pjrpc.server import AsyncDispatcher

from energy import strict_json
from energy.errors import Unavailable
from node.rpc import codes, news
from node.rpc.caller import Caller
from node.rpc.ports import ChainRequests, JsonObject
from node.rpc.pushing import Pushing
from node.rpc.subscriptions import SubscriptionError
from node.rpc.turns import Busy, Turns

BODY_BYTES_MAX: Final = 1_000_000
BATCH_LEN_MAX: Final = 1_000
BATCH_S: Final = 30.0
"""For all calls of a batch that the chain answers, and for what goes before them."""
BATCH_ANSWER_BYTES_MAX: Final = 25_000_000
"""The chain's answers to a batch."""
PART_LEN: Final = 10
"""Calls of a batch that the chain gets at a time; transactions next to each other stay together and share a block."""

FORWARDED: Final = (
    "eth_",
    "net_",
    "web3_",
    "txpool_",
    "ots_",
    "erigon_",
    "debug_getRaw",
    "debug_trace",
    "resilia_",
)
"""Beginnings of the method names that the chain answers to strangers; its `chain_` methods are the node's alone."""

SEND: Final = "eth_sendRawTransaction"
_ANSWER_TO_0: Final = b'{"jsonrpc":"2.0","id":0,'

SUBSCRIBING: Final = ("eth_subscribe", "eth_unsubscribe", *news.METHODS)
"""Methods that are answered here, for the connection that they came by."""


@dataclass(frozen=True, slots=True)
class Call:
    """One well-formed request."""

    request: JsonObject
    method: str
    wants_answer: bool
    """False for a notification."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Something in the place of a request that is none."""

    problem: str


class RpcRouter:
    """Splits requests between the node and the chain, and puts the answers together."""

    def __init__(self, own: AsyncDispatcher[Caller], chain: ChainRequests) -> None:
        self._own = own
        self._chain = chain
        self._turns = Turns()

    async def answer(self, raw: bytes, caller: Caller, subscriptions: Pushing | None = None) -> bytes | bytearray:
        """Return the answer to one request or batch as JSON text; empty when nothing in it wants one.

        Args:
            raw: What was received.
            caller: Who asks.
            subscriptions: Those of the caller's connection; None where nothing can be told later (HTTP).
        """
        if len(raw) > BODY_BYTES_MAX:
            return _error(None, codes.INVALID_REQUEST, f"the request is longer than {BODY_BYTES_MAX} bytes")
        try:
            async with self._turns.turn(len(raw)):
                return await self._answer(raw, caller, subscriptions)
        except Busy:
            return _error(None, codes.LIMIT_EXCEEDED, "too many large requests wait already; try again later")

    async def _answer(self, raw: bytes, caller: Caller, subscriptions: Pushing | None) -> bytes | bytearray:
        try:
            body = strict_json.loads(raw)
        except strict_json.BadJson as error:
            return _error(None, codes.PARSE_ERROR, f"Parse error: {error}")
        if not isinstance(body, list):
            return (await self._answers([_parse(body)], caller, subscriptions))[0]
        if not body:
            return _error(None, codes.INVALID_REQUEST, "an empty batch asks nothing")
        if len(body) > BATCH_LEN_MAX:
            return _error(None, codes.INVALID_REQUEST, f"the batch is longer than {BATCH_LEN_MAX} calls")
        calls = [_parse(item) for item in body]
        answers = [answer for answer in await self._answers(calls, caller, subscriptions) if answer]
        return await _listed(answers) if answers else b""

    async def _answers(
        self, calls: Sequence[Call | Malformed], caller: Caller, subscriptions: Pushing | None
    ) -> list[bytes]:
        """Return one answer per call, empty for a notification.

        Tasks start in the sequence in which they are made: the node's commands take effect in the caller's sequence.
        """
        answers = [b""] * len(calls)
        own: list[tuple[int, asyncio.Task[bytes]]] = []
        forwarded: list[tuple[int, Call]] = []
        for place, call in enumerate(calls):
            if isinstance(call, Malformed):
                answers[place] = _error(None, codes.INVALID_REQUEST, f"Invalid request: {call.problem}")
            elif self._own.registry.get(call.method) is not None:
                own.append((place, asyncio.create_task(self._answer_own(call, caller))))
            elif call.method in SUBSCRIBING:
                own.append((place, asyncio.create_task(_answer_subscribing(call, subscriptions))))
            elif call.method.startswith(FORWARDED):
                forwarded.append((place, call))
            elif call.wants_answer:
                problem = f"the method {call.method[:60]} does not exist/is not available"
                answers[place] = _error(call.request["id"], codes.METHOD_NOT_FOUND, problem)
        if forwarded:
            from_chain = await self._forward([call for _, call in forwarded])
            for (place, _), answer in zip(forwarded, from_chain, strict=True):
                answers[place] = answer
        for place, task in own:
            answers[place] = await task
        return answers

    async def _answer_own(self, call: Call, caller: Caller) -> bytes:
        answered = await self._own.dispatch(json.dumps(call.request), caller)
        return answered[0].encode() if answered is not None and call.wants_answer else b""

    async def _forward_one(self, call: Call) -> bytes:
        """Pass one call on in a form that depends on nothing but method and parameters, so that it may be remembered.

        The answer is not read, only given the caller's id in place of ours.
        """
        request = {"jsonrpc": "2.0", "id": 0, "method": call.method, "params": call.request.get("params", [])}
        identifier = call.request["id"]
        try:
            answer = await self._chain.request_bytes(strict_json.dumps(request))
        except Unavailable as error:
            return _error(identifier, codes.UNAVAILABLE, f"the chain does not answer for now: {error}")
        if answer.startswith(_ANSWER_TO_0):
            return b'{"jsonrpc":"2.0","id":' + strict_json.dumps(identifier) + b"," + answer[len(_ANSWER_TO_0) :]
        if not answer:
            return _error(identifier, codes.INTERNAL_ERROR, "the chain gave no answer to this call")
        return strict_json.dumps({**json.loads(answer), "id": identifier})

    async def _forward(self, calls: Sequence[Call]) -> list[bytes]:
        """Send calls to the chain, part by part, and return one answer per call."""
        loop = asyncio.get_running_loop()
        until = loop.time() + BATCH_S
        answers: list[bytes] = []
        room = BATCH_ANSWER_BYTES_MAX
        for part in _parts(calls):
            if room < 0:
                answers += [_refused(call, codes.ANSWER_TOO_LARGE, "response too large") for call in part]
            elif loop.time() > until:
                words = f"request timed out: all calls of a batch may take {BATCH_S:g}s"
                answers += [_refused(call, codes.UNAVAILABLE, words) for call in part]
            else:
                answers += await self._forward_part(part)
                room -= sum(map(len, answers[-len(part) :]))
        return answers

    async def _forward_part(self, calls: Sequence[Call]) -> list[bytes]:
        """Send calls to the chain, several as one batch, and return one answer per call.

        The chain gets the calls written anew, with their places as ids: what was checked is what is sent, and
        answers find their call whatever ids the caller chose.
        """
        if len(calls) == 1 and calls[0].wants_answer:
            return [await self._forward_one(calls[0])]
        sent = [
            {**call.request, "id": place} if call.wants_answer else call.request for place, call in enumerate(calls)
        ]
        try:
            raw = await self._chain.request_bytes(strict_json.dumps(sent[0] if len(sent) == 1 else sent))
        except Unavailable as error:
            body: Any = _error_object(codes.UNAVAILABLE, f"the chain does not answer for now: {error}")
        else:
            body = json.loads(raw) if raw else []
        if isinstance(body, dict):  # one answer, or one error for the batch as a whole
            body = [{**body, "id": place} for place in range(len(calls))]
        by_place = {answer["id"]: answer for answer in body}
        missing = _error_object(codes.INTERNAL_ERROR, "the chain gave no answer to this call")
        return [
            strict_json.dumps({**by_place.get(place, missing), "id": call.request["id"]}) if call.wants_answer else b""
            for place, call in enumerate(calls)
        ]


async def _listed(answers: Sequence[bytes]) -> bytearray:
    """Return answers as a JSON array; they may be many megabytes, so others have the loop between."""
    text = bytearray(b"[")
    for place, answer in enumerate(answers):
        if place:
            text += b","
        text += answer
        if place % PART_LEN == PART_LEN - 1:
            await asyncio.sleep(0)
    text += b"]"
    return text


async def _answer_subscribing(call: Call, subscriptions: Pushing | None) -> bytes:
    params = call.request.get("params", [])
    answer: JsonObject
    try:
        if subscriptions is None:
            raise SubscriptionError(codes.METHOD_NOT_FOUND, "notifications not supported")
        answer = {"jsonrpc": "2.0", "result": await subscriptions.answer(call.method, params)}
    except SubscriptionError as error:
        answer = {"jsonrpc": "2.0", "error": error.error}
    except Unavailable as error:
        answer = _error_object(codes.UNAVAILABLE, f"the chain does not answer for now: {error}")
    return strict_json.dumps({**answer, "id": call.request["id"]}) if call.wants_answer else b""


def _parse(item: Any) -> Call | Malformed:
    """Check the envelope of one request."""
    if not isinstance(item, dict):
        return Malformed("a request is an object")
    if item.get("jsonrpc") != "2.0":
        return Malformed('"jsonrpc" must be "2.0"')
    method = item.get("method")
    if not isinstance(method, str) or not method:
        return Malformed('"method" must be a text')
    if not isinstance(item.get("params", []), list | dict):
        return Malformed('"params" must be an array or an object')
    if "id" in item and type(item["id"]) not in (int, str):
        return Malformed('"id" must be an integer or a text; a request without one gets no answer')
    return Call(item, method, "id" in item)


def _parts(calls: Sequence[Call]) -> Iterator[Sequence[Call]]:
    """Yield neighbouring calls: `PART_LEN` of them, or more where transactions would be torn from each other."""
    begin = 0
    for end in range(1, len(calls) + 1):
        is_torn = end < len(calls) and calls[end - 1].method == calls[end].method == SEND
        if end == len(calls) or (end - begin >= PART_LEN and not is_torn):
            yield calls[begin:end]
            begin = end


def _refused(call: Call, code: int, problem: str) -> bytes:
    return _error(call.request["id"], code, problem) if call.wants_answer else b""


def _error_object(code: int, problem: str) -> JsonObject:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": problem}}


def _error(call_id: int | str | None, code: int, problem: str) -> bytes:
    return strict_json.dumps({**_error_object(code, problem), "id": call_id})
