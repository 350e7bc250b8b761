"""The link to the grid as a state machine: lost within one step, taken up again without a jump.

`step` is called once per control step with what is measured; it says whether the island's rules hold and how far the
exchange with the grid may go. After a loss the exchange is zero at once. When the grid has been good for
`stable_s`, the island synchronises; only then does the link close, and the exchange rises by `ramp_w_per_s`.
Units: W, mHz, V, s; all int. Refuses, with `ValueError`: time that goes back.
"""

from dataclasses import dataclass
from enum import IntEnum


class LinkState(IntEnum):
    """Where the link stands."""

    CONNECTED = 1
    ISLAND = 2
    DARK = 3
    """The island has no source left; it waits for sun, or for the grid."""
    SYNCHRONISING = 4


@dataclass(frozen=True, slots=True)
class LinkRules:
    """When a grid is good, and how to come back to it. Bounds of EN 50160 and of usual grid codes."""

    frequency_low_mhz: int = 49_500
    frequency_high_mhz: int = 50_500
    voltage_low_v: int = 207
    voltage_high_v: int = 253
    stable_s: int = 60
    """The grid must be good for so long before the island comes back."""
    difference_mhz: int = 100
    """Largest difference of frequencies when the link closes."""
    ramp_w_per_s: int = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement at the link; a value that is missing counts as a bad grid."""

    now: int
    """UTC epoch seconds."""
    grid_mhz: int | None
    grid_v: int | None
    island_mhz: int = 50_000
    stored_wh: int = 1
    source_w: int = 0


@dataclass(slots=True)
class Link:
    """The state; one per neighbourhood."""

    rules: LinkRules
    state: LinkState = LinkState.CONNECTED
    good_since: int | None = None
    last: int | None = None
    exchange_max_w: int = 0
    """Largest exchange either way that is allowed now."""
    full_exchange_w: int = 100_000

    def __post_init__(self) -> None:
        if self.state == LinkState.CONNECTED:
            self.exchange_max_w = self.full_exchange_w

    def step(self, seen: Measured) -> LinkState:
        """Take in one measurement and return the state that holds from now on."""
        if self.last is not None and seen.now < self.last:
            raise ValueError(f"time went back from {self.last} to {seen.now}")
        passed_s = 0 if self.last is None else seen.now - self.last
        self.last = seen.now
        good = self._good(seen)
        self.good_since = (self.good_since if self.good_since is not None else seen.now) if good else None
        if not good:
            self.exchange_max_w = 0
            alive = seen.stored_wh > 0 or seen.source_w > 0
            self.state = LinkState.ISLAND if alive else LinkState.DARK
        elif self.state == LinkState.CONNECTED:
            self.exchange_max_w = min(self.full_exchange_w, self.exchange_max_w + passed_s * self.rules.ramp_w_per_s)
        elif self.state == LinkState.SYNCHRONISING or self.state == LinkState.DARK:
            dark = self.state == LinkState.DARK
            if dark or abs(seen.island_mhz - (seen.grid_mhz or 0)) <= self.rules.difference_mhz:
                self.state = LinkState.CONNECTED
        elif self.good_since is not None and seen.now - self.good_since >= self.rules.stable_s:
            self.state = LinkState.SYNCHRONISING
        return self.state

    def _good(self, seen: Measured) -> bool:
        rules = self.rules
        if seen.grid_mhz is None or seen.grid_v is None:
            return False
        frequency = rules.frequency_low_mhz <= seen.grid_mhz <= rules.frequency_high_mhz
        return frequency and rules.voltage_low_v <= seen.grid_v <= rules.voltage_high_v
