"""Checksums of meter protocols: three 16-bit CRCs, and the XOR of IEC 62056-21. Pure; any bytes are good.

All three CRCs take the low bit first. A CRC of 16 bits sees every burst of up to 16 bits and all but one in 65 536 of
other damage; the XOR sees neither two equal flips nor any permutation.
Source: ITU-T V.41 and X.25 (polynomial x¹⁶+x¹²+x⁵+1), DSMR P1 Companion Standard 5.0.2 §5.2 (x¹⁶+x¹⁵+x²+1).
"""

from binascii import crc_hqx
from typing import Final


def _table(polynomial: int) -> tuple[int, ...]:
    """Return what each byte does to a register, for a polynomial in reflected notation."""
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = register >> 1 ^ (polynomial if register & 1 else 0)
        table.append(register)
    return tuple(table)


_ARC: Final = _table(0xA001)
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the opposite sequence."""


def crc16_arc(data: bytes) -> int:
    """Return the CRC-16 of DSMR P1 telegrams, whose register starts at 0."""
    return _arc(data, 0)


def crc16_modbus(data: bytes) -> int:
    """Return the CRC-16 of Modbus on a serial line: P1's, but its register starts full."""
    return _arc(data, 0xFFFF)


def crc16_x25(data: bytes) -> int:
    """Return the CRC-16 of X.25, the usual one of SML."""
    return _ccitt(data, 0xFFFF) ^ 0xFFFF


def crc16_kermit(data: bytes) -> int:
    """Return the CRC-16 of Kermit: X.25's without its inversions, as some meters compute SML's."""
    return _ccitt(data, 0)


def block_check(data: bytes) -> int:
    """Return the block check character (BCC) of IEC 62056-21: all bytes XORed, by folding them in half."""
    register = int.from_bytes(data, "big")
    width = 8 << max(0, len(data) - 1).bit_length()
    while width > 8:
        width >>= 1
        register = register >> width ^ register & (1 << width) - 1
    return register


def _arc(data: bytes, register: int) -> int:
    for byte in data:
        register = register >> 8 ^ _ARC[(register ^ byte) & 0xFF]
    return register


def _ccitt(data: bytes, register: int) -> int:
    """Return the CRC by V.41's polynomial, low bit first: that of the standard library, high bit first, in a mirror."""
    mirrored = crc_hqx(data.translate(_MIRRORED), register)
    return _MIRRORED[mirrored & 0xFF] << 8 | _MIRRORED[mirrored >> 8]
