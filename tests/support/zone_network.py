"""Streams between simulated communities: kept until acknowledged, but late, twice, out of sequence, or cut off.

Models what NATS JetStream promises: a message stays in its sender's stream until its receiver has acknowledged it, a
repeated publication of the same bytes is one message, and nothing else is sure. Time is simulated seconds.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from random import Random

from energy.identity import Digest
from interconnect.wire import Message, decode

Deliver = Callable[[Digest, Digest, bytes], bool]
"""Sender, receiver, bytes; returns whether the receiver acknowledged."""


@lru_cache(1 << 16)
def read(data: bytes) -> Message:
    """Return the message in some bytes, which many hear, and liars and auditors look at again and again."""
    return decode(data)


@dataclass(frozen=True, slots=True)
class Faults:
    """What the ways do to messages, in thousandths."""

    lost: int = 0
    doubled: int = 0
    delay_s_max: int = 2
    """Delays are even between 0 and this, so messages overtake each other."""
    again_after_s: int = 20
    """A message that is not acknowledged comes again."""


@dataclass(slots=True)
class Network:
    """All ways between the communities and the events of time."""

    chance: Random
    faults: Faults
    deliver: Deliver
    now: int = 0
    cut: set[Digest] = field(default_factory=set)
    """Communities whose way to everybody above and beside them is cut."""
    down: set[Digest] = field(default_factory=set)
    messages: Counter[str] = field(default_factory=Counter)
    bytes_sent: int = 0
    _seen: set[bytes] = field(default_factory=set)
    _waiting: int = 0
    _events: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _number: int = 0
    path: Callable[[Digest, Digest], list[Digest]] = lambda sender, receiver: [sender, receiver]
    """Communities whose ways a message takes; all of them must be whole."""

    @property
    def idle(self) -> bool:
        """Whether no message is under way."""
        return self._waiting == 0

    def at(self, instant: int, event: Callable[[], None]) -> None:
        """Let something happen at an instant."""
        self._number += 1
        heapq.heappush(self._events, (max(instant, self.now), self._number, event))

    def run(self, until: int) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event()
        self.now = until

    def publish(self, sender: Digest, receiver: Digest, kind: str, data: bytes) -> None:
        """Put a message into its stream; the same one again changes nothing."""
        name = sha256(sender + receiver + data).digest()
        if name in self._seen:
            return
        self._seen.add(name)
        self.messages[kind] += 1
        self.bytes_sent += len(data)
        self._waiting += 1
        self._try(sender, receiver, data, [False])

    def inject(self, sender: Digest, receiver: Digest, data: bytes) -> None:
        """Let a liar send something, once, outside every stream."""
        self.at(self.now + self.chance.randint(0, 5), lambda: self._once(sender, receiver, data))

    def _try(self, sender: Digest, receiver: Digest, data: bytes, done: list[bool]) -> None:
        copies = 2 if self.chance.randrange(1000) < self.faults.doubled else 1
        for _ in range(copies):
            delay_s = self.chance.randint(0, self.faults.delay_s_max)
            self.at(self.now + delay_s, lambda: self._arrive(sender, receiver, data, done))

    def _arrive(self, sender: Digest, receiver: Digest, data: bytes, done: list[bool]) -> None:
        if done[0] and self.chance.randrange(1000) >= self.faults.doubled:
            return
        lost = self.chance.randrange(1000) < self.faults.lost
        acknowledged = not lost and self._pass(sender, receiver, data)
        # The acknowledgement can be lost as well: then an accepted message comes again.
        if acknowledged and self.chance.randrange(1000) >= self.faults.lost:
            self._waiting -= not done[0]
            done[0] = True
        elif not done[0]:
            self.at(self.now + self.faults.again_after_s, lambda: self._again(sender, receiver, data, done))

    def _again(self, sender: Digest, receiver: Digest, data: bytes, done: list[bool]) -> None:
        if not done[0]:
            self._arrive(sender, receiver, data, done)

    def _pass(self, sender: Digest, receiver: Digest, data: bytes) -> bool:
        whole = receiver not in self.down and not any(each in self.cut for each in self.path(sender, receiver))
        return whole and self.deliver(sender, receiver, data)

    def _once(self, sender: Digest, receiver: Digest, data: bytes) -> None:
        self._pass(sender, receiver, data)
