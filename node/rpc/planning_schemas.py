"""JSON Schemas of what to plan by: the price signal, and the plan of the community's storage."""

from collections.abc import Mapping
from typing import Final

from market.signal import Basis
from node.rpc.schema_kinds import (
    INSTANT,
    INT_OR_NULL,
    NATURAL,
    PRICE,
    TEXT,
    Schema,
    array,
    one_of,
    or_null,
    record,
)
from node.views.price_signal import HOURS_MAX

_WORDS: Final = TEXT | {"description": "in the language that the request asks for"}

PLANNING_SCHEMAS: Final[Mapping[str, Schema]] = {
    "PriceSignal": record(
        {
            "intervalLengthS": NATURAL,
            "items": array(
                record(
                    {
                        "interval": INSTANT,
                        "index": PRICE | {"description": "µ€ per kWh: price + scarcity + carbon"},
                        "price": PRICE,
                        "scarcity": PRICE | {"description": "µ€ per kWh; above zero when more is bid than asked"},
                        "carbon": PRICE,
                        "basis": one_of(*Basis),
                        "importTariff": PRICE | {"description": "µ€ per kWh, the grid's"},
                        "exportTariff": PRICE | {"description": "µ€ per kWh, the grid's"},
                        "carbonGPerKwh": NATURAL | {"description": "g CO2e per kWh, the grid's"},
                    }
                )
            ),
            "goals": record(
                {
                    "carbonUeurPerG": NATURAL | {"description": "what a gram of the grid's CO2e counts in plans"},
                    "peakUeurPerKw": NATURAL | {"description": "what a kW of the highest import counts"},
                    "reservePermille": NATURAL | {"description": "of batteries, kept for an island"},
                }
            ),
            "window": or_null(
                record(
                    {
                        "start": INSTANT,
                        "end": INSTANT | {"description": "first second after it"},
                        "meanIndex": PRICE,
                        "overallMean": PRICE,
                        "words": _WORDS,
                    }
                )
            ),
        }
    ),
    "SignalFilter": record(
        {
            "hours": {"type": "integer", "minimum": 1, "maximum": HOURS_MAX, "description": "48 when left out"},
            "windowS": {
                "type": "integer",
                "minimum": 1,
                "maximum": HOURS_MAX * 3_600,
                "description": "length of the window to look for, a multiple of an interval's; 7200 when left out",
            },
        },
        required=(),
    ),
    "StoragePlan": record(
        {
            "label": TEXT | {"description": "what people call the storage"},
            "capacityWh": NATURAL,
            "storedWh": NATURAL | {"description": "held when it was planned"},
            "plannedAt": INSTANT,
            "steps": array(
                record(
                    {
                        "start": INSTANT,
                        "end": INSTANT | {"description": "first second after it, UTC epoch: the next one's start"},
                        "chargeWh": NATURAL | {"description": "drawn to be stored"},
                        "dischargeWh": NATURAL | {"description": "given"},
                        "storedWh": NATURAL | {"description": "held at the end"},
                        "worth": PRICE | {"description": "µ€ per kWh that one more kWh is worth at the storage"},
                    }
                )
            ),
            "why": or_null(
                record(
                    {
                        "action": one_of("charge", "give", "run", "rest"),
                        "energyWh": NATURAL | {"description": "of the first step"},
                        "priceNow": PRICE,
                        "carbonNowGPerKwh": INT_OR_NULL,
                        "then": INT_OR_NULL | {"description": "UTC epoch seconds at which its turn comes, or turns"},
                        "priceThen": INT_OR_NULL | {"description": "µ€ per kWh, then"},
                        "keptUntil": INT_OR_NULL | {"description": "UTC epoch seconds of its departure"},
                        "words": _WORDS,
                    }
                )
            ),
        }
    ),
}
