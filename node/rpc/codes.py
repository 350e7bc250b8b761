"""JSON-RPC error codes: those of the standard and of Ethereum's clients, and ours from -39001 to -39099."""

from typing import Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
"""`data` is ``{field, problem}``."""
INTERNAL_ERROR: Final = -32603
SERVER_ERROR: Final = -32000
ANSWER_TOO_LARGE: Final = -32003
LIMIT_EXCEEDED: Final = -32005
UNAVAILABLE: Final = -32002
"""Something that the answer needs is away for now; `data` is ``{retryAfterS}``."""
REFUSED: Final = -39001
"""A rule of the market or the node refuses the command; `data` is ``{code, name, facts, hint}``."""
LOCAL_ONLY: Final = -39002
"""Personal data, answered only to callers on the node's own machine."""
