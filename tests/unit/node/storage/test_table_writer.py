from collections.abc import Iterator
from pathlib import Path
from sqlite3 import connect
from threading import Thread

import pytest
from sqlalchemy import Engine, insert, text
from sqlmodel import Session, col, select

from energy.errors import Unavailable
from node.storage.database import open_database
from node.storage.models import Account, Checkpoint
from node.storage.table_writer import TableWriter


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'node.sqlite'}?timeout=0.01")
    yield engine
    engine.dispose()


def _put(writer: TableWriter, label: str, position: int) -> None:
    row = Account(address=label, label=label, kind="home").model_dump()
    writer.put([(insert(Account), [row])], {"journal": position})


def _found(engine: Engine) -> tuple[list[str], int | None]:
    with Session(engine) as session:
        labels = session.exec(select(Account.label).order_by(col(Account.label))).all()
        position = session.exec(select(Checkpoint.position).where(Checkpoint.source == "journal")).first()
    return list(labels), position


def test_who_asks_finds_what_waits_written(database: Engine) -> None:
    writer = TableWriter(database)
    _put(writer, "one", 1)
    assert _found(database) == ([], None), "nobody has asked yet"
    _put(writer, "two", 2)
    assert _found(writer.engine) == (["one", "two"], 2)
    assert len(writer) == 0
    assert _found(database) == (["one", "two"], 2), "it is in the file"


def test_who_asks_while_nothing_can_be_written_finds_what_is_there_and_nothing_is_lost(
    database: Engine, tmp_path: Path
) -> None:
    writer = TableWriter(database)
    _put(writer, "one", 1)
    writer.write()
    _put(writer, "two", 2)
    other = connect(tmp_path / "node.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        writer.write()
    assert _found(writer.engine) == (["one"], 1)
    other.execute("ROLLBACK")
    other.close()
    _put(writer, "three", 3)
    assert _found(writer.engine) == (["one", "three", "two"], 3)


def test_batches_are_written_once_and_in_sequence_whoever_asks(database: Engine) -> None:
    writer = TableWriter(database)
    seen: list[int] = []
    both = "SELECT (SELECT count(*) FROM account), (SELECT position FROM checkpoint WHERE source = 'journal')"

    def ask() -> None:
        for _ in range(50):
            with writer.engine.connect() as connection:  # one statement, one moment
                labels, position = connection.execute(text(both)).one()
            assert labels == (position or 0)
            seen.append(labels)

    threads = [Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for number in range(1, 201):
        _put(writer, f"{number:03}", number)
        if number % 50 == 0:
            writer.write()
    for thread in threads:
        thread.join()
    assert len(seen) == 20 * 50, "some thread has failed"
    assert _found(writer.engine) == ([f"{number:03}" for number in range(1, 201)], 200)
