"""Answers that are remembered until the chain changes, on the node's side of the chain's socket.

Every frame from the chain carries its generation, which grows with each block and whatever else may change an answer.
An answer is given again only to the very same request and only while its generation was heard a moment ago: so whoever
has been told of a block reads nothing older, and a block that nobody here asked for is seen `FRESH_S` later at most.
"""

import re
from typing import Final

FRESH_S: Final = 0.25
BYTES_MAX: Final = 32_000_000
ANSWER_BYTES_MAX: Final = 1_000_000

_READS: Final = re.compile(
    rb'\{"jsonrpc":"2\.0","id":0,"method":"(?:'
    rb"eth_(?:call|simulateV1|createAccessList|chainId|blockNumber|gasPrice|maxPriorityFeePerGas|feeHistory|getBalance"
    rb"|getCode|getStorageAt|getTransactionCount|getProof|getLogs|getBlockBy\w+|getBlockReceipts|getBlockTransaction\w+"
    rb"|getTransactionBy\w+|getTransactionReceipt|getUncle\w+)"
    rb'|net_version|web3_clientVersion|debug_getRaw\w+|debug_trace\w+|ots_\w+|erigon_\w+|resilia_getSeal)"'
)
"""Methods whose answers follow from the chain as it is; what is pending depends on the time as well."""


class Answers:
    """Remembers answers of one generation."""

    def __init__(self) -> None:
        self._generation = -1
        self._heard_at = 0.0
        self._bytes = 0
        self._answers: dict[bytes, bytes] = {}

    def hear(self, generation: int, now: float) -> None:
        """Learn which generation the chain has; it never goes back, though frames of two connections may overtake."""
        if generation > self._generation:
            self._answers.clear()
            self._bytes = 0
            self._generation = generation
        if generation == self._generation:
            self._heard_at = now

    def begin(self) -> None:
        """Forget everything: the chain's process is another one, which counts anew."""
        self._answers.clear()
        self._bytes, self._generation = 0, -1

    def get(self, request: bytes, now: float) -> bytes | None:
        """Return the answer to a request, or None when the chain must be asked."""
        return self._answers.get(request) if now - self._heard_at < FRESH_S else None

    def put(self, request: bytes, answer: bytes, generation: int) -> None:
        """Remember an answer, if it is one of a read, of this generation, and there is room."""
        size = len(request) + len(answer)
        if generation != self._generation or size > ANSWER_BYTES_MAX or self._bytes + size > BYTES_MAX:
            return
        if _READS.match(request) and b'"pending"' not in request and answer.startswith(b'{"jsonrpc":"2.0","id":0,"re'):
            self._answers[request] = answer
            self._bytes += size
