"""Disclosing: the readings of one member's meter in a stretch of time, opened from a node's folder, and written down.

Reads only, also beside a running node, but for the list of disclosures. Units: UTC epoch seconds.
"""

import csv
import os
from pathlib import Path
from typing import Final

from sqlmodel import Session, col, select

from energy.errors import Misconfigured
from energy.identity import digest_from_hex, hex_text
from node.coop.admitted import load_community
from node.coop.founding import COMMUNITY_FILE, SALTS
from node.privacy.erased_leaves import READINGS, among, erased_leaves
from node.privacy.salt_files import load_salts
from node.readings.rows import reading_of, reading_salt
from node.storage.database import open_database
from node.storage.models import AttestationRow, ReadingRow
from oracles.disclosure import Disclosure, OpenedReading
from oracles.merkle import MerkleTree, leaf
from oracles.typed_data import reading_hash

DISCLOSURES_FILE: Final = "disclosures.csv"


def disclose(folder: Path, label: str, start: int, end: int) -> Disclosure:
    """Open the attested readings of a member's meter from `start` on and before `end`, but for those that were erased.

    Raises:
        Misconfigured: the folder is no node's, there is no such member, or a salt key is missing.
    """
    community = load_community(folder / COMMUNITY_FILE)
    meter = next((hex_text(member.meter) for member in community.members if member.label == label), None)
    if meter is None:
        raise Misconfigured(f"no member is called {label}")
    salts = load_salts(folder / SALTS, community.salt_subjects())
    length_s = community.market.interval_length_s
    opened: list[OpenedReading] = []
    engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
    try:
        with Session(engine) as session:
            within = (col(AttestationRow.interval) >= start, col(AttestationRow.interval) < end)
            for attested in session.exec(select(AttestationRow).where(*within).order_by(col(AttestationRow.interval))):
                of_interval = select(ReadingRow).where(col(ReadingRow.interval) == attested.interval)
                rows = session.exec(of_interval.order_by(col(ReadingRow.meter))).all()
                readings = [reading_of(row, length_s) for row in rows]
                of_salts = [reading_salt(salts, each.meter, each.interval) for each in readings]
                own = [leaf(reading_hash(each), salt) for each, salt in zip(readings, of_salts, strict=True)]
                leaves = among(own, erased_leaves(session, READINGS, [attested.interval])[attested.interval])
                place = next((place for place, row in enumerate(rows) if row.meter == meter), None)
                if place is not None:
                    proof = MerkleTree(leaves).proof(leaves.index(own[place]))
                    root = digest_from_hex(attested.readings_root)
                    opened.append(OpenedReading(readings[place], of_salts[place], proof, root))
    finally:
        engine.dispose()
    return Disclosure(community.chain_id, community.contracts.readings, tuple(opened))


def write_down(folder: Path, now: int, label: str, start: int, end: int, author: str, reason: str) -> None:
    """Add a disclosure to the node's list of them; on disk before anything is shown."""
    path = folder / DISCLOSURES_FILE
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        if not file.tell():
            rows.writerow(("at", "label", "from", "to", "author", "reason"))
        rows.writerow((now, label, start, end, author, reason))
        file.flush()
        os.fsync(file.fileno())
