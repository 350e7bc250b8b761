import pytest
from eth_abi.abi import encode

from node.chain.methods.revert import ERROR_SELECTOR, PANIC_SELECTOR, revert_reason


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (ERROR_SELECTOR + encode(["string"], ["la nuit tombe"]), "la nuit tombe"),
        (PANIC_SELECTOR + encode(["uint256"], [0x11]), "arithmetic underflow or overflow"),
        (PANIC_SELECTOR + encode(["uint256"], [0x99]), "unknown panic code: 0x99"),
        (b"", None),
        (bytes.fromhex("12345678") + bytes(32), None),
        (ERROR_SELECTOR, None),
        (ERROR_SELECTOR + b"\xff" * 64, None),
        (ERROR_SELECTOR + encode(["bytes"], [b"\xff\xfe"]), None),
        (PANIC_SELECTOR + b"\x01", None),
    ],
)
def test_puts_revert_data_into_words(output: bytes, reason: str | None) -> None:
    assert revert_reason(output) == reason
