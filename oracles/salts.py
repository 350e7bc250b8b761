"""Salts: one secret key per meter and per account, so that erasing one of them leaves every other proof as it was.

The salt of a record comes from the keys of all whom it tells about: a trade's from both parties', a certificate's from
the device's and the owner's. Destroying one key makes every leaf about its subject meaningless, and no other.
"""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

from energy.identity import Digest, hex_text
from oracles.merkle import salt

SALT_KEY_BYTES = 32


class Erased(LookupError):
    """The salt key of a subject has been destroyed, or was never there: its leaves can not be opened any more."""

    def __init__(self, subject: bytes) -> None:
        super().__init__(f"the salt key of {hex_text(subject)} has been destroyed")
        self.subject = subject


class Salts:
    """The salt keys of a community, by meter (32 bytes) and account (20 bytes)."""

    def __init__(self, keys: Mapping[bytes, bytes]) -> None:
        """Take the keys that are there.

        Raises:
            ValueError: a key has another length than `SALT_KEY_BYTES`.
        """
        for subject, key in keys.items():
            if len(key) != SALT_KEY_BYTES:
                raise ValueError(f"the salt key of {hex_text(subject)} has {len(key)} bytes, not {SALT_KEY_BYTES}")
        self._keys = dict(keys)

    @property
    def subjects(self) -> frozenset[bytes]:
        """Everybody whose key is there."""
        return frozenset(self._keys)

    def salt(self, subjects: Sequence[bytes], *parts: bytes | int) -> Digest:
        """Return the salt of a record about some subjects, at least one, in a fixed sequence.

        Args:
            subjects: Meters and accounts that the record tells about.
            parts: The record's name, as `oracles.merkle.salt` takes it.

        Raises:
            Erased: the key of one of them is gone.
        """
        key = self._key(subjects[0])
        for subject in subjects[1:]:
            key = hmac.digest(key, self._key(subject), sha256)
        return salt(key, *parts)

    def forget(self, subject: bytes) -> None:
        """Drop a key from memory."""
        self._keys.pop(subject, None)

    def _key(self, subject: bytes) -> bytes:
        key = self._keys.get(subject)
        if key is None:
            raise Erased(subject)
        return key

    def __repr__(self) -> str:
        return f"Salts({len(self._keys)} keys)"

    def __reduce__(self) -> str:
        raise TypeError("salt keys are not to be copied or stored")
