"""OpenRPC of what a WebSocket is told without asking again: the subscription, its end, and the notification."""

from typing import Any, Final

from node.rpc.schema_kinds import BOOL, INSTANT, TEXT, array, one_of, record, ref
from node.views.events import TOLD_KINDS

_KINDS: Final = sorted(str(kind) for kind in TOLD_KINDS)
_ID: Final = {"type": "string", "pattern": "^0x[0-9a-f]+$"}
_PLACE: Final = TEXT | {"description": "the id of the last event that is known: what came since is told first"}
_WISH: Final = record(
    {"kinds": array(one_of(*_KINDS)) | {"minItems": 1}, "interval": INSTANT, "after": _PLACE}, ("kinds",)
)
_EVENT: Final = record(
    {
        "id": TEXT | {"description": "where to take up a lost connection"},
        "kind": one_of(*_KINDS, "missed", "dropped"),
        "data": {
            "anyOf": [ref("CandleChanges"), {"type": "object", "description": "what changed, as the lists have it"}]
        },
    }
)
_SUBSCRIPTION: Final = "0xcd0c3e8af590364c09d0fa6a1210faf5"
_TRADED: Final = {
    "id": "1495024000-7",
    "kind": "trade",
    "data": {"interval": 1_495_024_200, "number": 0, "price": 115_000, "quantityWh": 500},
}

_CANDLES: Final = {
    "id": "1495024000-9",
    "kind": "candle",
    "data": {
        "interval": 1_495_024_200,
        "previousSequence": 41,
        "sequence": 44,
        "candles": [
            {"start": 1_495_017_000, "lengthS": 900, "open": 115_000, "high": 118_000, "low": 115_000}
            | {"close": 118_000, "trades": 2, "quantityWh": 800, "turnoverNeur": 92_900_000, "meanPrice": 116_125}
        ],
    },
}


def news_methods() -> list[dict[str, Any]]:
    """Return the method objects; `energy_subscription` is a notification that the node sends, and has no result."""
    subscription = {"name": "subscription", "required": True, "schema": _ID}
    return [
        {
            "name": "energy_subscribe",
            "summary": "Tell trades, depth, candles, intervals and runs as they happen; over a WebSocket only.",
            "paramStructure": "by-position",
            "params": [{"name": "wish", "required": True, "schema": _WISH}],
            "result": {"name": "subscription", "schema": _ID},
            "examples": [
                _example([("wish", {"kinds": ["trade", "depth"], "interval": 1_495_024_200})], _SUBSCRIPTION),
                _example([("wish", {"kinds": ["candle"], "interval": 1_495_024_200})], _SUBSCRIPTION, "candles"),
            ],
        },
        {
            "name": "energy_unsubscribe",
            "summary": "End a subscription.",
            "paramStructure": "by-position",
            "params": [subscription],
            "result": {"name": "ended", "schema": BOOL},
            "examples": [_example([("subscription", _SUBSCRIPTION)], True)],
        },
        {
            "name": "energy_subscription",
            "summary": "A notification of the node to whoever has subscribed.",
            "paramStructure": "by-name",
            "params": [subscription, {"name": "result", "required": True, "schema": _EVENT}],
            "examples": [
                {"name": name, "params": _params([("subscription", _SUBSCRIPTION), ("result", told)])}
                for name, told in (("typical", _TRADED), ("candles", _CANDLES))
            ],
        },
    ]


def _example(params: list[tuple[str, Any]], result: Any, name: str = "typical") -> dict[str, Any]:
    return {"name": name, "params": _params(params), "result": {"name": "result", "value": result}}


def _params(params: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in params]
