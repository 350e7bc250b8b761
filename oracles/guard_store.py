"""The memory of a signing key: what it ever signed, on disk before it signs. So that it never says two things (O1).

On disk: records of `RECORD_BYTES`, appended only. Each ends in a check that chains it to the one before, starting from
the key's address: a changed, missing or foreign record is `Corrupt`. An incomplete last record marks a crash before
its signature left, and is cut off.

Do not put this file and the key under one backup: restored together, they forget what was signed in between. After a
restore, wait until the chain shows what this key signed last.
"""

import fcntl
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Corrupt, EnergyNodeError, Misconfigured
from energy.identity import ZERO_DIGEST, Address, Digest
from oracles import link_words


class SignedKind(IntEnum):
    """What may be signed, with what makes two of a kind the same thing said twice."""

    READING = 1
    """Subject: meter. Number: interval."""
    INTERVAL = 2
    """Subject: domain separator of the Readings contract. Number: interval."""
    RUN = 3
    """Subject: domain separator of the Settlement contract. Number: run."""
    CORRECTION = 4
    """Subject: hash of meter and interval. Number: version."""
    LINK_RUN = link_words.RUN
    """Subject: link. Number: run."""
    EXPORT = link_words.EXPORT
    """Subject: community. Number: export."""
    FACTS = 7
    """Subject: hash of kind and place. Number: the round."""


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """One thing that a key has said."""

    kind: SignedKind
    subject: bytes
    """32 bytes."""
    number: int
    sequence: int
    """Sequence of the reading; 0 for the other kinds."""
    struct_hash: Digest
    """Zero once it was erased."""


_BODY: Final = struct.Struct(">B32sQQ32s")
_CHECK_BYTES: Final = 16
RECORD_BYTES: Final = _BODY.size + _CHECK_BYTES


class GuardStore:
    """The file of one key, opened by one process. Not safe for use by several threads."""

    def __init__(self, path: Path, owner: Address) -> None:
        """Open or create the file, read it through, and cut off a torn tail.

        Args:
            path: Where it lies; the folder must exist.
            owner: Address of the key.

        Raises:
            Misconfigured: another process holds the file.
            Corrupt: a record does not match its check, or the file belongs to another key.
        """
        self._path = path
        self._owner = owner
        self._check = sha256(b"resilia-guard/1" + owner).digest()[:_CHECK_BYTES]
        self._signed: dict[tuple[SignedKind, bytes, int], Digest] = {}
        self._last_readings: dict[bytes, SignedRecord] = {}
        self._failure: Corrupt | None = None
        created = not path.exists()
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115  (lives as long as the store)
        try:
            self._lock()
            self._load()
        except (EnergyNodeError, OSError):
            self._file.close()
            raise
        if created:
            _sync_folder(path.parent)

    def struct_hash(self, kind: SignedKind, subject: bytes, number: int) -> Digest | None:
        """Return what the key last said of a subject and number, or None if it has said nothing."""
        return self._signed.get((kind, subject, number))

    def last_reading(self, meter: bytes) -> SignedRecord | None:
        """Return the last reading of a meter that the key signed."""
        return self._last_readings.get(meter)

    def append(self, records: Sequence[SignedRecord]) -> None:
        """Put records on disk with one fsync. Only when this has returned may they be signed.

        Raises:
            Corrupt: the disk refuses, now or before: the file's state is unknown until it is opened anew.
        """
        if self._failure is not None:
            raise self._failure
        if not records:
            return
        check, data = self._check, bytearray()
        for record in records:
            body = _packed(record)
            check = _next_check(check, body)
            data += body + check
        self._write(bytes(data))
        self._check = check
        for record in records:
            self._remember(record)

    def blur(self, chosen: Callable[[SignedRecord], bool]) -> None:
        """Forget what was said in some records, for good, and remember that something was: nothing else may be said.

        The last reading of a meter is never to be chosen: the next one is held against it.

        Raises:
            Corrupt: the disk refuses.
        """
        self._file.seek(0)
        data = self._file.readall()
        check, rewritten, changed = sha256(b"resilia-guard/1" + self._owner).digest()[:_CHECK_BYTES], bytearray(), False
        for offset in range(0, len(data), RECORD_BYTES):
            record = _unpacked(data[offset : offset + _BODY.size])
            if record.struct_hash != ZERO_DIGEST and chosen(record):
                record, changed = replace(record, struct_hash=ZERO_DIGEST), True
            body = _packed(record)
            check = _next_check(check, body)
            rewritten += body + check
        if changed:
            self._replace(bytes(rewritten))
            self._check = check
            self._signed.clear()
            for offset in range(0, len(rewritten), RECORD_BYTES):
                self._remember(_unpacked(bytes(rewritten[offset : offset + _BODY.size])))

    def _replace(self, data: bytes) -> None:
        """Put another file in the place of this one, under the same lock, and write over what this one held."""
        draft = self._path.with_name(self._path.name + ".draft")
        old = self._file
        try:
            draft.unlink(missing_ok=True)
            self._file = open(draft, "a+b", buffering=0)  # noqa: SIM115  (lives as long as the store)
            self._lock()
            self._write(data)
            with open(self._path, "r+b", buffering=0) as wiped:
                draft.replace(self._path)
                _sync_folder(self._path.parent)
                wiped.write(bytes(len(data)))
                os.fsync(wiped.fileno())
            old.close()
        except OSError as error:
            self._failure = Corrupt(f"{self._path.name} could not be written: {error.strerror}; restart to go on")
            raise self._failure from error

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(f"{self._path.name} is in use: one key must sign in one process only") from None

    def _load(self) -> None:
        self._file.seek(0)
        data = self._file.readall()
        whole = len(data) - len(data) % RECORD_BYTES
        for offset in range(0, whole, RECORD_BYTES):
            body = data[offset : offset + _BODY.size]
            self._check = _next_check(self._check, body)
            if data[offset + _BODY.size : offset + RECORD_BYTES] != self._check:
                raise Corrupt(f"{self._path.name}: record {offset // RECORD_BYTES} is damaged or of another key")
            self._remember(_unpacked(body))
        if whole < len(data):
            self._file.truncate(whole)
            os.fsync(self._file.fileno())

    def _remember(self, record: SignedRecord) -> None:
        self._signed[record.kind, record.subject, record.number] = record.struct_hash
        if record.kind is SignedKind.READING:
            self._last_readings[record.subject] = record

    def _write(self, data: bytes) -> None:
        # After a failed write or fsync nobody knows what is on disk: never retry, never sign.
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._failure = Corrupt(f"{self._path.name} could not be written: {error.strerror}; restart to go on")
            raise self._failure from error


def _packed(record: SignedRecord) -> bytes:
    return _BODY.pack(record.kind, record.subject, record.number, record.sequence, record.struct_hash)


def _unpacked(body: bytes) -> SignedRecord:
    kind, subject, number, sequence, struct_hash = _BODY.unpack(body)
    return SignedRecord(SignedKind(kind), subject, number, sequence, Digest(struct_hash))


def _next_check(previous: bytes, body: bytes) -> bytes:
    return sha256(previous + body).digest()[:_CHECK_BYTES]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
