from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from energy.errors import Corrupt, Misconfigured
from node.storage.database import TABLES_VERSION, open_database
from node.storage.models import TABLES


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
        journal = text("SELECT position FROM checkpoint WHERE source = 'journal'")
        assert connection.execute(journal).scalars().all() == [7]
    engine.dispose()


def test_a_change_of_the_tables_has_a_version_of_its_own() -> None:
    written = "".join(str(CreateTable(table).compile(dialect=sqlite.dialect())) for table in TABLES.sorted_tables)
    digest = sha256(written.encode()).hexdigest()[:16]
    assert (TABLES_VERSION, digest) == (1, "5e914fc850bbadcb"), "raise TABLES_VERSION, and write the new digest here"


def _write(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    "older",
    [
        "UPDATE checkpoint SET position = 0 WHERE source = 'tables'",
        "DELETE FROM checkpoint WHERE source = 'tables'",
        "UPDATE checkpoint SET position = 1000 WHERE source = 'tables'",
    ],
)
def test_tables_of_another_version_are_made_anew_for_who_follows_the_logs(
    tmp_path: Path, older: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path / 'node.sqlite'}"
    open_database(url).dispose()
    _write(url, "INSERT INTO checkpoint VALUES ('journal', 7)", "ALTER TABLE account DROP COLUMN kept_wh", older)
    with pytest.raises(Misconfigured, match="start the node once"):
        open_database(url)
    for _ in range(2):
        engine = open_database(url, follows=True)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT kept_wh FROM account")).all() == []
            assert connection.execute(text("SELECT source, position FROM checkpoint")).all() == [
                ("tables", TABLES_VERSION)
            ]
        engine.dispose()
    assert [record.levelname for record in caplog.records] == ["WARNING"], "said once, before the long start"


def test_tables_with_leaves_of_what_was_erased_are_never_dropped(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'node.sqlite'}"
    open_database(url).dispose()
    _write(
        url,
        "INSERT INTO erasedleaf (tree, scope, position, leaf) VALUES ('readings', 900, 0, '0x')",
        "UPDATE checkpoint SET position = 0 WHERE source = 'tables'",
    )
    with pytest.raises(Misconfigured, match="what was erased"):
        open_database(url, follows=True)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert len(connection.execute(text("SELECT * FROM erasedleaf")).all()) == 1
    engine.dispose()
