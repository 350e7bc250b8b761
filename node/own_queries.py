"""What the projection holds of one account alone: personal data, for its owner's eyes.

Units: Wh, n€, UTC epoch seconds. Refuses: as `node.queries`.
"""

from sqlmodel import col

from node import query_rows
from node.holdings import Traded, traded
from node.queries import LIMIT_DEFAULT, Page, Queries, within
from node.storage.models import ReadingRow


class OwnQueries(Queries):
    """The questions that only their account's owner may ask."""

    def traded(self, account: str, start: int, end: int | None) -> Traded:
        """Return what an account bought, sold and paid, by interval, see `node.holdings`. Personal data."""
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
