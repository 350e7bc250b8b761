"""What the node and its oracles do by themselves, and how far they have come: for the operator's page.

Units: UTC epoch seconds. Everything is read from the tables, so it says what was done, not what somebody meant to do.
"""

import json
from typing import Final

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from node.rpc.ports import JsonObject
from node.storage.models import AttestationRow, Checkpoint, IntervalStatus, MarketInterval
from node.views.rows import Row

ORACLES_SEEN_IN: Final = 96
"""Latest attested intervals in which an oracle must have signed to be shown."""


def oracles(engine: Engine) -> list[Row]:
    """Return who signed readings lately, each with the latest interval that it signed; by address."""
    latest = select(AttestationRow.interval, AttestationRow.signatures).order_by(col(AttestationRow.interval).desc())
    signed: dict[str, int] = {}
    with Session(engine) as session:
        for interval, signatures in session.execute(latest.limit(ORACLES_SEEN_IN)):
            for signer in json.loads(signatures):
                signed.setdefault(str(signer), int(interval))
    return [{"oracle": signer, "lastInterval": interval} for signer, interval in sorted(signed.items())]


def jobs(engine: Engine, status: JsonObject) -> JsonObject:
    """Return how far each job has come: through which instant, for the tables through which record of the journal.

    Args:
        engine: Of the projection.
        status: What `energy_getStatus` answers.
    """
    length_s, run = int(status["intervalLengthS"]), status["lastRun"]
    newest = func.max(MarketInterval.start)
    with Session(engine) as session:
        closed = session.scalar(select(newest).where(col(MarketInterval.status) != IntervalStatus.OPEN))
        signed = session.scalar(select(newest).where(col(MarketInterval.import_wh).is_not(None)))
        written = session.get(Checkpoint, "journal")
    return {
        "gatesClosedThrough": None if closed is None else int(closed) + length_s,
        "readingsSignedThrough": None if signed is None else int(signed) + length_s,
        "settledThrough": None if run is None else int(run["lastInterval"]) + length_s,
        "tablesWrittenThrough": written.position if written else 0,
    }
