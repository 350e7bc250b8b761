"""Proof of authority: the sealer's signature over a block hash, kept beside the header.

The header stays pure Ethereum, so whatever recomputes block hashes works unchanged; and `extraData` stays under the
32 bytes beyond which web3.py refuses a block.
Refuses: a signature that is not 65 bytes or recovers nobody, with `ValueError`.
"""

from pathlib import Path
from typing import Final

from coincurve import PrivateKey, PublicKey

from energy.errors import Misconfigured
from energy.identity import Address, Digest
from oracles.hashing import keccak

SEAL_LENGTH: Final = 65
_DOMAIN: Final = keccak(b"RESILIA-SEAL")


def seal_digest(chain_id: int, block_hash: bytes) -> Digest:
    """Return what a sealer signs: ``keccak256(abi.encode(keccak256("RESILIA-SEAL"), chainId, blockHash))``."""
    return keccak(_DOMAIN + chain_id.to_bytes(32, "big") + block_hash)


def seal_signer(chain_id: int, block_hash: bytes, seal: bytes) -> Address:
    """Return the account that made a seal.

    Raises:
        ValueError: not ``r || s || v`` with v 27 or 28, or no key fits.
    """
    if len(seal) != SEAL_LENGTH or seal[64] not in (27, 28):
        raise ValueError("a seal is r, s and v (27 or 28), 65 bytes")
    try:
        recoverable = seal[:64] + bytes([seal[64] - 27])
        key = PublicKey.from_signature_and_message(recoverable, seal_digest(chain_id, block_hash), hasher=None)
    except Exception:  # coincurve raises a bare Exception when no point has that x
        raise ValueError("the seal recovers no key") from None
    return _address(key)


class Sealer:
    """Holds the sealing key."""

    def __init__(self, key: bytes) -> None:
        self._key = PrivateKey(key)
        self.address = _address(self._key.public_key)
        """The account whose seals these are."""

    def seal(self, chain_id: int, block_hash: bytes) -> bytes:
        """Return ``r || s || v``; low s, deterministic (RFC 6979)."""
        signature = self._key.sign_recoverable(seal_digest(chain_id, block_hash), hasher=None)
        return signature[:64] + bytes([signature[64] + 27])


def read_sealer(path: Path) -> Sealer:
    """Return the sealer whose key is in a file: 64 hexadecimal digits, with or without ``0x``.

    Raises:
        Misconfigured: no such file, others may read it, or it holds no key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip().removeprefix("0x")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"sealing key {path} cannot be read: {error}") from None
    if mode & 0o077:
        raise Misconfigured(f"sealing key {path} can be read by others: chmod 600 {path}")
    try:
        key = bytes.fromhex(text)
        if len(key) != 32:
            raise ValueError
        return Sealer(key)
    except ValueError:
        raise Misconfigured(f"sealing key {path} must hold 64 hexadecimal digits of a valid key") from None


def _address(key: PublicKey) -> Address:
    return Address(keccak(key.format(compressed=False)[1:])[12:])
