"""Who trades how much with neighbours, by account; and the community's totals day by day.

Units: Wh, n€, UTC epoch seconds; all int. Trades are public under pseudonyms, and so are these sums of them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from sqlmodel import col

from node.storage.models import Account, TradeRow
from node.views.rows import Row

KEYS = ("account", "kind", "trades", "soldWh", "earnedNeur", "boughtWh", "paidNeur")


def league(connection: Connection, where: Sequence[ColumnElement[bool]]) -> list[Row]:
    """Return the sums of some trades for every account that trades on its own, the most traded energy first."""
    price = col(TradeRow.price_ueur_per_kwh)
    sold = dict(_sums(connection, col(TradeRow.seller), price - col(TradeRow.wedge_ueur_per_kwh), where))
    bought = dict(_sums(connection, col(TradeRow.buyer), price, where))
    accounts = select(col(Account.address), col(Account.kind)).where(col(Account.kind).not_in(("supplier", "fees")))
    nothing = (0, 0, 0)
    rows: list[Row] = []
    for address, kind in connection.execute(accounts):
        (sales, sold_wh, earned), (purchases, bought_wh, paid) = (
            sold.get(address, nothing),
            bought.get(address, nothing),
        )
        values = (address, kind, sales + purchases, sold_wh, earned, bought_wh, paid)
        rows.append(dict(zip(KEYS, values, strict=True)))
    return sorted(rows, key=lambda row: (-int(row["soldWh"] or 0) - int(row["boughtWh"] or 0), str(row["account"])))


def _sums(
    connection: Connection, account: Any, price: Any, where: Sequence[ColumnElement[bool]]
) -> Iterator[tuple[str, tuple[int, int, int]]]:
    quantity = col(TradeRow.quantity_wh)
    statement = select(account, func.count(), func.sum(quantity), func.sum(quantity * price)).where(*where)
    for address, trades, energy_wh, amount_neur in connection.execute(statement.group_by(account)):
        yield str(address), (int(trades), int(energy_wh), int(amount_neur))
