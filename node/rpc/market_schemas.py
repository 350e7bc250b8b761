"""JSON Schemas of candles: one, a page of them, and what is told when some have changed."""

from typing import Final

from node.rpc.schema_kinds import INSTANT, INT, NATURAL, PRICE, Schema, array, page, record, ref

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
