"""JSON-RPC's two hexadecimal forms, both ways: quantities without leading zeros, data with whole bytes.

Source: execution-apis, "Encoding". Refuses: anything else, with error -32602 and the name of the parameter.
"""

import re
from typing import Any, Final

from energy.identity import Address
from node.chain.errors import invalid_params

_QUANTITY: Final = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA: Final = re.compile(r"0x([0-9a-fA-F]{2})*")


def quantity(value: int) -> str:
    """Return a non-negative integer as JSON-RPC writes it: ``0x0``, ``0x1f``."""
    return hex(value)


def data(value: bytes) -> str:
    """Return bytes as JSON-RPC writes them: ``0x``, ``0x00ff``."""
    return "0x" + value.hex()


def parse_quantity(value: Any, name: str, bits: int = 256) -> int:
    """Return the integer in a quantity of at most that many bits."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise invalid_params(f"invalid {name}: expected a hex quantity without leading zeros, not {_shown(value)}")
    number = int(value, 16)
    if number.bit_length() > bits:
        raise invalid_params(f"invalid {name}: {value} exceeds {bits} bits")
    return number


def parse_data(value: Any, name: str, length: int | None = None) -> bytes:
    """Return the bytes in data, of exactly that length when one is given."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise invalid_params(f"invalid {name}: expected 0x and pairs of hex digits, not {_shown(value)}")
    if length is not None and len(value) != 2 + 2 * length:
        raise invalid_params(f"invalid {name}: expected {length} bytes, not {(len(value) - 2) // 2}")
    return bytes.fromhex(value[2:])


def parse_address(value: Any, name: str = "address") -> Address:
    """Return a 20-byte address."""
    return Address(parse_data(value, name, 20))


def parse_hash(value: Any, name: str = "hash") -> bytes:
    """Return 32 bytes."""
    return parse_data(value, name, 32)


def parse_slot(value: Any, name: str = "storage slot") -> int:
    """Return a storage slot: up to 32 bytes of hex, leading zeros allowed as in geth."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
        raise invalid_params(f"invalid {name}: expected up to 32 bytes of hex, not {_shown(value)}")
    return int(value, 16)


def parse_bool(value: Any, name: str) -> bool:
    """Return a JSON boolean."""
    if not isinstance(value, bool):
        raise invalid_params(f"invalid {name}: expected true or false, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
