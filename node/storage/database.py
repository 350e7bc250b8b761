"""Opening the SQL database: SQLite by default, any other engine by URL.

SQLite runs in WAL mode with `synchronous=FULL`, asserted on every connection: with NORMAL, a power cut loses
transactions that were already committed.

Tables are a projection, so a newer version of the node changes none of them: it makes them anew from the logs and the
chain. Only what was erased can not be followed again, and tables that hold its leaves are left as they are.
"""

import logging
from typing import Any, Final

from sqlalchemy import Engine, MetaData, create_engine, event, inspect, text
from sqlmodel import Session, select

from energy.errors import Corrupt, Misconfigured
from node.storage.models import TABLES, Checkpoint

_log = logging.getLogger(__name__)

TABLES_VERSION: Final = 1
"""Rises whenever `node.storage.models` changes; `tests/unit/node/storage/test_database.py` holds the two together."""
VERSION_SOURCE: Final = "tables"
"""The checkpoint that holds the version; tables that were written before there was one have none."""


def open_database(url: str, *, follows: bool = False) -> Engine:
    """Return an engine with all tables of the projection.

    Args:
        url: SQLAlchemy URL, such as ``sqlite:////var/lib/resilia/node.sqlite``.
        follows: The caller follows logs and chain from wherever the tables say they are. Tables of another version are
            dropped for it, and are empty then.

    Raises:
        Misconfigured: the tables are of another version, and the caller does not follow, or they hold leaves of what
            was erased.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    try:
        found = _version(engine)
        if found is not None and found != TABLES_VERSION:
            _drop(engine, found, follows)
            found = None
        TABLES.create_all(engine)
        if found is None:
            with Session(engine) as session:
                session.add(Checkpoint(source=VERSION_SOURCE, position=TABLES_VERSION))
                session.commit()
    except BaseException:
        engine.dispose()
        raise
    return engine


def _version(engine: Engine) -> int | None:
    """Return the version of the tables; 0 for one that they do not say, None where there are none."""
    if not inspect(engine).has_table(str(Checkpoint.__tablename__)):
        return None
    with Session(engine) as session:
        version = session.exec(select(Checkpoint.position).where(Checkpoint.source == VERSION_SOURCE)).first()
    return version or 0


def _drop(engine: Engine, found: int, follows: bool) -> None:
    there = MetaData()
    there.reflect(engine)
    with engine.connect() as connection:
        erased = "erasedleaf" in there.tables and connection.execute(text("SELECT 1 FROM erasedleaf LIMIT 1")).first()
    of = f"the tables of this node are of version {found}, and this program's of version {TABLES_VERSION}"
    if erased:
        raise Misconfigured(f"{of}. They hold leaves of what was erased, which no log has: go on with that version")
    if not follows:
        raise Misconfigured(f"{of}: start the node once, and it makes them anew")
    _log.warning("%s: following all logs and the chain once more, which takes a while for a large community", of)
    there.drop_all(engine)


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    level = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.close()
    if mode not in ("wal", "memory") or level != 2:
        raise Corrupt(f"SQLite gave journal_mode={mode}, synchronous={level}; this node needs wal and 2 (FULL)")
