"""JSON Schemas of what a node and its standby say to each other."""

from typing import Final

from node.rpc.schema_kinds import BOOL, HASH, NATURAL, TEXT, array, one_of, record
from node.standby.words import LOG_FILES

POSITION: Final = record({"log": one_of(*LOG_FILES), "count": NATURAL, "hash": HASH})
"""How far a log is: its records, and the chain hash behind them."""

LOG_RECORDS: Final = record(
    {
        "challenge": HASH | {"description": "what the next word must name"},
        "awaited": BOOL | {"description": "whether the node waits for the word of this standby"},
        "logs": array(record({"log": one_of(*LOG_FILES), "count": NATURAL, "records": array(TEXT)})),
    }
)
