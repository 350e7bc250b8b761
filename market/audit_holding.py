"""What each account needs as collateral, as an auditor repeats it.

What is open of an order is held for the interval with whose gate it ends, what was filled for the trade's interval,
until the run that settles that is on chain. Units: Wh, µ€/kWh, n€. Refuses nothing.
"""

from energy.identity import Address
from energy.quantities import amount_neur, ratio_down
from market.audit_book import AuditedOrder, DerivedTrade
from market.commands import RateAccount
from market.config import MarketConfig
from market.orders import Side
from market.standing import NEWCOMER, Facts, Standing


class Holding:
    """Collateral of all accounts, and its use."""

    def __init__(self, config: MarketConfig) -> None:
        self._config = config
        self.collateral_neur: dict[Address, int] = {}
        self.needed_neur: dict[Address, int] = {}
        self._standings: dict[Address, tuple[int, Standing]] = {}
        """Last run that has said anything of an account, and what is left of all that was said."""
        self._held_neur: dict[int, dict[Address, int]] = {}
        """What each interval that is not released needs of each account."""

    def worst_case_neur(self, side: Side, quantity_wh: int, price: int) -> int:
        """Return what energy bought costs, or energy sold and not delivered, n€."""
        dearest = self._config.shortfall_price_max_ueur_per_kwh
        return amount_neur(quantity_wh, max(0, price if side == Side.BUY else dearest - price))

    def open_neur(self, order: AuditedOrder) -> int:
        """Return the worst case of what is open of an order."""
        return self.worst_case_neur(order.order.side, order.open_wh, order.price)

    def available_neur(self, account: Address) -> int:
        """Return what an account has left."""
        _, standing = self._standings.get(account, (0, NEWCOMER))
        permille = standing.collateral_permille
        return ratio_down(self.collateral_neur.get(account, 0), 1_000, permille) - self.needed_neur.get(account, 0)

    def rate(self, command: RateAccount, now: int) -> bool:
        """Count what a run says of an account; say whether it is known, and the run was not counted before."""
        account, is_right = command.account, command.account in self.collateral_neur
        last_run, standing = self._standings.get(account, (0, NEWCOMER))
        facts = Facts(command.kept_wh, command.failed_wh)
        self._standings[account] = (command.run_id, standing.with_facts(facts, now))
        return is_right and command.run_id > last_run

    def hold(self, interval: int, account: Address, change_neur: int) -> None:
        """Hold more of an account for an interval, or less."""
        held = self._held_neur.setdefault(interval, {})
        held[account] = held.get(account, 0) + change_neur
        self.needed_neur[account] = self.needed_neur.get(account, 0) + change_neur

    def hold_open(self, order: AuditedOrder) -> None:
        """Hold what is open of an order."""
        self.hold(order.order.home, order.account, self.open_neur(order))

    def free_open(self, order: AuditedOrder) -> None:
        """Let go of what is open of an order that leaves."""
        self.hold(order.order.home, order.account, -self.open_neur(order))

    def fill(self, derived: DerivedTrade, party: AuditedOrder, *, was_held: bool) -> None:
        """Hold a fill at the trade's price; of what was held before, at the limit, that part goes."""
        trade, side = derived.trade, party.order.side
        wedge = trade.wedge_ueur_per_kwh if side == Side.SELL else 0
        filled_neur = self.worst_case_neur(side, trade.quantity_wh, trade.price_ueur_per_kwh - wedge)
        self.hold(trade.interval, party.account, filled_neur)
        if was_held:
            limit_neur = self.worst_case_neur(side, trade.quantity_wh, party.price)
            self.hold(party.order.home, party.account, -limit_neur)

    def release(self, interval: int) -> None:
        """Let go of all that an interval held."""
        for account, neur in self._held_neur.pop(interval, {}).items():
            self.needed_neur[account] -= neur
