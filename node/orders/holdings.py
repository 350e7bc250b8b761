"""What a member holds in the market: positions, collateral in use, limits; for whoever signs with the account's key.

A look is `Look{account, until}`, signed as EIP-712, and good until then; it changes nothing and may be used again.
Units: Wh, n€, UTC epoch seconds. Refuses: looks that are over or too long (`BadLook`), and other people's signatures.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, cast, func, select
from sqlmodel import col

from energy.identity import Address, hex_text
from market.orders import Side
from market.risk import minute_of, notional_neur
from market.state import MarketState, OpenOrder
from node.orders.typed_data import look_digest
from node.storage.models import TradeRow
from oracles.signatures import recover
from oracles.typed_data import Domain

LOOK_S_MAX: Final = 3_600
"""How far ahead a look may be signed for."""

Traded = dict[int, tuple[int, int, int]]
"""By interval: Wh bought, Wh sold, n€ paid less n€ earned."""


class BadLook(ValueError):
    """A look that shows nothing: over, signed for too long, or not by the account."""


class Holdings:
    """The market's state as its members may see of themselves; nothing is told before it is on disk."""

    def __init__(self, state: MarketState, synced: Callable[[], Awaitable[None]], domain: Domain) -> None:
        """Watch a market; `synced` waits until all that its state holds is on disk."""
        self._state = state
        self._synced = synced
        self._domain = domain

    def check_look(self, account: Address, until: int, signature: bytes, now: int) -> None:
        """Check that an account's key has signed that it wants to look.

        Raises:
            BadLook: it has not, or not for now.
        """
        if not now < until <= now + LOOK_S_MAX:
            raise BadLook(f"until must lie at most {LOOK_S_MAX} s ahead of {now}, the node's time")
        try:
            signer = recover(look_digest(self._domain, account, until), signature)
        except ValueError:
            signer = None
        if signer != account:
            raise BadLook("the signature is not this account's over this Look in the domain of settlement")

    def first_interval(self, now: int) -> int:
        """Return the first interval that holds collateral, or `now`."""
        return min((*self._state.closed, *self._state.sessions), default=now)

    async def exposure(self, account: Address, now: int) -> dict[str, Any] | None:
        """Return collateral, open orders and limits of an account; None for a stranger."""
        state, config = self._state, self._state.config
        found = state.accounts.get(account)
        if found is None:
            return None
        resting = found.resting.values()
        minute, orders = found.pace
        answer = {
            "account": hex_text(account),
            "collateralNeur": found.collateral_neur,
            "inUseNeur": found.needed_neur,
            "availableNeur": found.collateral_neur - found.needed_neur,
            "rating": {
                "collateralPermille": found.standing.collateral_permille,
                "keptWh": found.standing.kept_wh,
                "failedWh": found.standing.failed_wh,
                "throughRun": found.rated_run,
            },
            "openOrders": len(resting),
            "openWh": sum(each.open_wh for each in resting),
            "openNotionalNeur": sum(notional_neur(each.open_wh, each.price) for each in resting),
            "ordersThisMinute": orders if minute == minute_of(now) else 0,
            "haltedByMember": found.halted_by_member,
            "haltedByOperator": found.halted_by_operator,
            "limits": {
                "openOrders": config.account_orders_max or None,
                "openWh": config.account_open_max_wh or None,
                "openNotionalNeur": config.account_notional_max_neur or None,
                "ordersPerMinute": config.orders_per_minute_max or None,
                "collar": config.collar_ueur_per_kwh or None,
            },
        }
        await self._synced()
        return answer

    async def positions(self, account: Address, read: Callable[[], Awaitable[Traded]]) -> list[dict[str, Any]]:
        """Return an account's position in each interval where it has traded or may trade, ascending.

        Args:
            account: Whose.
            read: Reads what the account has traded, after the state has been looked at.
        """
        state = self._state
        open_orders = _by_interval(state.resting_orders(account))
        worst: dict[int, int] = {}
        for books in (state.closed, state.sessions):
            worst |= {at: each.exposure_neur[account] for at, each in books.items() if account in each.exposure_neur}
        opened, closed = frozenset(state.sessions), frozenset(state.closed)
        await self._synced()
        traded = await read()
        items = []
        for interval in sorted({*open_orders, *traded, *worst}):
            bought_wh, sold_wh, paid_neur = traded.get(interval, (0, 0, 0))
            items.append(
                {
                    "interval": interval,
                    "status": "open" if interval in opened else "closed" if interval in closed else "settled",
                    "boughtWh": bought_wh,
                    "soldWh": sold_wh,
                    "positionWh": bought_wh - sold_wh,
                    "paidNeur": paid_neur,
                    "openBuyWh": _open_wh(open_orders.get(interval, []), Side.BUY),
                    "openSellWh": _open_wh(open_orders.get(interval, []), Side.SELL),
                    "worstCaseNeur": worst.get(interval, 0),
                }
            )
        return items


def traded(connection: Connection, account: str, start: int, end: int | None) -> Traded:
    """Return what an account has bought, sold and paid in each interval from `start` to before `end`."""
    found: Traded = {}
    wh, price = col(TradeRow.quantity_wh), col(TradeRow.price_ueur_per_kwh)
    wedge = col(TradeRow.wedge_ueur_per_kwh)
    for side, owner, each in ((Side.BUY, TradeRow.buyer, price), (Side.SELL, TradeRow.seller, price - wedge)):
        sums = select(col(TradeRow.interval), func.sum(wh), func.sum(cast(wh, BigInteger) * each))
        where = [col(owner) == account, col(TradeRow.interval) >= start]
        if end is not None:
            where.append(col(TradeRow.interval) < end)
        for interval, quantity, money in connection.execute(sums.where(*where).group_by(col(TradeRow.interval))):
            bought_wh, sold_wh, paid_neur = found.get(interval, (0, 0, 0))
            if side is Side.BUY:
                found[interval] = bought_wh + int(quantity), sold_wh, paid_neur + int(money)
            else:
                found[interval] = bought_wh, sold_wh + int(quantity), paid_neur - int(money)
    return found


def _by_interval(orders: tuple[OpenOrder, ...]) -> dict[int, list[OpenOrder]]:
    found: dict[int, list[OpenOrder]] = {}
    for each in orders:
        found.setdefault(each.order.last_interval or each.order.interval, []).append(each)
    return found


def _open_wh(orders: list[OpenOrder], side: Side) -> int:
    return sum(each.open_wh for each in orders if each.order.side == side)
