"""One round of a secure sum, with participants that may drop out.

1. Each participant publishes two public keys. 2. Each splits its mask key and its own mask's seed into shares, sealed
for one holder each; the server passes them on. 3. Each sends its contribution under all masks. 4. The server says who
answered; each survivor gives, for each of the others, one share: of the own mask's seed of who answered, of the mask
key of who dropped out, and never both. 5. The server takes off the masks and has the sum, and nothing else.
All randomness is a 32-byte seed per participant and round. Refuses, with `ValueError`: a cohort below `COHORT_MIN`,
fewer survivors than the threshold, a second question about one participant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from dispatch.federated.masking import Words, public_key, shared_secret, stream
from dispatch.federated.shares import SHARE_BYTES, join, split

COHORT_MIN: Final = 5
"""With fewer, a sum says too much about each."""


def threshold_of(cohort: int) -> int:
    """Return how many must survive: two thirds, so that a server can not run two halves against each other."""
    return 2 * cohort // 3 + 1


@dataclass(frozen=True, slots=True)
class Keys:
    """What a participant publishes."""

    mask: bytes
    seal: bytes


@dataclass(slots=True)
class Participant:
    """One side of the round; numbered from 1."""

    number: int
    seed: bytes
    """32 secret bytes, for this round alone."""
    cohort: dict[int, Keys] = field(default_factory=dict)
    received: dict[int, bytes] = field(default_factory=dict)
    answered: frozenset[int] | None = None

    def _secret(self, purpose: bytes) -> bytes:
        return sha256(b"resilia-round/" + purpose + self.seed).digest()

    def keys(self) -> Keys:
        """Return the public keys."""
        return Keys(public_key(self._secret(b"mask")), public_key(self._secret(b"seal")))

    def seal_shares(self, cohort: Mapping[int, Keys]) -> dict[int, bytes]:
        """Return the sealed shares, by holder.

        Raises:
            ValueError: the cohort is too small, or does not hold this participant's keys.
        """
        if len(cohort) < COHORT_MIN:
            raise ValueError(f"a cohort has at least {COHORT_MIN} participants, not {len(cohort)}")
        if cohort.get(self.number) != self.keys() or sorted(cohort) != list(range(1, len(cohort) + 1)):
            raise ValueError("the cohort is numbered from 1 and holds the keys that this participant sent")
        self.cohort = dict(cohort)
        least = threshold_of(len(cohort))
        mask = split(self._secret(b"mask"), len(cohort), least, self._secret(b"mask shares"))
        own = split(self._secret(b"own"), len(cohort), least, self._secret(b"own shares"))
        return {
            holder: self._sealer(holder, self.number).encrypt(bytes(12), mask[holder] + own[holder], None)
            for holder in cohort
        }

    def _sealer(self, other: int, sender: int) -> ChaCha20Poly1305:
        secret = shared_secret(self._secret(b"seal"), self.cohort[other].seal, b"seal/" + sender.to_bytes(4, "big"))
        return ChaCha20Poly1305(secret)

    def masked(self, contribution: Words, received: Mapping[int, bytes]) -> Words:
        """Return the contribution under all masks.

        Args:
            contribution: In fixed point.
            received: Shares sealed for this participant, by sender; who sent none is out of the round.
        """
        self.received = dict(received)
        total = contribution + stream(self._secret(b"own"), len(contribution))
        for other in self.received:
            if other != self.number:
                pair = stream(shared_secret(self._secret(b"mask"), self.cohort[other].mask, b"mask"), len(contribution))
                total = total + pair if self.number < other else total - pair
        return total

    def open_shares(self, answered: frozenset[int]) -> dict[int, bytes]:
        """Return one share for each participant: of the own mask for who answered, of the mask key for who did not.

        Raises:
            ValueError: too few answered, or the question was asked before with another answer.
        """
        if len(answered) < threshold_of(len(self.cohort)) or not answered <= set(self.received):
            raise ValueError(f"at least {threshold_of(len(self.cohort))} of the round must have answered")
        if self.answered is not None and self.answered != answered:
            raise ValueError("who answered was said before, and differently")
        self.answered = answered
        opened = {}
        for sender, sealed in self.received.items():
            both = self._sealer(sender, sender).decrypt(bytes(12), sealed, None)
            opened[sender] = both[SHARE_BYTES:] if sender in answered else both[:SHARE_BYTES]
        return opened


def unmask(
    cohort: Mapping[int, Keys],
    sharing: Sequence[int],
    masked: Mapping[int, Words],
    opened: Mapping[int, Mapping[int, bytes]],
) -> Words:
    """Return the sum of all contributions that came.

    Args:
        cohort: All keys.
        sharing: Who sent shares: everybody's masks include these.
        masked: Contributions by participant.
        opened: Shares by holder, then by whose they are.
    Raises:
        ValueError: too few holders opened their shares.
    """
    least = threshold_of(len(cohort))
    total = sum(list(masked.values())[1:], start=next(iter(masked.values())))
    for number in sharing:
        shares = {holder: given[number] for holder, given in opened.items() if number in given}
        secret = join(shares, least)
        if number in masked:
            total = total - stream(secret, len(total))
            continue
        for other in masked:
            pair = stream(shared_secret(secret, cohort[other].mask, b"mask"), len(total))
            total = total + pair if number < other else total - pair
    return total
