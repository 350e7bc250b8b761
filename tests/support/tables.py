"""The projection's tables for tests: everything in them as plain rows, so that two projections can be compared."""

from typing import Any

from sqlalchemy import Engine, select
from sqlmodel import SQLModel


def all_rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table, by the table's name, in the sequence of their values."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in SQLModel.metadata.sorted_tables
        }
