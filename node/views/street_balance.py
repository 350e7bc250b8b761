"""The balance of the street while an interval runs: what homes' batteries answer. For members, and never of few homes.

From the registers of all meters that were heard in the last two minutes, but for links. Each is carried on to the
moment of asking by its own power, the mean over a minute or more. What the homes that are heard bought from others than
each other is theirs to draw and counts as balanced.
Units: Wh, W, UTC epoch seconds. Refuses: nothing; where there is nothing to tell it is None.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from energy.identity import Address, MeterId
from market.config import MarketConfig
from market.events import Trade
from market.mechanism import Sharing
from metering.intervals import Deltas, deltas
from metering.meter import MeterState
from node.coop.community import LINK_KIND, Member
from node.rpc.ports import JsonObject

HOMES_MIN: Final = 5
"""Fewer accounts are no street: their sum would tell of one of them."""
SILENT_S: Final = 120
"""A meter that was heard longer ago is not counted."""
POWER_S: Final = 60
"""Power is measured over at least so long: 1 Wh is 60 W then."""
KEPT_S: Final = 300
ANSWERING_S: Final = 60
"""Who asked longer ago answers no more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A meter while an interval runs."""

    member: Member
    at: int
    drawn: Deltas
    """Since the interval began."""


def seen_in(interval: int, member: Member, state: MeterState) -> Seen | None:
    """Return a meter as it was heard last in an interval; None when it was not."""
    begin, last = state.boundaries.get(interval), state.last_index
    if begin is None or last is None:
        return None
    return Seen(member, last.at, deltas(begin.index, last, state.config.index_modulus_wh))


@dataclass(slots=True)
class _Track:
    """What a meter said in the interval, by time; it begins with nothing."""

    points: list[tuple[int, int]]
    power_w: int = 0
    since: int = 0

    def add(self, at: int, drawn_wh: int) -> bool:
        """Take a word in; return whether the power is known."""
        if at > self.points[-1][0]:
            self.points.append((at, drawn_wh))
        at, drawn_wh = self.points[-1]
        before = [point for point in self.points if point[0] <= at - POWER_S]
        self.points = [point for point in self.points if point[0] >= at - KEPT_S or point in before[-1:]]
        if before:
            self.since, then_wh = before[-1]
            self.power_w = (drawn_wh - then_wh) * 3_600 // (at - self.since)
        return bool(before)


@dataclass(slots=True)
class StreetBalance:
    """One community's."""

    market: MarketConfig
    interval: int = -1
    _tracks: dict[MeterId, _Track] = field(default_factory=dict)
    _answering: dict[Address, tuple[int, int]] = field(default_factory=dict)
    """Rating of an account's stores, and when it was told."""

    def ask(
        self, now: int, account: Address, rating_w: int, seen: Iterable[Seen], trades: Iterable[Trade]
    ) -> JsonObject | None:
        """Return the balance to an account that answers it; None where nothing is shared, or too few are heard.

        Nor is anything told to whoever has no meter in the interval: what is of members is for members.

        Args:
            now: UTC epoch seconds.
            account: Of a member.
            rating_w: Of the stores with which it answers; 0 when it only looks. No more than its connection counts.
            seen: Each meter that counts in the interval, as it was heard last.
            trades: Of the interval.
        """
        if self.market.sharing is Sharing.NONE:
            return None
        interval = now - now % self.market.interval_length_s
        if interval != self.interval:
            self.interval, self._tracks = interval, {}
        by_account: defaultdict[Address, list[tuple[Seen, _Track | None]]] = defaultdict(list)
        for each in seen:
            if each.member.kind != LINK_KIND:
                track = self._tracks.setdefault(each.member.meter, _Track([(interval, 0)]))
                known = track.add(each.at, each.drawn.import_wh - each.drawn.export_wh) and now - each.at <= SILENT_S
                by_account[each.member.account].append((each, track if known else None))
        heard = {who: meters for who, meters in by_account.items() if all(track for _, track in meters)}
        if account not in by_account:
            return None
        self._note(now, account, rating_w, heard)
        if len(heard) < HOMES_MIN:
            return None
        tracks = {who: [track for _, track in meters if track] for who, meters in heard.items()}
        answering = {who: told for who, told in self._answering.items() if who in heard}
        watched = [track for who in answering or heard for track in tracks[who]]
        every = [track for found in tracks.values() for track in found]
        carried_ws = sum(track.power_w * (now - track.points[-1][0]) for track in every)
        beyond_wh, length_s = _bought_wh(trades, heard), self.market.interval_length_s
        return {
            "interval": interval,
            "since": min(track.since for track in watched),
            "at": now,
            "drawnWh": sum(track.points[-1][1] for track in every)
            + carried_ws // 3_600
            - beyond_wh * (now - interval) // length_s,
            "powerW": sum(track.power_w for track in every) - beyond_wh * 3_600 // length_s,
            "heard": len(heard),
            "accounts": len(by_account),
            "ratingW": sum(rating for rating, _ in answering.values()),
            "answering": account in answering,
        }

    def _note(
        self, now: int, account: Address, rating_w: int, heard: dict[Address, list[tuple[Seen, _Track | None]]]
    ) -> None:
        """Note with what an account answers: only one that is heard, since what it does must show in the balance."""
        members = [each.member for each, _ in heard.get(account, ())]
        most_w = sum(max(member.power_max_import_w, member.power_max_export_w) for member in members)
        self._answering[account] = min(max(rating_w, 0), most_w), now
        self._answering = {
            who: (rating, at) for who, (rating, at) in self._answering.items() if rating and now - at <= ANSWERING_S
        }


def _bought_wh(trades: Iterable[Trade], heard: Iterable[Address]) -> int:
    """Return what some accounts bought together less what they sold."""
    position_wh = Counter[Address]()
    for trade in trades:
        position_wh[trade.buyer] += trade.quantity_wh
        position_wh[trade.seller] -= trade.quantity_wh
    return sum(position_wh[account] for account in heard)
