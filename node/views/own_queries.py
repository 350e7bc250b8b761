"""What the projection holds of one account alone: personal data, for its owner's eyes.

Units: Wh, n€, UTC epoch seconds. Refuses: as `node.views.queries`.
"""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from node.orders.holdings import Traded, traded
from node.storage.models import Account, ReadingRow
from node.views import rows as query_rows
from node.views.queries import LIMIT_DEFAULT, Page, Queries, within


class OwnQueries(Queries):
    """The questions that only their account's owner may ask."""

    def traded(self, account: str, start: int, end: int | None) -> Traded:
        """Return what an account bought, sold and paid, by interval, see `node.orders.holdings`. Personal data."""
        with self.engine.connect() as connection:
            return traded(connection, account, start, end)

    def readings(
        self,
        *,
        account: str,
        start: int | None = None,
        end: int | None = None,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
    ) -> Page:
        """Return the readings of an account's meters by interval. Personal data."""
        where = [col(ReadingRow.account) == account, *within(col(ReadingRow.interval), None, start, end)]
        return self._page(ReadingRow, ("interval", "sequence"), where, query_rows.reading, limit, cursor, False)

    def nets(self, account: str, intervals: Sequence[int]) -> list[int]:
        """Return what an account's meters gave less what they drew in those of some intervals that were read, Wh."""
        wanted = (col(ReadingRow.account) == account, col(ReadingRow.interval).in_(intervals))
        net = func.sum(col(ReadingRow.export_wh) - col(ReadingRow.import_wh))
        with self.engine.connect() as connection:
            rows = connection.execute(select(net).where(*wanted).group_by(col(ReadingRow.interval)))
            return [int(row[0]) for row in rows]


def conduct(engine: Engine, account: str) -> query_rows.Row | None:
    """Return what speaks for and against an account; None for an unknown one. Personal data."""
    with Session(engine) as session:
        return query_rows.standing(row) if (row := session.get(Account, account)) else None
