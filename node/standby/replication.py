"""The node's logs for its standby: records out, the standby's word in, and nothing acknowledged before that.

A standby asks again and again, by the same JSON-RPC by which followers ask for blocks. Each question says, signed with
the sealing key, how far its logs are; the answer waits until there is more. Only the standby that the chain's
`role.json` names is waited for. Personal data: records leave the node for the holder of the sealing key alone.
Refuses: a word that is not that key's, of an earlier life of this node, or that does not fit the logs (`BadWord`).
"""

import asyncio
import itertools
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.identity import Address, Digest
from node.chain.role import read_role, retire
from node.coop.community import Community
from node.coop.founding import COMMUNITY_FILE
from node.standby.words import (
    LOG_FILES,
    BadWord,
    Position,
    Positions,
    Records,
    is_said_by,
    logs_digest,
    records_digest,
    taken_over_digest,
)
from node.storage.log import AppendLog, replay
from node.views.concerns import Code, Concerns

HOLD_S: Final = 1.0
"""How long a question waits for something new."""
BYTES_MAX: Final = 1 << 20
"""Beyond it no further record is added to an answer; the first one always is."""


@dataclass(slots=True)
class _Sent:
    """How far one log has been sent, and how to go on where that is long ago."""

    end: Position
    older: Iterator[bytes] | None = None


class Replication:
    """The logs of one running node, as its standby gets them."""

    def __init__(
        self, folder: Path, community: Community, sealer: Address, logs: Sequence[AppendLog], concerns: Concerns
    ) -> None:
        """Wait for a standby if the chain's role says so.

        Args:
            folder: Of the node.
            community: The agreement: its chain's number, and what its logs begin with.
            sealer: Whose word counts.
            logs: Opened, in the sequence of `LOG_FILES`.
            concerns: Are told when the standby is away.
        """
        self._datadir = folder / "chain"
        self._chain_id = community.chain_id
        self._seed = community.digest()
        self._sealer = sealer
        self._logs = dict(zip(LOG_FILES, logs, strict=False))
        self._concerns = concerns
        self._replaced = False
        self._challenge = secrets.token_bytes(32)
        self._sent: dict[str, _Sent] = {}
        self._heard: dict[str, Positions] = {}
        """By name of who told it."""
        self._grown = asyncio.Event()
        self.awaited = read_role(self._datadir).awaited
        for log in logs:
            log.grown = self._grow
            if self.awaited:
                log.await_standby()

    async def records(self, name: str, challenge: bytes, positions: Positions, signature: bytes) -> Records:
        """Hear how far a standby is; return what comes next, or nothing when nothing came for a while.

        Args:
            name: The standby's.
            challenge: As the answer before gave it; another one, and only a fresh one is given back.
            positions: Of all its logs.
            signature: With the sealing key over `logs_digest`.
        Raises:
            BadWord: the signature is not that key's, or its records are not this node's.
        """
        counts = {each: log.durable for each, log in self._logs.items()}
        if challenge != self._challenge:
            return Records(self._challenge, self._waits_for(name), counts, {})
        if not is_said_by(self._sealer, logs_digest(self._chain_id, name, challenge, positions), signature):
            raise BadWord("the word is not signed with the sealing key")
        if set(positions) != set(self._logs):
            raise BadWord(f"this node has the logs {', '.join(self._logs)}")
        before = self._heard.get(name, {})
        for each, position in positions.items():
            if each in before and position.count < before[each].count:
                raise BadWord("an old word: it has told of more records since")
            if not await self._is_ours(each, position):
                raise BadWord(f"record {position.count} of {each} is not this node's: begin anew from a backup")
        self._heard[name] = positions
        awaited = self._waits_for(name)
        if awaited:
            for each, position in positions.items():
                self._logs[each].confirm(position.count)
        if all(position.count == self._logs[each].durable for each, position in positions.items()):
            with suppress(TimeoutError):
                async with asyncio.timeout(HOLD_S):
                    await self._grown.wait()
        found = {each: await self._next(each, position) for each, position in positions.items()}
        return Records(self._challenge, awaited, {each: log.durable for each, log in self._logs.items()}, found)

    def hear_taken_over(self, name: str, signature: bytes) -> bool:
        """Hear that a standby has taken over; return whether this node is the one that it replaces, and gives up.

        Raises:
            BadWord: the signature is not the sealing key's.
        """
        if not is_said_by(self._sealer, taken_over_digest(self._chain_id, name), signature):
            raise BadWord("the word is not signed with the sealing key")
        if not self._waits_for(name):
            return False
        retire(self._datadir)
        self._replaced = True
        return True

    def require_not_replaced(self) -> None:
        """Check that the standby has not taken over.

        Raises:
            Misconfigured: it has; this node must end.
        """
        if self._replaced:
            raise Misconfigured(
                "the standby has taken over market and chain while this node was away: it serves and seals no more"
            )

    def look(self, now: int) -> None:
        """Tell the operator when nothing is acknowledged because the standby is away."""
        if any(log.standby_is_away for log in self._logs.values()):
            self._concerns.raise_(Code.STANDBY_AWAY, "", now)
        else:
            self._concerns.clear(Code.STANDBY_AWAY)

    async def drain(self) -> None:
        """Wait until the standby has everything, before the node stops; not for long, and not for one that is away."""
        for log in self._logs.values():
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * HOLD_S):
                    await log.settled()

    def _waits_for(self, name: str) -> bool:
        return self.awaited and bool(name) and read_role(self._datadir).standby == name

    def _grow(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    async def _is_ours(self, each: str, position: Position) -> bool:
        """Say whether a standby's log is the beginning of this node's."""
        log = self._logs[each]
        if position.count > log.durable:
            return False
        sent = self._sent.get(each)
        if sent is not None and sent.end.count == position.count:
            return sent.end.hash == position.hash
        place = position.count - (log.count - len(log.recent))
        if place > 0:
            return log.recent[place - 1][1] == position.hash
        older = log.records()
        reached = await asyncio.to_thread(_hash_after, self._seed, older, position.count)
        self._sent[each] = _Sent(Position(position.count, reached), older)
        return reached == position.hash

    async def _next(self, each: str, position: Position) -> list[bytes]:
        """Return the records after a position of this log: from memory or, where that is long ago, from the disk."""
        log, sent = self._logs[each], self._sent.get(each)
        place = position.count - (log.count - len(log.recent))
        older = None
        if place >= 0:
            recent = (record for record, _ in log.recent)
            found = _some(itertools.islice(recent, place, None), log.durable - position.count)
        else:
            older = sent.older if sent is not None and sent.end == position else None
            if older is None:
                older = itertools.islice(log.records(), position.count, None)
            found = await asyncio.to_thread(_some, older, log.durable - position.count)
        self._sent[each] = _Sent(
            Position(position.count + len(found), _hash_after(position.hash, iter(found), len(found))), older
        )
        return found


def _some(records: Iterator[bytes], count: int) -> list[bytes]:
    """Return the next records, at most so many, and as many as an answer holds."""
    found: list[bytes] = []
    size = 0
    while len(found) < count and size < BYTES_MAX and (record := next(records, None)) is not None:
        found.append(record)
        size += len(record)
    return found


def _hash_after(start: bytes, records: Iterator[bytes], count: int) -> bytes:
    reached = start
    for record in itertools.islice(records, count):
        reached = sha256(reached + record).digest()
    return reached


def records_on_disk(folder: Path) -> Digest | None:
    """Return one hash of all logs of a folder on which no node runs; None where there is no community."""
    if not (folder / COMMUNITY_FILE).exists():
        return None
    seed = Community.load(folder / COMMUNITY_FILE).digest()
    found: dict[str, Position] = {}
    for name, file in LOG_FILES.items():
        if (folder / file).exists():
            reached, records = replay(folder / file, seed)
            found[name] = Position(len(records), reached)
    return records_digest(found)


def require_records(folder: Path, told: Digest) -> None:
    """Check that the logs of a folder are those of which a hand-over told.

    Raises:
        Misconfigured: they are not as far, or others.
    """
    if records_on_disk(folder) != told:
        raise Misconfigured(f"the records in {folder} do not end with those of the other node: let it catch up first")
