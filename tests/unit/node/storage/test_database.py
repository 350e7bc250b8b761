from pathlib import Path

import pytest
from sqlalchemy import text

from energy.errors import Corrupt
from node.storage.database import open_database


def test_every_connection_survives_a_power_cut(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'node.sqlite'}")
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()


def test_a_database_that_can_not_promise_it_is_refused(tmp_path: Path) -> None:
    # A file system without locks, as SQLite sees it here, has no shared memory for a write-ahead log.
    with pytest.raises(Corrupt, match="journal_mode=delete"):
        open_database(f"sqlite:///file:{tmp_path / 'node.sqlite'}?vfs=unix-none&uri=true")


def test_opening_again_keeps_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'node.sqlite'}"
    for _ in range(2):
        engine = open_database(url)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM checkpoint WHERE source = 'journal'"))
            connection.execute(text("INSERT INTO checkpoint (source, position) VALUES ('journal', 7)"))
        engine.dispose()
    engine = open_database(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT position FROM checkpoint")).scalars().all() == [7]
    engine.dispose()
