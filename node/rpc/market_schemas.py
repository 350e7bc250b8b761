"""JSON Schemas of candles, one, a page of them, and what is told when some have changed; and of facts from oracles."""

from typing import Final

from node.rpc.schema_kinds import (
    INSTANT,
    INT,
    NATURAL,
    PRICE,
    SIGNATURE,
    TEXT,
    Schema,
    array,
    one_of,
    page,
    record,
    ref,
)
from oracles.facts import KINDS

_CANDLE: Final = record(
    {
        "start": INSTANT | {"description": "a multiple of the length; UTC epoch seconds"},
        "lengthS": NATURAL,
        "open": PRICE,
        "high": PRICE,
        "low": PRICE,
        "close": PRICE,
        "trades": NATURAL,
        "quantityWh": NATURAL,
        "turnoverNeur": INT,
        "meanPrice": INT | {"description": "turnover over energy, rounded down"},
    }
)
_PAGE: Final = page("Candle")["properties"] | {
    "sequence": NATURAL | {"description": "record of the journal through which every trade is in them"}
}
_CHANGES: Final = record(
    {
        "interval": INSTANT,
        "previousSequence": NATURAL | {"description": "through which the interval's candles were told before"},
        "sequence": NATURAL | {"description": "record of the journal through which these are right"},
        "candles": array(ref("Candle")) | {"description": "new totals of those that changed"},
    }
)
CANDLE_SCHEMAS: Final[dict[str, Schema]] = {
    "Candle": _CANDLE,
    "CandlePage": record(_PAGE),
    "CandleChanges": _CHANGES,
}
FACT_SERIES: Final = record(
    {
        "kind": one_of(*KINDS) | {"description": "the unit of the values is in the name"},
        "place": TEXT,
        "knownAt": INSTANT | {"description": "the round in which oracles agreed on it"},
        "first": INSTANT | {"description": "from when the first value holds"},
        "stepS": NATURAL | {"description": "how long each holds"},
        "values": array(INT),
        "signatures": array(SIGNATURE) | {"description": "of a quorum of oracles, over EIP-712 `Facts`"},
    }
)
