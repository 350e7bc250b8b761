"""JSON Schema of what a member may ask of itself; see `node.rpc.methods_own`."""

from collections.abc import Mapping
from typing import Final

from node.rpc.schema_kinds import (
    ADDRESS,
    BOOL,
    HASH,
    INSTANT,
    INT,
    INT_OR_NULL,
    NATURAL,
    PAGING,
    RANGE,
    SIGNATURE,
    Schema,
    array,
    one_of,
    record,
    ref,
)

_LIMIT: Final = INT_OR_NULL | {"description": "null: none"}

OWN_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Look": record(
        {
            "until": INSTANT | {"description": "last second but one at which it is good; at most an hour ahead"},
            "signature": SIGNATURE | {"description": "the account's over Look{account, until}"},
        }
    ),
    "Position": record(
        {
            "interval": INSTANT,
            "status": one_of("open", "closed", "settled"),
            "boughtWh": NATURAL,
            "soldWh": NATURAL,
            "positionWh": INT | {"description": "bought less sold"},
            "paidNeur": INT | {"description": "paid for what was bought less earned by what was sold"},
            "openBuyWh": NATURAL | {"description": "of orders; one of several intervals counts at its last"},
            "openSellWh": NATURAL,
            "worstCaseNeur": INT | {"description": "collateral that orders and trades of the interval hold"},
        }
    ),
    "Positions": record({"account": ADDRESS, "items": array(ref("Position"))}),
    "Exposure": record(
        {
            "account": ADDRESS,
            "collateralNeur": INT,
            "inUseNeur": INT | {"description": "the worst case of all open orders and unsettled trades"},
            "availableNeur": INT,
            "rating": record(
                {
                    "collateralPermille": NATURAL | {"description": "what of the full collateral the account needs"},
                    "keptWh": NATURAL | {"description": "what speaks for it, faded until the last run counted"},
                    "failedWh": NATURAL | {"description": "what speaks against it, faded likewise"},
                    "throughRun": NATURAL | {"description": "the last run that was counted; 0 for none"},
                }
            ),
            "openOrders": NATURAL,
            "openWh": NATURAL,
            "openNotionalNeur": NATURAL | {"description": "of open orders, each at its limit, whatever its sign"},
            "ordersThisMinute": NATURAL,
            "haltedByMember": BOOL,
            "haltedByOperator": BOOL,
            "limits": record(
                {
                    "openOrders": _LIMIT,
                    "openWh": _LIMIT,
                    "openNotionalNeur": _LIMIT,
                    "ordersPerMinute": _LIMIT,
                    "collar": INT_OR_NULL | {"description": "µ€ per kWh around the last price; null: none"},
                }
            ),
        }
    ),
    "Reading": record(
        {
            "meter": HASH,
            "interval": INSTANT,
            "importWh": NATURAL,
            "exportWh": NATURAL,
            "importIndexWh": NATURAL | {"description": "the meter's register at the interval's end"},
            "exportIndexWh": NATURAL,
            "quality": NATURAL,
            "observedAt": INSTANT,
        }
    ),
    "BalanceAnswer": record({"ratingW": NATURAL | {"description": "of the stores with which the account answers"}}),
    "Balance": record(
        {
            "interval": INSTANT,
            "since": INSTANT | {"description": "when the measuring of the power began, of those that answer"},
            "at": INSTANT,
            "drawnWh": INT
            | {"description": "drawn less fed in since the interval began, less bought beyond the street"},
            "powerW": INT | {"description": "the same, now"},
            "heard": NATURAL | {"description": "accounts whose meters are counted; at least 5"},
            "accounts": NATURAL | {"description": "with a meter that was heard in the interval"},
            "ratingW": NATURAL | {"description": "of all stores that answer"},
            "answering": BOOL | {"description": "whether the asker's are among them"},
        }
    ),
    "PositionFilter": record(RANGE, required=()),
    "ReadingFilter": record({**RANGE, **PAGING}, required=()),
}
