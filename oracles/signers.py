"""Signers: whoever holds a key and signs a digest with it. Keys in hardware stand behind the same Protocol."""

from typing import Protocol

from coincurve import PrivateKey

from energy.identity import Address, Digest
from oracles import signatures


class Signer(Protocol):
    """One key: knows its address, signs 32 bytes. What may be signed is the guard's business."""

    @property
    def address(self) -> Address:
        """The account of the key."""

    def sign(self, digest: Digest) -> bytes:
        """Return the 65-byte signature of a digest.

        Raises:
            energy.errors.Unavailable: the key is out of reach for now.
        """


class KeySigner:
    """A key in this process's memory. Its text and its pickle never give the key away."""

    __slots__ = ("_address", "_key")

    def __init__(self, private_key: bytes) -> None:
        """Take a 32-byte private key.

        Raises:
            ValueError: no valid key.
        """
        self._key = PrivateKey(private_key)
        self._address = signatures.address_of(private_key)

    @property
    def address(self) -> Address:
        """The account of the key."""
        return self._address

    def sign(self, digest: Digest) -> bytes:
        """Return the 65-byte signature of a digest, always the same one."""
        return signatures.sign_with(self._key, digest)

    def __repr__(self) -> str:
        return f"KeySigner(0x{self._address.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("a KeySigner is not to be copied or stored")
