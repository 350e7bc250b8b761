"""The community's feeders: how much of an interval's trades each may carry, and what it costs to fill one.

Feeders form a tree whose root, the transformer's busbar, has no limit here. A trade goes from its seller's feeder up to
the first one that both share, and down to its buyer's; whatever lies between carries the Wh once, outwards or inwards,
and what other trades carry the other way makes room for it. These factors of 1, 0 and -1 are those of a radial network
without losses. Beyond what is free of it, a feeder has a price, which whoever comes last pays: the incoming order.

Units: W in the agreement, Wh of an interval in the market, rounded down; µ€/kWh. Refuses: with Misconfigured, feeders
that are no tree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from energy.errors import Misconfigured
from energy.identity import Address, address_from_hex
from energy.quantities import ENERGY_WH_MAX, PRICE_UEUR_PER_KWH_MAX, ratio_down

HOUR_S: Final = 3_600
LIMIT_W_MAX: Final = 10**9


@dataclass(frozen=True, slots=True)
class Feeder:
    """A line or a transformer, and the accounts whose meters are on it.

    Raises:
        Misconfigured: a value is out of its range.
    """

    name: str
    limit_w: int
    """Most that trades may carry over it, outwards or inwards."""
    accounts: tuple[Address, ...] = ()
    """Those that are on it, and on none of the feeders below it."""
    parent: str = ""
    """Name of the feeder that it hangs on; empty for the busbar."""
    free_w: int = LIMIT_W_MAX
    """Up to here nobody pays for it."""
    price_ueur_per_kwh: int = 0
    """Of what goes beyond `free_w`; a multiple of the market's tick."""

    def __post_init__(self) -> None:
        for name, high in (("limit_w", LIMIT_W_MAX), ("free_w", LIMIT_W_MAX), ("price_ueur_per_kwh", None)):
            value = getattr(self, name)
            high = PRICE_UEUR_PER_KWH_MAX if high is None else high
            if type(value) is not int or not 0 <= value <= high:
                raise Misconfigured(f"{name} of a feeder is {value!r}, but must be an integer from 0 to {high}")
        if not isinstance(self.name, str) or not self.name or not isinstance(self.parent, str):
            raise Misconfigured("a feeder must have a name, and its parent's name or an empty one")

    @staticmethod
    def from_plain(plain: "Feeder | Mapping[str, Any]") -> "Feeder":
        """Return the feeder that an agreement's file tells.

        Raises:
            Misconfigured: a field is unknown, missing or wrong.
        """
        if isinstance(plain, Feeder):
            return plain
        try:
            values = dict(plain)
            values["accounts"] = tuple(address_from_hex(each) for each in values.get("accounts", ()))
            return Feeder(**values)
        except (TypeError, ValueError, AttributeError) as error:
            raise Misconfigured(f"not a feeder: {error}") from None


@dataclass(frozen=True, slots=True)
class Passage:
    """What a path has left before it is full, or costs more."""

    room_wh: int
    """0 when it is full."""
    price_ueur_per_kwh: int
    """Of each of these Wh."""


FREE: Final = Passage(ENERGY_WH_MAX, 0)


class Grid:
    """The feeders of a market, as matching asks for them. Loads are Wh sold outwards less those bought inwards."""

    def __init__(self, feeders: Sequence[Feeder], interval_length_s: int) -> None:
        place = {each.name: number for number, each in enumerate(feeders)}
        above = [place.get(each.parent, -1) for each in feeders]
        self._limits_wh = [ratio_down(each.limit_w, interval_length_s, HOUR_S) for each in feeders]
        self._free_wh = [ratio_down(each.free_w, interval_length_s, HOUR_S) for each in feeders]
        self._prices = [each.price_ueur_per_kwh for each in feeders]
        self._paths: dict[Address, tuple[int, ...]] = {}
        """Feeders from an account up to the busbar."""
        for number, feeder in enumerate(feeders):
            path, at = list[int](), number
            while at >= 0:
                path.append(at)
                at = above[at]
            self._paths |= dict.fromkeys(feeder.accounts, tuple(path))

    def place_of(self, account: Address) -> int:
        """Return the feeder that an account is on; -1 for the busbar itself."""
        return next(iter(self._paths.get(account, ())), -1)

    def passage(self, loads_wh: Sequence[int], seller: Address, buyer: Address) -> Passage:
        """Return how far a trade between two accounts can go now at one price."""
        room_wh, price = FREE.room_wh, 0
        for feeder, direction in self._between(seller, buyer):
            load_wh = direction * loads_wh[feeder]
            is_free = load_wh < self._free_wh[feeder]
            room_wh = min(room_wh, self._limits_wh[feeder] - load_wh)
            if is_free:
                room_wh = min(room_wh, self._free_wh[feeder] - load_wh)
            else:
                price += self._prices[feeder]
        return Passage(max(room_wh, 0), price)

    def load(self, loads_wh: list[int], seller: Address, buyer: Address, quantity_wh: int) -> None:
        """Let a trade pass."""
        for feeder, direction in self._between(seller, buyer):
            loads_wh[feeder] += direction * quantity_wh

    def carries(self, loads_wh: Sequence[int]) -> bool:
        """Say whether no feeder is beyond its limit."""
        return all(abs(load_wh) <= limit_wh for load_wh, limit_wh in zip(loads_wh, self._limits_wh, strict=True))

    def _between(self, seller: Address, buyer: Address) -> list[tuple[int, int]]:
        """Return the feeders that a trade loads: outwards (1) on the seller's side, inwards (-1) on the buyer's."""
        out, into = self._paths.get(seller, ()), self._paths.get(buyer, ())
        return [(feeder, 1) for feeder in out if feeder not in into] + [(f, -1) for f in into if f not in out]


def check_feeders(feeders: Sequence[Feeder], tick_ueur_per_kwh: int) -> None:
    """Refuse feeders that are no tree, or that an account can not tell apart.

    Raises:
        Misconfigured: says which.
    """
    parents = {each.name: each.parent for each in feeders}
    accounts = [account for each in feeders for account in each.accounts]
    if len(parents) < len(feeders) or len(set(accounts)) < len(accounts):
        raise Misconfigured("feeders must have names of their own, and an account must be on one of them at most")
    for each in feeders:
        if each.price_ueur_per_kwh % tick_ueur_per_kwh:
            raise Misconfigured(f"the price of feeder {each.name} must be a multiple of the tick {tick_ueur_per_kwh}")
        passed, at = set[str](), each.name
        while at:
            if at not in parents or at in passed:
                raise Misconfigured(f"feeder {each.name} must hang on others that lead to the busbar, not on {at}")
            passed.add(at)
            at = parents[at]
