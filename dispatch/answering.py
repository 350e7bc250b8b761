"""How a site's stores answer the balance of their street while an interval runs.

Where a community shares what its meters and its trades differ by, deviations cost neighbours the shared price and no
more, as long as the street as a whole neither draws nor feeds in. So stores go beyond what was contracted: towards what
the site's plan does at the shared price, and only as far as that brings the street nearer to its balance.
What each adds is bounded by its own plan: whatever a balance says, no store does what does not pay at that price.

Each balance moves an answer by the site's part, by its rating, of what the street will draw too much by the end. It is
answered once, and only when its power was measured since the answer before: whoever acts again before seeing what he
did, overshoots. Homes that are full, empty or silent leave their part of it, which the next balance tells again.
Units: Wh, W, UTC epoch seconds; all int. Refuses: nothing.
"""

from dataclasses import dataclass
from typing import Final

from dispatch.driving import Intention, drive, run_slow
from dispatch.plant import Plant

HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Balance:
    """How a street goes so far in one interval."""

    interval: int
    since: int
    """When the measuring of its power began."""
    at: int
    """When it was measured; until then counts the energy."""
    drawn_wh: int
    """What its meters drew less what they fed in, and less what was bought beyond the street."""
    power_w: int
    """Drawn now less fed in, and less the mean of what was bought beyond the street."""
    rating_w: int
    """Of all stores that answer."""

    def expected_wh(self, end: int) -> int:
        """Return what will have been drawn too much when the interval ends, if the power stays as it is."""
        return self.drawn_wh + _towards_zero(self.power_w * max(0, end - self.at), HOUR_S)


@dataclass(slots=True)
class Answer:
    """What one site draws beyond what it contracted to answer its street, in one interval after the other."""

    interval: int = -1
    wh: int = 0
    """Drawn more (negative: less) by the end of the interval than without an answer."""
    changed_at: int = -1
    power_w: int = 0
    """Of the answer now."""
    given_ws: int = 0
    """What was answered so far, by what the stores were asked; W s."""
    counted_until: int = 0

    def begin(self, interval: int, now: int) -> None:
        """Count what was answered until now; an interval begins without an answer."""
        if interval != self.interval:
            self.interval, self.changed_at, self.counted_until = interval, interval, now
            self.wh = self.power_w = self.given_ws = 0
        self.given_ws += self.power_w * max(0, now - self.counted_until)
        self.counted_until = now

    def hear(self, balance: Balance, now: int, end: int, rating_w: int) -> bool:
        """Change the answer by the site's part of what the street lacks; return whether the balance was answered.

        Args:
            balance: Of the street.
            now: UTC epoch seconds; `begin` was told it.
            end: Of the interval.
            rating_w: Of the site's own stores.
        """
        if balance.interval != self.interval or not self.changed_at <= balance.since <= balance.at <= now:
            return False
        self.wh -= _towards_zero(balance.expected_wh(end) * rating_w, max(balance.rating_w, rating_w, 1))
        self.changed_at = now
        return True

    @property
    def given_wh(self) -> int:
        """What was answered so far."""
        return _towards_zero(self.given_ws, HOUR_S)


@dataclass(frozen=True, slots=True)
class Rest:
    """The rest of an interval, as a site sees it."""

    now: int
    length_s: int
    """How long it is steered for."""
    net_wh: int
    """Use less sun behind the connection, without the devices."""
    left_wh: int
    """Contracted exchange that is left, as if nothing had been answered."""
    moved_wh: int
    """Drawn by the stores so far, as if nothing had been answered."""
    draws_wh: int
    """Most that the connection draws."""
    feeds_wh: int
    """Most that it feeds in."""


def drive_answering(plant: Plant, rest: Rest, kept: Intention, answer: Answer) -> None:
    """Run a plant through the rest of an interval, with an answer to its street.

    Args:
        plant: Its contents change.
        rest: Of the interval.
        kept: What was decided for the rest.
        answer: Of the site, begun at `rest.now`; becomes what is worth the shared price, and can be done.
    """
    if not answer.wh and not answer.given_wh:
        drive(plant, rest.now, rest.length_s, kept, rest.net_wh, rest.left_wh)
        answer.power_w = 0
        return
    exchange = drive(plant.copy(), rest.now, rest.length_s, kept, rest.net_wh, rest.left_wh)
    alone_wh = exchange.charge_wh - exchange.discharge_wh
    plant.keep(rest.length_s)
    net_wh = rest.net_wh + run_slow(plant, kept.setpoints_wh, rest.now, rest.length_s)
    worth_wh = alone_wh if kept.at_shared_wh is None else kept.at_shared_wh - rest.moved_wh
    must_wh = max(kept.forced_wh, plant.must_charge_wh(rest.now, rest.length_s))
    least_wh = max(worth_wh, -rest.feeds_wh - net_wh, must_wh if must_wh > 0 else worth_wh)
    most_wh = min(worth_wh, rest.draws_wh - net_wh)
    low_wh, high_wh = min(alone_wh, least_wh), max(alone_wh, most_wh)
    wish_wh = min(max(alone_wh + answer.wh, low_wh), high_wh) - answer.given_wh
    if wish_wh > 0:
        done_wh = plant.charge(wish_wh, -net_wh, rest.now, rest.length_s)
    else:
        done_wh = -plant.discharge(-wish_wh, rest.now, rest.length_s)
    answer.wh = done_wh + answer.given_wh - alone_wh
    answer.power_w = _towards_zero((done_wh - alone_wh) * HOUR_S, rest.length_s)


def _towards_zero(wh: int, parts: int) -> int:
    return wh // parts if wh >= 0 else -(-wh // parts)
