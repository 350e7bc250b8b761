"""The reason in revert data, in words: ``Error(string)`` and ``Panic(uint256)`` of Solidity."""

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")
PANIC_SELECTOR: Final = bytes.fromhex("4e487b71")

_PANICS: Final = {
    0x00: "generic panic",
    0x01: "assert(false)",
    0x11: "arithmetic underflow or overflow",
    0x12: "division or modulo by zero",
    0x21: "enum overflow",
    0x22: "invalid encoded storage byte array accessed",
    0x31: "out-of-bounds array access; popping on an empty array",
    0x32: "out-of-bounds access of an array or bytesN",
    0x41: "out of memory",
    0x51: "uninitialized function",
}


def revert_reason(output: bytes) -> str | None:
    """Return the reason in words, or None for a custom error and for data that is none of the two."""
    selector, arguments = output[:4], output[4:]
    try:
        if selector == ERROR_SELECTOR:
            return str(decode(["string"], arguments)[0])
        if selector == PANIC_SELECTOR:
            code = decode(["uint256"], arguments)[0]
            return _PANICS.get(code, f"unknown panic code: {code:#x}")
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return None
    return None
