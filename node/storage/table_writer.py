"""The one writer of the tables: what was followed waits in batches until somebody asks, or the node finds the time.

A transaction of SQLite is on the disk when it returns, which takes as long as an order's own record: were the tables
written before each receipt, orders would wait twice. So batches wait in memory, and whoever opens a connection by
`TableWriter.engine` writes those that wait before it asks: nobody sees tables that are behind what was acknowledged.
Refuses: nothing; a database that can not be written now (`Unavailable`) is written later, and read as it is.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, delete, event, insert
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from energy.errors import Unavailable
from node.storage.models import Checkpoint

Statements = list[tuple[Any, list[dict[str, Any]]]]
"""What is to be executed, each with the rows that it inserts; with none for what is no insertion of rows."""


class TableWriter:
    """Writes batches in the sequence in which they came, from whichever thread comes first."""

    def __init__(self, engine: Engine) -> None:
        """Take the database; it is asked by `engine` from now on."""
        self.engine = engine.execution_options()
        """The same database for whoever asks."""
        self._database = engine
        self._waiting: deque[tuple[Statements, Mapping[str, int]]] = deque()
        self._writing = Lock()
        """Taken by who has its connection already, so that the pool can not run dry behind it."""

        @event.listens_for(self.engine, "engine_connect")
        def before_questions(connection: Connection) -> None:
            if self._waiting:
                with suppress(Unavailable):
                    self._write(connection)

    def __len__(self) -> int:
        """Return how many batches wait."""
        return len(self._waiting)

    def put(self, statements: Statements, positions: Mapping[str, int]) -> None:
        """Let a batch wait: what is to be executed, and how far each source is followed then."""
        self._waiting.append((statements, positions))

    def write(self) -> None:
        """Write all that waits, in one transaction.

        Raises:
            Unavailable: the database refuses for now, such as a full disk or another program's lock; all waits on.
        """
        if self._waiting:
            with self._database.connect() as connection:
                self._write(connection)

    def _write(self, connection: Connection) -> None:
        with self._writing:
            count = len(self._waiting)
            batches = [self._waiting[place] for place in range(count)]
            positions: dict[str, int] = {}
            for _, reached in batches:
                positions.update(reached)
            try:
                with connection.begin():
                    for statement, rows in _joined(each for statements, _ in batches for each in statements):
                        connection.execute(statement, rows) if rows else connection.execute(statement)
                    for source, position in positions.items():
                        connection.execute(delete(Checkpoint).where(col(Checkpoint.source) == source))
                        connection.execute(insert(Checkpoint).values(source=source, position=position))
            except OperationalError as error:
                raise Unavailable(f"the tables can not be written for now: {error.orig}") from error
            for _ in range(count):
                self._waiting.popleft()


def _joined(statements: Iterable[tuple[Any, list[dict[str, Any]]]]) -> Statements:
    """Return statements with neighbouring rows of one table in one."""
    joined: Statements = []
    for statement, rows in statements:
        if rows and joined and joined[-1][1] and joined[-1][0].table is statement.table:
            joined[-1][1].extend(rows)
        else:
            joined.append((statement, list(rows)))
    return joined
