"""Replaying a journal in a process of its own: `python -m node.replaying FOLDER` prints what it gives, as JSON.

Every record is decoded, applied to an empty market and encoded again; the hash printed is over what was encoded.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

from energy.errors import Corrupt
from energy.results import Rejected
from market import journal
from market.engine import MarketState, apply
from node.community import Community
from node.founding import COMMUNITY_FILE
from node.storage.log import replay


def replayed(folder: Path) -> dict[str, str | int]:
    """Return the hash of the journal, the digest of the market it leads to, and the number of records.

    Raises:
        Corrupt: a record is not accepted any more.
    """
    community = Community.load(folder / COMMUNITY_FILE)
    chain = community.digest()
    _, records = replay(folder / "journal.log", chain)
    state = MarketState(community.market)
    for record in records:
        sequence, now, command = journal.decode(record)
        result = apply(state, command, now)
        if isinstance(result, Rejected):
            raise Corrupt(f"record {sequence} is not accepted any more: {result}")
        chain = sha256(chain + journal.encode(sequence, now, command)).digest()
    return {"journal_hash": chain.hex(), "state_digest": state.digest().hex(), "records": len(records)}


if __name__ == "__main__":
    print(json.dumps(replayed(Path(sys.argv[1]))))
