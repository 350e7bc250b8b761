"""What an oracle or attestor asks of its key: to sign what it understands, never bare bytes.

`oracles.guard.GuardedSigner` is a key of this process behind its own memory; a key on another machine has its guard
there, and the same face here.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from energy.identity import Address, Digest
from energy.results import Accepted, Rejected
from metering.readings import Reading
from oracles.corrections import Correction
from oracles.facts import Facts
from oracles.link_words import LinkWord
from oracles.records import IntervalReadings, Run
from oracles.typed_data import Domain


class Guard(Protocol):
    """A key behind a guard. Every method raises `energy.errors.Unavailable` while the key is out of reach."""

    @property
    def address(self) -> Address:
        """The account of the key."""

    def sign_readings(self, domain: Domain, readings: Sequence[Reading]) -> Accepted[bytes] | Rejected:
        """Sign readings, all or none; one signature each."""

    def sign_correction(self, domain: Domain, correction: Correction) -> Accepted[bytes] | Rejected:
        """Sign a later version of a reading."""

    def sign_interval(self, domain: Domain, attested: IntervalReadings) -> Accepted[bytes] | Rejected:
        """Sign what is attested of an interval."""

    def sign_facts(self, domain: Domain, facts: Facts) -> Accepted[bytes] | Rejected:
        """Sign a series of facts."""

    def sign_run(self, domain: Domain, run: Run, unwound: Collection[Digest] = ()) -> Accepted[bytes] | Rejected:
        """Sign a settlement run; another of its number only when the one before was unwound."""

    def sign_link(self, domain: Domain, word: LinkWord) -> Accepted[bytes] | Rejected:
        """Sign a word to other communities; another one of its number never."""
