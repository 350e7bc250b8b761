"""The community's feeders as an auditor repeats them: what a trade loads, what is left, and what it costs.

Apart from `market.grid`, which it judges. Units: Wh, µ€/kWh. Refuses nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from energy.identity import Address
from energy.quantities import ENERGY_WH_MAX, mean_down
from market.config import MarketConfig

Loads = Counter[str]
"""Wh over each feeder, by its name: what is sold outwards counts up, what is bought inwards down."""


class Passing(Protocol):
    """A trade as far as feeders mind it."""

    @property
    def seller(self) -> Address:
        """Whose energy leaves."""

    @property
    def buyer(self) -> Address:
        """Whose energy arrives."""

    @property
    def quantity_wh(self) -> int:
        """Its energy."""


class GridAudit:
    """The feeders of one community."""

    def __init__(self, config: MarketConfig) -> None:
        self._interval_s = config.interval_length_s
        self._feeders = {each.name: each for each in config.feeders}
        self._home = {account: each.name for each in config.feeders for account in each.accounts}

    def way(self, seller: Address, buyer: Address) -> dict[str, int]:
        """Return the feeders between two accounts: 1 where a trade goes outwards, -1 where it goes inwards."""
        outwards, inwards = set(self._up(seller)), set(self._up(buyer))
        return dict.fromkeys(outwards - inwards, 1) | dict.fromkeys(inwards - outwards, -1)

    def room(self, loads: Loads, seller: Address, buyer: Address) -> tuple[int, int]:
        """Return how many Wh can go between two accounts at one price, and that price."""
        rooms, price = [ENERGY_WH_MAX], 0
        for name, direction in self.way(seller, buyer).items():
            feeder, load_wh = self._feeders[name], direction * loads[name]
            rooms.append(self._wh(feeder.limit_w) - load_wh)
            if load_wh < self._wh(feeder.free_w):
                rooms.append(self._wh(feeder.free_w) - load_wh)
            else:
                price += feeder.price_ueur_per_kwh
        return max(0, min(rooms)), price

    def load(self, loads: Loads, trade: Passing) -> None:
        """Let a trade pass."""
        for name, direction in self.way(trade.seller, trade.buyer).items():
            loads[name] += direction * trade.quantity_wh

    def overloads(self, trades: Sequence[Passing]) -> Iterator[tuple[int, str, int, int]]:
        """Yield the place of each trade that takes a feeder beyond its limit, its name, load and limit."""
        loads = Loads()
        for place, trade in enumerate(trades):
            before = Loads(loads)
            self.load(loads, trade)
            for name in self.way(trade.seller, trade.buyer):
                limit_wh = self._wh(self._feeders[name].limit_w)
                if abs(loads[name]) > max(limit_wh, abs(before[name])):
                    yield place, name, abs(loads[name]), limit_wh

    def _wh(self, power_w: int) -> int:
        return mean_down(power_w * self._interval_s, 3_600)

    def _up(self, account: Address) -> Iterator[str]:
        name = self._home.get(account, "")
        while name:
            yield name
            name = self._feeders[name].parent
