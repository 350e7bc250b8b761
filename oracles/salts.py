"""Salts: secret keys per meter and per account that move on month by month, so that the past can be erased.

The salt of a record comes from the keys of all whom it tells about, of the month that it tells about: a trade's from
both parties', a certificate's from the device's and the owner's. Each month's state of a key gives the next one and
not the one before (HKDF, RFC 5869); who forgets the states before a month has made every leaf of that time about its
subject meaningless, and no other. A salt that somebody else's proof still needs is kept by itself: it gives no key.
Units: UTC epoch seconds; months count from year 0.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

from energy.identity import Digest, hex_text
from oracles.merkle import salt

SALT_KEY_BYTES: Final = 32
_DAY_S: Final = 86_400


class Erased(LookupError):
    """The salt key of a subject was destroyed for this time, or was never there: its leaves can not be opened."""

    def __init__(self, subject: bytes) -> None:
        super().__init__(f"the salt key of {hex_text(subject)} has been destroyed")
        self.subject = subject


def month_of(at: int) -> int:
    """Return the month that an instant lies in, by UTC."""
    return _month_of_day(at - at % _DAY_S)


def month_start(month: int) -> int:
    """Return the instant at which a month begins, by UTC."""
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())


@lru_cache(maxsize=4_096)
def _month_of_day(midnight: int) -> int:
    date = datetime.fromtimestamp(midnight, UTC)
    return date.year * 12 + date.month - 1


@dataclass(frozen=True, slots=True, repr=False)
class SaltKey:
    """The key of one subject."""

    first: int
    """The month of `state`: of this month and every later one the key is known."""
    state: bytes
    before: bytes | None = None
    """The one key of everything before `first`, of communities that were founded when a key did not move on."""

    def __post_init__(self) -> None:
        for key in (self.state, self.before or self.state):
            if len(key) != SALT_KEY_BYTES:
                raise ValueError(f"a salt key has {SALT_KEY_BYTES} bytes, not {len(key)}")

    def of_month(self, month: int) -> bytes | None:
        """Return the key of a month, None when it was destroyed."""
        if month < self.first:
            return self.before
        return _expand(self._state_of(month), b"resilia salt key")

    def from_month(self, month: int) -> "SaltKey":
        """Return the key without anything of the months before one.

        Raises:
            ValueError: one key holds for a time before and after that month.
        """
        if month >= self.first:
            return SaltKey(month, self._state_of(month))
        if self.before is not None:
            raise ValueError("one key holds for all that time")
        return self

    def _state_of(self, month: int) -> bytes:
        state = self.state
        for _ in range(month - self.first):
            state = _expand(state, b"resilia next month")
        return state


def moving_on(key: bytes, first: int) -> SaltKey:
    """Return what a key that did not move on becomes: itself for all before a month, and a moving one from there."""
    return SaltKey(first, _expand(key, b"resilia moves on"), key)


def _expand(key: bytes, info: bytes) -> bytes:
    """Return HKDF-Expand of a key for one block."""
    return hmac.digest(key, info + b"\x01", sha256)


class Salts:
    """The salt keys of a community, by meter (32 bytes) and account (20 bytes)."""

    def __init__(self, keys: Mapping[bytes, SaltKey], kept: Mapping[bytes, Digest] | None = None) -> None:
        """Take the keys that are there, and single salts, by `name_of`, whose keys may be gone."""
        self._keys = dict(keys)
        self._kept = dict(kept or {})
        self._of_month: dict[tuple[bytes, int], bytes] = {}

    @property
    def subjects(self) -> frozenset[bytes]:
        """Everybody whose key is there, for any time."""
        return frozenset(self._keys)

    def salt(self, at: int, subjects: Sequence[bytes], *parts: bytes | int) -> Digest:
        """Return the salt of a record about some subjects, at least one, in a fixed sequence.

        Args:
            at: When what the record tells about was: the start of an interval.
            subjects: Meters and accounts that the record tells about.
            parts: The record's name, as `oracles.merkle.salt` takes it.

        Raises:
            Erased: the key of one of them is gone, and nobody has kept this salt.
        """
        month = month_of(at)
        try:
            key = self._key(subjects[0], month)
            for subject in subjects[1:]:
                key = hmac.digest(key, self._key(subject, month), sha256)
        except Erased:
            kept = self._kept.get(self.name_of(subjects, *parts))
            if kept is None:
                raise
            return kept
        return salt(key, *parts)

    @staticmethod
    def name_of(subjects: Sequence[bytes], *parts: bytes | int) -> bytes:
        """Return what a single salt is kept under; tells nothing of it."""
        return salt(sha256(b"".join(subjects)).digest(), *parts)

    def forget(self, subject: bytes, month: int, kept: Mapping[bytes, Digest]) -> None:
        """Drop a key for the time before a month from memory, but for single salts."""
        self._kept |= kept
        if subject in self._keys:
            self._keys[subject] = self._keys[subject].from_month(month)
        self._of_month = {place: key for place, key in self._of_month.items() if place[0] != subject}

    def _key(self, subject: bytes, month: int) -> bytes:
        key = self._of_month.get((subject, month))
        if key is None:
            owned = self._keys.get(subject)
            key = owned.of_month(month) if owned is not None else None
            if key is None:
                raise Erased(subject)
            self._of_month[subject, month] = key
        return key

    def __repr__(self) -> str:
        return f"Salts({len(self._keys)} keys)"

    def __reduce__(self) -> str:
        raise TypeError("salt keys are not to be copied or stored")
