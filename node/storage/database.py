"""Opening the SQL database: SQLite by default, any other engine by URL.

SQLite runs in WAL mode with `synchronous=FULL`, asserted on every connection: with NORMAL, a power cut loses
transactions that were already committed.
"""

from typing import Any

from sqlalchemy import Engine, create_engine, event

from energy.errors import Corrupt
from node.storage.models import TABLES


def open_database(url: str) -> Engine:
    """Return an engine with all tables of the projection.

    Args:
        url: SQLAlchemy URL, such as ``sqlite:////var/lib/resilia/node.sqlite``.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    TABLES.create_all(engine)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    level = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.close()
    if mode not in ("wal", "memory") or level != 2:
        raise Corrupt(f"SQLite gave journal_mode={mode}, synchronous={level}; this node needs wal and 2 (FULL)")
