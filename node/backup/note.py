"""When the node's folder was last copied: a note in it, for the operator's page. It says nothing of where the copy is.

    last-backup.json   {"schema": "resilia/last-backup/1", "madeAt": 1494993600, "journalRecords": 4321, "block": 812}

``block`` is null when the ledger is a network elsewhere. Units: UTC epoch seconds. Refuses: a file that is none of this
counts as no backup.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from energy import strict_json
from node.rpc.ports import JsonObject
from node.storage.durable import write_whole

if TYPE_CHECKING:
    from node.backup.archive import Contents

FILE: Final = "last-backup.json"
SCHEMA: Final = "resilia/last-backup/1"
BYTES_MAX: Final = 1_000


def note_backup(folder: Path, contents: "Contents", now: int) -> None:
    """Write down that a node's folder was copied."""
    note = {"schema": SCHEMA, "madeAt": now, "journalRecords": contents.journal_records, "block": contents.block}
    write_whole(folder / FILE, strict_json.dumps(note).decode() + "\n")


def last_backup(folder: Path) -> JsonObject | None:
    """Return what the note says, without its schema; None when there is none."""
    try:
        raw = (folder / FILE).read_bytes()
        note = strict_json.loads(raw) if len(raw) <= BYTES_MAX else None
    except (OSError, ValueError):
        return None
    if not isinstance(note, dict) or note.pop("schema", None) != SCHEMA:
        return None
    made_at, records, block = (note.get(name) for name in ("madeAt", "journalRecords", "block"))
    is_note = type(made_at) is int and type(records) is int and (block is None or type(block) is int)
    return {"madeAt": made_at, "journalRecords": records, "block": block} if is_note else None
