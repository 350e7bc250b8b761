"""Proof of authority: the sealer's signature over a block hash, kept beside the header.

The header stays pure Ethereum, so whatever recomputes block hashes works unchanged; and `extraData` stays under the
32 bytes beyond which web3.py refuses a block.
What is signed is `oracles.typed_data.seal_digest`.
"""

from pathlib import Path

from coincurve import PrivateKey

from energy.errors import Misconfigured
from energy.identity import Address, Digest
from oracles.hashing import keccak
from oracles.signatures import address_of, recover, sign_with
from oracles.typed_data import seal_digest


class Sealer:
    """Holds the sealing key."""

    def __init__(self, key: bytes) -> None:
        """Load a private key.

        Raises:
            ValueError: 32 bytes that are no key.
        """
        self._key = PrivateKey(key)
        self.address = address_of(key)
        """The account whose seals these are."""

    def seal(self, chain_id: int, block_hash: Digest) -> bytes:
        """Return ``r || s || v`` over a block; low s, deterministic (RFC 6979)."""
        return sign_with(self._key, seal_digest(chain_id, block_hash))

    def confirm(self, chain_id: int, block_hash: Digest, name: str) -> bytes:
        """Return the word of the standby of that name that it has all blocks through one: a signature, and no seal."""
        return sign_with(self._key, _confirmation_digest(chain_id, block_hash, name))

    def say(self, digest: Digest) -> bytes:
        """Return the signature over something else that a standby says: a digest that no seal and no word can have."""
        return sign_with(self._key, digest)


def _confirmation_digest(chain_id: int, block_hash: Digest, name: str) -> Digest:
    return keccak(b"RESILIA-GRID standby has\0" + chain_id.to_bytes(8, "big") + block_hash + name.encode())


def is_confirmation(chain_id: int, block_hash: Digest, name: str, signature: bytes, sealer: Address) -> bool:
    """Return whether a signature is a standby's word, given with the sealing key, that it has a block."""
    try:
        return recover(_confirmation_digest(chain_id, block_hash, name), signature) == sealer
    except ValueError:
        return False


def seal_signer(chain_id: int, block_hash: Digest, seal: bytes) -> Address:
    """Return the account that made a seal.

    Raises:
        ValueError: no signature of 65 bytes with v 27 or 28 and low s, or no key fits.
    """
    return recover(seal_digest(chain_id, block_hash), seal)


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
