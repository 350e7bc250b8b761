"""Methods about the price of gas. The base fee is near zero and no tip is needed: blocks are never contended."""

from bisect import bisect_left
from itertools import accumulate
from typing import Any, Final

from node.chain.chain import Head
from node.chain.errors import invalid_params
from node.chain.methods.encoding import parse_quantity, quantity
from node.chain.methods.session import Methods, Session, require_block
from node.chain.transactions import decode_transaction

BLOCKS_MAX: Final = 1_024
PERCENTILES_MAX: Final = 100


def eth_gas_price(session: Session) -> str:
    """Return the base fee of the next block."""
    return quantity(session.chain.head.header.next_base_fee())


def eth_max_priority_fee_per_gas(session: Session) -> str:
    """Return 0: the sealer asks for no tip."""
    return quantity(0)


def eth_blob_base_fee(session: Session) -> str:
    """Return 1, the least there is: this chain takes no blobs."""
    return quantity(1)


def eth_fee_history(session: Session, block_count: Any, newest_block: Any, percentiles: Any = None) -> dict[str, Any]:
    """Return base fees, how full blocks were, and the tips paid, of some blocks up to one."""
    count = block_count if type(block_count) is int else parse_quantity(block_count, "block count", 32)
    if count < 0:
        raise invalid_params("invalid block count")
    newest = require_block(session, newest_block).header.number
    wanted = _percentiles(percentiles)
    numbers = range(max(newest + 1 - min(count, BLOCKS_MAX), 0), newest + 1)
    blocks = [block for block in map(session.chain.block, numbers) if block is not None]
    if not blocks:
        return {"oldestBlock": quantity(0), "baseFeePerGas": [], "gasUsedRatio": []}
    base_fees = [block.header.base_fee_per_gas for block in blocks] + [blocks[-1].header.next_base_fee()]
    history: dict[str, Any] = {
        "oldestBlock": quantity(numbers.start),
        "baseFeePerGas": [quantity(fee) for fee in base_fees],
        "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
        "baseFeePerBlobGas": [quantity(1)] * len(base_fees),
        "blobGasUsedRatio": [0] * len(blocks),
    }
    if wanted:
        history["reward"] = [_tips(session, block, wanted) for block in blocks]
    return history


def _percentiles(value: Any) -> list[float]:
    values = [] if value is None else value
    if not isinstance(values, list) or len(values) > PERCENTILES_MAX:
        raise invalid_params(f"invalid reward percentiles: expected a list of at most {PERCENTILES_MAX}")
    for item in values:
        if isinstance(item, bool) or not isinstance(item, int | float) or not 0 <= item <= 100:
            raise invalid_params(f"invalid reward percentile: {item!r}")
    if values != sorted(values):
        raise invalid_params("invalid reward percentiles: they must rise")
    return values


def _tips(session: Session, block: Head, percentiles: list[float]) -> list[str]:
    base_fee = block.header.base_fee_per_gas
    paid = sorted(
        (decode_transaction(stored.raw).gas_price(base_fee) - base_fee, stored.gas_used)
        for stored in session.chain.store.transactions(block.header.number)
    )
    gas_up_to = list(accumulate(gas_used for _, gas_used in paid))
    places = (bisect_left(gas_up_to, block.header.gas_used * percentile / 100) for percentile in percentiles)
    return [quantity(paid[place][0] if paid else 0) for place in places]


METHODS: Final[Methods] = {
    "eth_gasPrice": eth_gas_price,
    "eth_maxPriorityFeePerGas": eth_max_priority_fee_per_gas,
    "eth_blobBaseFee": eth_blob_base_fee,
    "eth_feeHistory": eth_fee_history,
}
