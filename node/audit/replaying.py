"""Replaying a journal in a process of its own: `python -m node.replaying FOLDER` prints what it gives, as JSON.

Every record is decoded, applied to an empty market and encoded again; the hash printed is over what was encoded.
"""

import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Corrupt, Misconfigured
from energy.results import Rejected
from market import journal
from market.engine import MarketState, apply
from node.coop.community import Community
from node.coop.founding import COMMUNITY_FILE
from node.storage.log import replay

EXIT_USAGE: Final = 2
EXIT_CORRUPT: Final = 70
EXIT_MISCONFIGURED: Final = 78


def replayed(folder: Path) -> dict[str, str | int]:
    """Return the hash of the journal, the digest of the market it leads to, and the number of records.

    Raises:
        Misconfigured: the folder holds no community, or another one's journal.
        Corrupt: a record is damaged, out of sequence, or not accepted any more.
    """
    community = Community.load(folder / COMMUNITY_FILE)
    chain = community.digest()
    _, records = replay(folder / "journal.log", chain)
    state = MarketState(community.market)
    for position, record in enumerate(records, start=1):
        try:
            sequence, now, command = journal.decode(record)
        except ValueError as error:
            raise Corrupt(f"record {position} does not decode: {error}") from error
        result = apply(state, command, now)
        if sequence != position or isinstance(result, Rejected):
            raise Corrupt(f"record {position} does not replay: {result}")
        chain = sha256(chain + journal.encode(sequence, now, command)).digest()
    return {"journal_hash": chain.hex(), "state_digest": state.digest().hex(), "records": len(records)}


def main(arguments: Sequence[str]) -> int:
    """Print what a folder's journal gives; return 0, or 2 for wrong usage, 70 if it is corrupt, 78 if misconfigured."""
    if len(arguments) != 1:
        print("usage: python -m node.replaying FOLDER", file=sys.stderr)
        return EXIT_USAGE
    try:
        print(json.dumps(replayed(Path(arguments[0]))))
    except (Corrupt, Misconfigured) as error:
        print(error, file=sys.stderr)
        return EXIT_CORRUPT if isinstance(error, Corrupt) else EXIT_MISCONFIGURED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
