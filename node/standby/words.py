"""What a standby says, signed with the sealing key: how far its logs are, and that it has taken over.

Each word names the chain, the standby by its name, and what of the moment keeps it from counting another time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from energy.identity import Address, Digest
from oracles.hashing import keccak
from oracles.signatures import recover

LOG_FILES: Final[Mapping[str, str]] = {
    "journal": "journal.log",
    "readings": "readings.log",
    "links": "links/journal.log",
}
"""The logs that a standby follows, by name: where they lie in the node's folder."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log is."""

    count: int
    """Records."""
    hash: bytes
    """Chain hash behind the last of them, 32 bytes."""


class BadWord(ValueError):
    """What a standby says is not signed with the sealing key, or not true."""


@dataclass(frozen=True, slots=True)
class Records:
    """The answer to a standby."""

    challenge: bytes
    """What its next word must name."""
    awaited: bool
    """Whether this node waits for the word of that standby."""
    counts: Mapping[str, int]
    """How many records each log has."""
    records: Mapping[str, list[bytes]]
    """The next ones of each."""


Positions = Mapping[str, Position]
"""By name of the log."""


def logs_digest(chain_id: int, name: str, challenge: bytes, positions: Positions) -> Digest:
    """Return what a standby signs to say that it has records on its disk.

    Args:
        chain_id: Of the community.
        name: The standby's.
        challenge: Of the other node's present life, so that nothing said earlier counts.
        positions: Of the standby's logs.
    """
    return keccak(b"RESILIA-GRID standby has logs\0" + _word(chain_id, name, challenge) + _bytes(positions))


def taken_over_digest(chain_id: int, name: str) -> Digest:
    """Return what a standby signs to say that it has taken over for good from whoever waited for it."""
    return keccak(b"RESILIA-GRID standby has taken over\0" + _word(chain_id, name, b""))


def records_digest(positions: Positions) -> Digest:
    """Return one hash that says how far all logs are: what a hand-over tells and a take-over compares."""
    return keccak(b"RESILIA-GRID logs\0" + _bytes(positions))


def is_said_by(sealer: Address, digest: Digest, signature: bytes) -> bool:
    """Return whether the sealing key signed a word."""
    try:
        return recover(digest, signature) == sealer
    except ValueError:
        return False


def _word(chain_id: int, name: str, challenge: bytes) -> bytes:
    said = name.encode()
    return chain_id.to_bytes(8, "big") + len(said).to_bytes(2, "big") + said + challenge


def _bytes(positions: Positions) -> bytes:
    parts = [
        name.encode() + b"\0" + each.count.to_bytes(8, "big") + each.hash for name, each in sorted(positions.items())
    ]
    return b"".join(parts)
