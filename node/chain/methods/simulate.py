"""`eth_simulateV1`: blocks of calls on top of a block, with the state changed beforehand, that nobody seals.

In geth's shape: `error` of a call that failed, error codes -380xx for what can not be simulated. Every call becomes a
transaction of type 2, a gas price being both of its fees. Blobs, withdrawals and moved precompiles are not known here.
Source: execution-apis `src/eth/execute.yaml`; go-ethereum `internal/ethapi/simulate.go`.
"""

from typing import Any, Final

from node.chain.chain import Head
from node.chain.errors import INVALID_PARAMS, ChainError, invalid_params
from node.chain.methods.call_object import call_message, state_overrides
from node.chain.methods.encoding import data, parse_address, parse_bool, parse_hash, parse_quantity, quantity
from node.chain.methods.presentation import block_size, header_json, log_json, placed_transaction_json
from node.chain.methods.session import Methods, Session, require_state
from node.chain.methods.state import call_gas_max, execution_error
from node.chain.port import BlockPlan, Plan, SimulatedBlock, SimulatedCall, SimulatedTransaction
from node.chain.records import StoredLog
from node.chain.rejections import TransactionRejection as Why
from node.chain.simulation import BLOCKS_MAX, SimulationRefused

VM_ERROR: Final = -32015
_CODES: Final = {
    "number": (-38020, "block numbers must be in order"),
    "time": (-38021, "block timestamps must be in order"),
    "blocks": (-38026, f"too many blocks: at most {BLOCKS_MAX}"),
    "full": (-38015, "block gas limit reached"),
}
_REJECTION_CODES: Final = {
    Why.NONCE_TOO_LOW: -38010,
    Why.NONCE_TOO_HIGH: -38011,
    Why.FEE_CAP_BELOW_BASE_FEE: -38012,
    Why.INTRINSIC_GAS_TOO_LOW: -38013,
    Why.FLOOR_GAS_TOO_LOW: -38013,
    Why.INSUFFICIENT_FUNDS: -38014,
    Why.GAS_LIMIT_EXCEEDED: -38015,
    Why.SENDER_IS_CONTRACT: -38024,
    Why.INITCODE_TOO_LARGE: -38025,
}
_BLOCK_FIELDS: Final = {"number", "time", "gasLimit", "feeRecipient", "prevRandao", "baseFeePerGas"}


def eth_simulate_v1(session: Session, payload: Any, block: Any = "latest") -> list[dict[str, Any]]:
    """Return the blocks that calls would make on top of a block, with what came of each call."""
    head = require_state(session, block)
    gas_max = call_gas_max(head)
    if not isinstance(payload, dict) or not isinstance(payload.get("blockStateCalls"), list):
        raise invalid_params("invalid simulation: expected an object with blockStateCalls")
    if not payload["blockStateCalls"]:
        raise invalid_params("empty input")
    chosen = {
        name: payload.get(name) is not None and parse_bool(payload[name], name)
        for name in ("validation", "traceTransfers", "returnFullTransactions")
    }
    blocks = tuple(_block_plan(each, gas_max) for each in payload["blockStateCalls"])
    plan = Plan(blocks, chosen["validation"], chosen["traceTransfers"], gas_max)
    try:
        simulated = session.chain.simulate(head, plan)
    except SimulationRefused as refused:
        raise _error(refused) from None
    return [_block_json(each, chosen["returnFullTransactions"]) for each in simulated]


def _block_plan(document: Any, gas_max: int) -> BlockPlan:
    if not isinstance(document, dict):
        raise invalid_params("invalid blockStateCalls: expected a list of objects")
    changed = document.get("blockOverrides") or {}
    calls = document.get("calls") or []
    if not isinstance(changed, dict) or not isinstance(calls, list):
        raise invalid_params("invalid blockStateCalls: expected blockOverrides as an object and calls as a list")
    if unknown := set(changed) - _BLOCK_FIELDS:
        raise invalid_params(f"invalid block override: {min(unknown)[:40]} is not known")

    def number(name: str, bits: int) -> int | None:
        return None if changed.get(name) is None else parse_quantity(changed[name], name, bits)

    recipient, randao = changed.get("feeRecipient"), changed.get("prevRandao")
    return BlockPlan(
        calls=tuple(_call(call, gas_max) for call in calls),
        overrides=state_overrides(document.get("stateOverrides")),
        number=number("number", 63),
        timestamp=number("time", 63),
        gas_limit=number("gasLimit", 63),
        coinbase=None if recipient is None else parse_address(recipient, "feeRecipient"),
        mix_hash=None if randao is None else parse_hash(randao, "prevRandao"),
        base_fee=number("baseFeePerGas", 256),
    )


def _call(document: Any, gas_max: int) -> SimulatedCall:
    message = call_message(document, gas_max)

    def number(name: str, bits: int = 256) -> int | None:
        return None if document.get(name) is None else parse_quantity(document[name], name, bits)

    price, fee_cap, tip = number("gasPrice"), number("maxFeePerGas"), number("maxPriorityFeePerGas")
    if price is not None and (fee_cap is not None or tip is not None):
        raise invalid_params("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
    if price is not None:
        fee_cap = tip = price
    return SimulatedCall(message, number("gas", 64), number("nonce", 64), fee_cap or 0, tip or 0)


def _error(refused: SimulationRefused) -> ChainError:
    if refused.rejected is None:
        code, words = _CODES[refused.why]
        return ChainError(code, words)
    return ChainError(_REJECTION_CODES.get(Why(refused.rejected.code), INVALID_PARAMS), str(refused))


def _block_json(block: SimulatedBlock, full: bool) -> dict[str, Any]:
    head = Head(block.header.hash(), block.header, b"")
    items = list(enumerate(block.transactions))
    calls: list[dict[str, Any]] = []
    first_log = 0
    for position, item in items:
        calls.append(_call_json(item, position, first_log, head))
        first_log += len(calls[-1]["logs"])
    return {
        **header_json(block.header),
        "hash": data(head.hash),
        "size": quantity(block_size(block.header, [item.transaction.raw for _, item in items])),
        "transactions": [
            placed_transaction_json(item.transaction, position, head) if full else data(item.transaction.hash)
            for position, item in items
        ],
        "uncles": [],
        "withdrawals": [],
        "calls": calls,
    }


def _call_json(item: SimulatedTransaction, position: int, first_log: int, head: Head) -> dict[str, Any]:
    execution, number = item.execution, head.header.number
    logs = [
        StoredLog(number, first_log + index, position, log.address, log.topics, log.data)
        for index, log in enumerate(item.logs if execution.error is None else ())
    ]
    answer: dict[str, Any] = {
        "returnData": data(execution.output),
        "logs": [log_json(log, item.transaction.hash, head) for log in logs],
        "gasUsed": quantity(execution.gas_used),
        "status": quantity(int(execution.error is None)),
    }
    return answer if execution.error is None else {**answer, "error": execution_error(execution, VM_ERROR).to_json()}


METHODS: Final[Methods] = {"eth_simulateV1": eth_simulate_v1}
