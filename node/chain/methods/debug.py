"""Methods that execute a transaction or call again and show what happened inside.

Source: go-ethereum `eth/tracers`. Known tracers: none named (struct logs), `callTracer` and
`prestateTracer`.
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
from node.chain.tracers import STEPS_MAX, CallTracer, StructTracer


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
    if isinstance(tracer, CallTracer):
        return tracer.top
    return tracer.result if isinstance(tracer, PrestateTracer) else _struct_result(tracer, execution)


def _traced(session: Session, block: Head, stored: StoredTransaction, options: Any) -> dict[str, Any]:
    tracer = _tracer(options)
    parent = session.chain.block(block.header.number - 1)
    if parent is not None:
        require_kept(session, parent.header)
    session.chain.watch(block, stored.position, tracer)
    succeeded = Receipt.decode(stored.receipt).succeeded
    if isinstance(tracer, CallTracer):
        return {**tracer.top, "gasUsed": quantity(stored.gas_used)}
    if isinstance(tracer, PrestateTracer):
        return tracer.result
    return _struct_result(tracer, Execution(tracer.output, stored.gas_used, 0, None if succeeded else "failed"))


def _struct_result(tracer: StructTracer, execution: Execution) -> dict[str, Any]:
    return {
        "gas": execution.gas_used,
        "failed": execution.error is not None,
        "returnValue": data(execution.output),
        "structLogs": tracer.steps,
    }


def _tracer(options: Any) -> StructTracer | CallTracer | PrestateTracer:
    if options is not None and not isinstance(options, dict):
        raise invalid_params("invalid trace options: expected an object")
    settings: dict[str, Any] = options or {}
    name = settings.get("tracer")
    if name is None:
        limit = settings.get("limit")
        return StructTracer(
            memory=settings.get("enableMemory") is True,
            stack=settings.get("disableStack") is not True,
            storage=settings.get("disableStorage") is not True,
            limit=min(limit, STEPS_MAX) if type(limit) is int and limit > 0 else STEPS_MAX,
        )
    details = settings.get("tracerConfig")
    chosen = {key for key, value in details.items() if value is True} if isinstance(details, dict) else set()
    if name == "callTracer":
        return CallTracer(only_top="onlyTopCall" in chosen, logs="withLog" in chosen)
    if name == "prestateTracer":
        code, storage = "disableCode" not in chosen, "disableStorage" not in chosen
        return PrestateTracer(difference="diffMode" in chosen, code=code, storage=storage)
    known = "callTracer and prestateTracer are, and none for steps"
    raise ChainError(SERVER_ERROR, f"tracer {str(name)[:40]!r} is not known here: {known}")


METHODS: Final[Methods] = {
    "debug_traceTransaction": debug_trace_transaction,
    "debug_traceBlockByNumber": debug_trace_block,
    "debug_traceBlockByHash": debug_trace_block,
    "debug_traceCall": debug_trace_call,
}
