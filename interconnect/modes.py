"""Loss of the grid and loss of the link are two things: each is detected by itself, and together they give the mode.

The grid is measured at the point of connection (`dispatch.island.link`, on its own time scale); the link is heard: the
neighbour's lease or beat comes at least every `silence_s`, else the link counts as cut. It counts as whole again only
after `steady_s` of hearing, so that a flapping link does not flap the market.
Units: s, UTC epoch seconds. Refuses: nothing; time that goes back is taken for no time passed.
"""

from dataclasses import dataclass
from enum import IntEnum


class Mode(IntEnum):
    """How a zone lives, by what it has lost."""

    TOGETHER = 0
    """Grid and link are there."""
    ALONE = 1
    """No data: trades, meters, settles and certifies by itself; what is not traded inside falls to the supplier."""
    ISLAND = 2
    """No grid: nothing is exchanged, critical loads come first, scarcity has its price; data still flows."""
    ISLAND_ALONE = 3

    @property
    def offers(self) -> bool:
        """Whether residuals go out and awards come in."""
        return self is Mode.TOGETHER

    @property
    def has_supplier(self) -> bool:
        """Whether the supplier takes and gives what is not traded."""
        return self in (Mode.TOGETHER, Mode.ALONE)


@dataclass(frozen=True, slots=True)
class HearingRules:
    """When a neighbour counts as cut off and as back."""

    silence_s: int = 60
    steady_s: int = 30


@dataclass(frozen=True, slots=True)
class Change:
    """A mode that began."""

    mode: Mode
    at: int


@dataclass(slots=True)
class Watch:
    """What a zone knows of its grid and its link; one per zone with a parent."""

    rules: HearingRules = HearingRules()
    mode: Mode = Mode.ALONE
    """A zone starts alone, until its parent has been heard for long enough."""
    grid_there: bool = True
    heard_at: int | None = None
    heard_since: int | None = None
    now: int = 0
    changes: tuple[Change, ...] = ()
    """Every mode that began, in sequence."""

    def hear(self, now: int) -> None:
        """Note that the neighbour was heard."""
        self.now = max(self.now, now)
        if self.heard_since is None:
            self.heard_since = self.now
        self.heard_at = self.now

    def step(self, now: int, *, grid_there: bool) -> Mode:
        """Let time pass, with what is measured of the grid; return the mode that holds."""
        self.now = max(self.now, now)
        self.grid_there = grid_there
        if self.heard_at is not None and self.now - self.heard_at > self.rules.silence_s:
            self.heard_at = self.heard_since = None
        linked = self.mode in (Mode.TOGETHER, Mode.ISLAND)
        if self.heard_since is None:
            linked = False
        elif self.now - self.heard_since >= self.rules.steady_s:
            linked = True
        mode = Mode((0 if linked else 1) + (0 if grid_there else 2))
        if mode is not self.mode:
            self.mode = mode
            self.changes = (*self.changes, Change(mode, self.now))
        return mode
