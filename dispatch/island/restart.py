"""Loads that can be switched: shed and started again by published priority, in acknowledged steps.

Without the grid, what does not fit goes off within the step, last priority first (D2); when everything was dark, or
there is room again, groups come on in the sequence of `black_start_order`, each when all of the last one have said that
they switched, or had time to. With the grid back, the same groups follow as its ramp leaves room, so nothing jumps.
Units: W, UTC epoch seconds; all int. Refuses, with `ValueError`: two loads of one name, negative numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dispatch.island.sharing import CRITICAL, Load, black_start_order

ACKNOWLEDGED_S: Final = 30
"""A switch that has not said so for so long is not waited for."""
HELD_S: Final = 60
"""After something was shed, nothing is started for so long: an island on the edge does not flap."""
HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class SwitchedLoad:
    """Something behind a switch of its own."""

    name: str
    priority: int
    """0 is critical; a larger number is served later."""
    power_w: int
    inrush_permille: int = 1_000
    """What it draws while it starts against `power_w`, ≥ 1000."""

    def __post_init__(self) -> None:
        if self.priority < 0 or self.power_w < 0 or self.inrush_permille < 1_000:
            raise ValueError(f"{self.name}: priority and power are at least 0, and inrush at least 1000 thousandths")


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is for switched loads in one step."""

    power_w: int
    """That they may draw together; negative when not even everything else is served."""
    sheds: bool
    """Whether there is no grid to serve what is beyond that."""
    others_w: int | None = None
    """That all together may draw for what is not critical to run: less than `power_w` where stores are kept for what is
    critical; None for the same."""

    @property
    def spared_w(self) -> int:
        """Return the same, never more than `power_w`."""
        return self.power_w if self.others_w is None else min(self.power_w, self.others_w)


class Restart:
    """The switches of one home, or of any island."""

    def __init__(self, loads: Sequence[SwitchedLoad], on: Mapping[str, bool] | None = None) -> None:
        """Begin with all on, or as they were."""
        if len({load.name for load in loads}) != len(loads):
            raise ValueError("loads have different names")
        self.loads = tuple(sorted(loads, key=lambda load: (load.priority, load.power_w, load.name)))
        """By priority: the published sequence."""
        self.on = {load.name: (on or {}).get(load.name, True) for load in self.loads}
        """What each switch is told."""
        self.said = dict(self.on)
        """What each switch said last."""
        self.order: list[list[str]] = []
        """Groups that are still to be started, the next one first."""
        self._told_at = 0
        self._shed_at: int | None = None

    def acknowledged(self, name: str, on: bool) -> None:
        """Note what a switch says of itself; one that is unknown says nothing."""
        if name in self.said:
            self.said[name] = on

    def silent(self, now: int) -> list[str]:
        """Return the loads whose switches did not say in time that they did what they were told."""
        if 0 <= now - self._told_at < ACKNOWLEDGED_S:
            return []
        return [name for name, on in self.on.items() if self.said[name] is not on]

    @property
    def running_w(self) -> int:
        """Power of all that is on, by what the switches say."""
        return sum(load.power_w for load in self.loads if self.said[load.name])

    def dark(self, now: int) -> None:
        """Note that nothing runs any more: all is to be off, until there is something to start with."""
        if any(self.on.values()):
            self._told_at = self._shed_at = now
        self.on = dict.fromkeys(self.on, False)
        self.said = dict(self.on)

    def step(self, now: int, supply: Supply) -> dict[str, bool]:
        """Return what each switch is to be now."""
        before = dict(self.on)
        blocked = self._shed(supply) if supply.sheds else None
        if self.on != before:
            self._shed_at = self._told_at = now
        self.order = self._groups(supply, blocked)
        # A clock that jumped back, as one without a battery does, must not hold anything until it has caught up.
        waits = 0 <= now - self._told_at < ACKNOWLEDGED_S and self.said != self.on
        held = supply.sheds and self._shed_at is not None and 0 <= now - self._shed_at < HELD_S
        if self.order and not waits and not held and self.on == before:
            for name in self.order.pop(0):
                self.on[name] = True
            self._told_at = now
        return dict(self.on)

    def _shed(self, supply: Supply) -> int | None:
        """Switch off what does not fit; return the first priority that is not served."""
        drawn_w, blocked = 0, None
        for load in self.loads:
            if not self.on[load.name]:
                continue
            most_w = supply.power_w if load.priority == CRITICAL else supply.spared_w
            if (blocked is not None and load.priority > blocked) or drawn_w + load.power_w > most_w:
                self.on[load.name] = False
                blocked = load.priority if blocked is None else blocked
            else:
                drawn_w += load.power_w
        return blocked

    def _groups(self, supply: Supply, blocked: int | None) -> list[list[str]]:
        drawn_w = sum(load.power_w for load in self.loads if self.on[load.name])
        off = [load for load in self.loads if not self.on[load.name]]
        groups: list[list[str]] = []
        for critical, most_w in ((True, supply.power_w), (False, supply.spared_w)):
            part = [load for load in off if (load.priority == CRITICAL) is critical]
            wanted = [Load(load.name, load.priority, load.power_w) for load in part]
            inrush = {load.name: load.inrush_permille for load in part}
            more = black_start_order(wanted, inrush, max(0, most_w - drawn_w), HOUR_S)
            drawn_w += sum(load.power_w for load in part if any(load.name in group for group in more))
            groups += more
        placed = {name for group in groups for name in group}
        limits = [load.priority for load in off if load.name not in placed]
        limits += [] if blocked is None else [blocked]
        allowed = self._names(off, min(limits, default=None))
        return [kept for group in groups if (kept := [name for name in group if name in allowed])]

    @staticmethod
    def _names(loads: Iterable[SwitchedLoad], last: int | None) -> set[str]:
        """Return the names of loads up to a priority: nothing later runs while something of it does not (D2)."""
        return {load.name for load in loads if last is None or load.priority <= last}
