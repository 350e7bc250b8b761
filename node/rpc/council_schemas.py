"""JSON Schema of what members propose and decide; see `node.coop.proposals` and `node.coop.council_watch`."""

from typing import Final

from node.coop.decision_words import SENTENCES
from node.coop.proposals import STATES
from node.rpc.schema_kinds import (
    ADDRESS,
    HASH,
    INSTANT,
    INT_OR_NULL,
    NATURAL,
    TEXT,
    TEXT_OR_NULL,
    Schema,
    array,
    one_of,
    record,
)

_PROPOSAL: Final[Schema] = record(
    {
        "id": HASH,
        "proposer": ADDRESS,
        "description": TEXT,
        "state": one_of(*STATES),
        "votesAfter": INSTANT | {"description": "last second before the vote, UTC epoch"},
        "votesUntil": INSTANT | {"description": "last second of the vote, UTC epoch"},
        "executableAt": INT_OR_NULL | {"description": "first second to execute, UTC epoch; null before its queue"},
        "votes": record({"for": NATURAL, "against": NATURAL, "abstain": NATURAL}),
        "quorum": NATURAL | {"description": "how many must vote for or abstain"},
        "members": NATURAL | {"description": "who has a vote"},
        "calls": array(
            record(
                {
                    "address": ADDRESS,
                    "contract": TEXT_OR_NULL | {"description": "null for one that is not the community's"},
                    "function": TEXT_OR_NULL,
                    "arguments": array(record({"name": TEXT, "value": TEXT})),
                    "valueWei": TEXT,
                    "data": TEXT | {"description": "the call's bytes"},
                }
            )
        ),
    }
)
_DECISIONS: Final[Schema] = record(
    {
        "oracleQuorum": NATURAL | {"description": "how many oracles must sign"},
        "attestorQuorum": NATURAL | {"description": "how many attestors must sign"},
        "items": array(
            record(
                {
                    "at": INSTANT,
                    "decision": one_of(*SENTENCES),
                    "facts": {"type": "object", "description": "the arguments of the registry's event, by name"},
                }
            )
        ),
    }
)
COUNCIL_SCHEMAS: Final = {"Proposal": _PROPOSAL, "Decisions": _DECISIONS}
