"""The error that a JSON-RPC answer carries, on both sides of the socket, the codes in use, and the size of a body.

Source of codes: JSON-RPC 2.0, section 5.1; EIP-1474; go-ethereum `rpc/errors.go` and `internal/ethapi/errors.go`.
"""

import json
from typing import Any, Final

from energy.errors import EnergyNodeError

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
SERVER_ERROR: Final = -32000
"""geth's code for every refusal that has no better one; the message tells them apart."""
UNAVAILABLE: Final = -32002
ANSWER_TOO_LARGE: Final = -32003
LIMIT_EXCEEDED: Final = -32005
EXECUTION_REVERTED: Final = 3

BODY_SIZE_MAX: Final = 1_000_000
"""Bytes of one request or batch."""
ANSWER_SIZE_MAX: Final = 25_000_000
"""Bytes of one answer, as in geth."""


class ChainError(EnergyNodeError):
    """The chain answered with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"

    def to_json(self) -> dict[str, Any]:
        """Return the error object of an answer."""
        error = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


def failure(identifier: Any, error: ChainError) -> dict[str, Any]:
    """Return the answer that carries an error; its id is null when the request's could not be read."""
    return {"jsonrpc": "2.0", "id": identifier, "error": error.to_json()}


def oversized_answer() -> bytes:
    """Return the answer to a body that is too large to be read."""
    words = f"request body too large, at most {BODY_SIZE_MAX} bytes"
    return json.dumps(failure(None, ChainError(INVALID_REQUEST, words)), separators=(",", ":")).encode()


def invalid_params(message: str) -> ChainError:
    """Return the error for a parameter of the wrong form."""
    return ChainError(INVALID_PARAMS, message)
