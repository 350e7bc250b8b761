import json
from pathlib import Path
from typing import Any

from sqlmodel import Session

from node.api.app import create_web_app
from node.api.chores import jobs, oracles
from node.backup.archive import Contents
from node.backup.note import FILE, last_backup, note_backup
from node.clock import SimulatedClock
from node.storage.models import AttestationRow, Checkpoint
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, LENGTH_S, NOW, SETTLED, CoreDouble, filled_projection, word

COPIED = Contents("Les Acacias", 1, 812, word(1, 1), 4_321, word(1, 2), False, 9, 1_000)
ABLE, AWAY = "0x" + "a1" * 20, "0x" + "a2" * 20
LAST = FIRST + (SETTLED - 1) * LENGTH_S


def attested() -> Any:
    """Return the small community with signatures: one oracle has signed all intervals, one all but the last."""
    engine = filled_projection()
    with Session(engine) as session:
        for interval in range(FIRST, LAST + 1, LENGTH_S):
            signers = {ABLE: "0x"} | ({} if interval == LAST else {AWAY: "0x"})
            session.add(
                AttestationRow(
                    interval=interval, readings_root=word(1, 1), import_wh=1, export_wh=1,
                    previous_history=word(1, 1), signatures=json.dumps(signers), transaction=word(1, 1),
                )
            )  # fmt: skip
        session.add(Checkpoint(source="journal", position=70))
        session.commit()
    return engine


def test_what_was_done_is_read_from_the_tables() -> None:
    engine = attested()
    assert oracles(engine) == [
        {"oracle": ABLE, "lastInterval": LAST},
        {"oracle": AWAY, "lastInterval": LAST - LENGTH_S},
    ]
    assert jobs(engine, CoreDouble().status()) == {
        "gatesClosedThrough": LAST + LENGTH_S,
        "readingsSignedThrough": LAST + LENGTH_S,
        "settledThrough": LAST + LENGTH_S,
        "tablesWrittenThrough": 70,
    }


def test_a_backup_is_noted_and_an_old_one_is_warned_of(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    app = create_web_app(
        CoreDouble(demo=False), Queries(attested()), ChainDouble(), Broadcaster(), folder=tmp_path, clock=clock
    )

    def told() -> Any:
        return request(app, "GET", "/operator.json").json()

    assert told()["backup"] is None
    assert told()["alerts"] == ["No backup of this node was ever made: resilia backup create FILE"]
    note_backup(tmp_path, COPIED, NOW - 3_600)
    assert told()["backup"] == {"madeAt": NOW - 3_600, "journalRecords": 4_321, "block": 812}
    assert told()["alerts"] == []
    page = request(app, "GET", "/operator").text
    assert "not those after it" in page
    assert "through record 70 of 77" in page
    clock.advance_to(NOW + 8 * 86_400)
    assert [text.replace("\u00a0", " ") for text in told()["alerts"]] == [
        "The last backup is 8 d 1 h old: resilia backup create FILE"
    ]


def test_what_is_no_note_counts_as_no_backup(tmp_path: Path) -> None:
    for text in ("", "[]", '{"schema":"resilia/last-backup/2"}', '{"schema":"resilia/last-backup/1","madeAt":"x"}'):
        (tmp_path / FILE).write_text(text)
        assert last_backup(tmp_path) is None
