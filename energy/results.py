"""Results of the core: a command is accepted with its events, or rejected with a stable code and the facts.

The core never raises for a refusal, and a refusal changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

Event = TypeVar("Event", covariant=True)


@dataclass(frozen=True, slots=True)
class Accepted(Generic[Event]):
    """A command that took effect."""

    events: tuple[Event, ...] = ()
    """What happened, in order."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A command that changed nothing."""

    code: IntEnum
    """Stable code: market 1xxx, metering 2xxx, oracles 3xxx, certificates 4xxx, chain 5xxx, node 6xxx."""
    facts: Mapping[str, int | str] = field(default_factory=dict)
    """The offending field and what would be right, by name; enough to build the sentence a user reads."""

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code.name} ({self.code.value}){': ' + facts if facts else ''}"
