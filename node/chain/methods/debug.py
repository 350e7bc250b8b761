"""Methods that execute a transaction or call again and show what happened inside.

Source: go-ethereum `eth/tracers`. Known tracers: none named (struct logs), `callTracer`, `prestateTracer`,
`4byteTracer`, `noopTracer`, and `muxTracer` for several of the named at once.
"""

from typing import Any, Final

from node.chain.chain import Head
from node.chain.errors import SERVER_ERROR, ChainError, invalid_params
from node.chain.methods.call_object import call_message
from node.chain.methods.encoding import data, parse_hash, quantity
from node.chain.methods.session import Methods, Session, block_number, find_block, require_kept, require_state
from node.chain.methods.state import call_gas_max
from node.chain.port import Execution
from node.chain.prestate import PrestateTracer
from node.chain.receipts import Receipt
from node.chain.records import StoredTransaction
from node.chain.tracer import Tracer
from node.chain.tracers import STEPS_MAX, CallTracer, MuxTracer, SelectorTracer, StructTracer

MUX_LEN_MAX: Final = 4
"""As many as there are names."""


def debug_trace_transaction(session: Session, transaction_hash: Any, options: Any = None) -> dict[str, Any]:
    """Return what happened inside a transaction."""
    stored = session.chain.store.transaction_by_hash(parse_hash(transaction_hash, "transaction hash"))
    block = None if stored is None else session.chain.block(stored.block)
    if stored is None or block is None:
        raise ChainError(SERVER_ERROR, "transaction not found")
    return _traced(session, block, stored, options)


def debug_trace_block(session: Session, block: Any, options: Any = None) -> list[dict[str, Any]]:
    """Return what happened inside each transaction of a block."""
    found = find_block(session, block)
    if found is None:
        name = block if isinstance(block, str) and len(block) == 66 else f"#{block_number(session, block)}"
        raise ChainError(SERVER_ERROR, f"block {name} not found")
    if found.header.number == 0:
        raise ChainError(SERVER_ERROR, "genesis is not traceable")
    return [
        {"txHash": data(stored.hash), "result": _traced(session, found, stored, options)}
        for stored in session.chain.store.transactions(found.header.number)
    ]


def debug_trace_call(session: Session, transaction: Any, block: Any, options: Any = None) -> dict[str, Any]:
    """Return what would happen inside a call."""
    head = require_state(session, block)
    tracer = _tracer(options)
    overrides = (options or {}).get("stateOverrides")
    execution = session.chain.watch_call(head, call_message(transaction, call_gas_max(head), overrides), tracer)
    return _result(tracer, execution, of_transaction=False)


def _traced(session: Session, block: Head, stored: StoredTransaction, options: Any) -> dict[str, Any]:
    tracer = _tracer(options)
    parent = session.chain.block(block.header.number - 1)
    if parent is not None:
        require_kept(session, parent.header)
    session.chain.watch(block, stored.position, tracer)
    succeeded = Receipt.decode(stored.receipt).succeeded
    output = tracer.output if isinstance(tracer, StructTracer) else b""
    execution = Execution(output, stored.gas_used, 0, None if succeeded else "failed")
    return _result(tracer, execution, of_transaction=True)


def _result(tracer: Tracer, execution: Execution, *, of_transaction: bool) -> dict[str, Any]:
    """Return what a tracer answers; the gas of a transaction is that of its receipt, for a tree of calls as well."""
    match tracer:
        case StructTracer():
            return _struct_result(tracer, execution)
        case CallTracer():
            return tracer.top | ({"gasUsed": quantity(execution.gas_used)} if of_transaction else {})
        case PrestateTracer():
            return tracer.result
        case SelectorTracer():
            return dict(sorted(tracer.called.items()))
        case MuxTracer():
            named = tracer.tracers.items()
            return {name: _result(each, execution, of_transaction=of_transaction) for name, each in named}
        case _:
            return {}


def _struct_result(tracer: StructTracer, execution: Execution) -> dict[str, Any]:
    return {
        "gas": execution.gas_used,
        "failed": execution.error is not None,
        "returnValue": data(execution.output),
        "structLogs": tracer.steps,
    }


def _tracer(options: Any) -> Tracer:
    if options is not None and not isinstance(options, dict):
        raise invalid_params("invalid trace options: expected an object")
    settings: dict[str, Any] = options or {}
    name = settings.get("tracer")
    if name is not None:
        return _named(name, settings.get("tracerConfig"), room=MUX_LEN_MAX)
    limit = settings.get("limit")
    return StructTracer(
        memory=settings.get("enableMemory") is True,
        stack=settings.get("disableStack") is not True,
        storage=settings.get("disableStorage") is not True,
        limit=min(limit, STEPS_MAX) if type(limit) is int and limit > 0 else STEPS_MAX,
    )


def _named(name: Any, details: Any, room: int) -> Tracer:
    """Return a tracer by its name; `room` is how many a `muxTracer` may have, none where it is in another."""
    chosen = {key for key, value in details.items() if value is True} if isinstance(details, dict) else set()
    if name == "callTracer":
        return CallTracer(only_top="onlyTopCall" in chosen, logs="withLog" in chosen)
    if name == "prestateTracer":
        code, storage = "disableCode" not in chosen, "disableStorage" not in chosen
        return PrestateTracer(difference="diffMode" in chosen, code=code, storage=storage)
    if name == "4byteTracer":
        return SelectorTracer()
    if name == "noopTracer":
        return Tracer()
    if name == "muxTracer" and room:
        if not isinstance(details, dict) or len(details) > room:
            raise invalid_params(f"invalid tracerConfig: expected an object of at most {room} tracers by name")
        return MuxTracer({key: _named(key, value, room=0) for key, value in details.items()})
    known = "callTracer, prestateTracer, 4byteTracer, noopTracer and muxTracer are, and none for steps"
    raise ChainError(SERVER_ERROR, f"tracer {str(name)[:40]!r} is not known here: {known}")


METHODS: Final[Methods] = {
    "debug_traceTransaction": debug_trace_transaction,
    "debug_traceBlockByNumber": debug_trace_block,
    "debug_traceBlockByHash": debug_trace_block,
    "debug_traceCall": debug_trace_call,
}
