"""The community's risk limits as an auditor repeats them: which accepted order had to be refused, and by which limit.

Apart from `market.risk`, which it judges. Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses nothing.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from energy.errors import Misconfigured
from energy.identity import Address
from market.audit_book import AuditedOrder
from market.commands import HaltAccount, SetLimits
from market.config import MarketConfig
from market.orders import Order, Side


class RiskAudit:
    """What the limits need to know of each account."""

    def __init__(self, config: MarketConfig) -> None:
        self._config = config
        self.halted: dict[Address, set[str]] = {}
        """Who has stopped an account: member, operator, or both."""
        self.switch_nonces: dict[Address, int] = {}
        self.last_price: int | None = None
        """The latest published price."""
        self._minutes = Counter[tuple[Address, int]]()

    def limit(self, command: SetLimits) -> None:
        """Follow other limits; those that no market has, no engine took either."""
        with suppress(Misconfigured):
            self._config = self._config.with_limits(command)

    def turn(self, command: HaltAccount) -> bool:
        """Follow a switch; say whether its nonce was above that of its member's last one."""
        who = "operator" if command.by_operator else "member"
        switches = self.halted.setdefault(command.account, set())
        switches.add(who) if command.halted else switches.discard(who)
        if command.by_operator:
            return True
        is_newer = command.nonce > self.switch_nonces.get(command.account, -1)
        self.switch_nonces[command.account] = command.nonce
        return is_newer

    def breaches(self, order: Order, own: Sequence[AuditedOrder], last_trade: int | None, now: int) -> list[str]:
        """Return the limits that an accepted order breaks, and count it.

        Args:
            order: Just accepted.
            own: Resting orders of its account, in all intervals, without this one.
            last_trade: Price of the interval's last trade before it.
            now: Time of the record.
        """
        config, found = self._config, []
        if self.halted.get(order.account):
            found.append("halted")
        place = (order.account, now // 60)
        self._minutes[place] += 1
        if config.orders_per_minute_max and self._minutes[place] > config.orders_per_minute_max:
            found.append("orders_per_minute_max")
        reference = self.last_price if last_trade is None else last_trade
        if config.collar_ueur_per_kwh and reference is not None:
            beyond = order.limit_price_ueur_per_kwh - reference
            if (beyond if order.side == Side.BUY else -beyond) > config.collar_ueur_per_kwh:
                found.append("collar_ueur_per_kwh")
        if config.account_orders_max and len(own) >= config.account_orders_max:
            found.append("account_orders_max")
        if (
            config.account_open_max_wh
            and sum(each.open_wh for each in own) + order.quantity_wh > config.account_open_max_wh
        ):
            found.append("account_open_max_wh")
        money = [(each.open_wh, each.price) for each in own] + [(order.quantity_wh, order.limit_price_ueur_per_kwh)]
        if (
            config.account_notional_max_neur
            and sum(abs(wh * price) for wh, price in money) > config.account_notional_max_neur
        ):
            found.append("account_notional_max_neur")
        return found
