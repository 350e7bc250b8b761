"""JSON Schemas of what the interfaces take and give; shared by the OpenRPC and the OpenAPI document.

The unit is in each key; the notes say the rest. Every key of an answer is always there.
"""

from collections.abc import Mapping
from typing import Final

from market.mechanism import Mechanism
from market.orders import Side
from node.orders.candles import LENGTH_S_MAX
from node.orders.names import SELF_TRADE_NAMES, TIME_IN_FORCE_NAMES
from node.rpc.council_schemas import COUNCIL_SCHEMAS
from node.rpc.link_schemas import BORDER, LINK, MODE
from node.rpc.market_schemas import CANDLE_SCHEMAS, FACT_SERIES
from node.rpc.member_schemas import MEMBER_SCHEMAS
from node.rpc.methods_energy import LEVELS_DEFAULT, LEVELS_MAX, OUTCOME_NAMES
from node.rpc.own_schemas import OWN_SCHEMAS
from node.rpc.parameters import ORDER_REQUIRED, SIDE_NAMES
from node.rpc.planning_schemas import PLANNING_SCHEMAS
from node.rpc.schema_kinds import (
    ADDRESS,
    BOOL,
    COLLATERAL,
    FACTS,
    HASH,
    HASH_OR_NULL,
    INSTANT,
    INT,
    INT_OR_NULL,
    INT_TEXT,
    LABEL_OR_NONE,
    NATURAL,
    PAGING,
    PRICE,
    RANGE,
    SIGNATURE,
    STANDING,
    TEXT,
    TEXT_OR_NULL,
    Schema,
    array,
    one_of,
    or_null,
    record,
    ref,
)
from node.storage.models import IntervalStatus, OrderStatus
from node.views.concerns import Code


def _either(names: Mapping[str, int]) -> Schema:
    return {"oneOf": [one_of(*names), {"type": "integer", "enum": sorted(map(int, names.values()))}]}


_RECEIPT: Final = {
    "orderDigest": HASH,
    "sequence": NATURAL | {"description": "place in the journal"},
    "journalHash": HASH,
    "outcome": one_of(*OUTCOME_NAMES.values()),
    "acceptedAt": INSTANT | {"description": "time of that record, UTC epoch"},
}
_SIGNED: Final = {"receiptSignature": SIGNATURE, "node": ADDRESS}
_LISTING: Final = PAGING | {"newestFirst": BOOL | {"description": "false when left out: the oldest first"}}
_DOMAIN: Final = record({"name": TEXT, "version": TEXT, "chainId": NATURAL, "verifyingContract": ADDRESS})
SIGNED_DOMAIN: Final = record(
    {"chainId": NATURAL, "verifyingContract": ADDRESS, "name": TEXT, "version": TEXT}, ("chainId", "verifyingContract")
) | {"description": "the EIP-712 domain that was signed under; given, a mistake in it is named"}
CONTRACTS: Final = ("token", "registry", "readings", "settlement", "certificates")
CONTRACTS_LATER: Final = ("disputes", "questions", "cooperative", "timelock", "fees", "reputation", "badges")
"""Contracts that a community need not have."""
LEVELS: Final[Schema] = {
    "type": "integer",
    "minimum": 1,
    "maximum": LEVELS_MAX,
    "description": f"most prices per side; {LEVELS_DEFAULT} when left out",
}
_LEVEL: Final = record({"price": PRICE, "quantityWh": NATURAL, "orders": NATURAL})


def _filter(fields: Mapping[str, Schema]) -> Schema:
    return record(fields, required=())


SCHEMAS: Final[Mapping[str, Schema]] = {
    "Order": record(
        {
            "account": ADDRESS | {"pattern": "^0x[0-9a-fA-F]{40}$"},
            "interval": INT_TEXT | {"description": "start of the delivery interval, UTC epoch seconds"},
            "side": _either({name: int(side) for name, side in SIDE_NAMES.items()}),
            "quantityWh": INT_TEXT,
            "limitPrice": INT_TEXT | {"description": PRICE["description"]},
            "timeInForce": _either({name: int(value) for value, name in TIME_IN_FORCE_NAMES.items()}),
            "nonce": INT_TEXT | {"description": "unique for the account"},
            "expiry": INT_TEXT | {"description": "last second at which it may match; 0 for until gate closure"},
            "maxCarbon": INT_TEXT
            | {"description": "g CO2e per kWh: a buyer's highest, 0 for any; a seller's promise, 0 for none"},
            "minLot": INT_TEXT | {"description": "smallest trade, Wh; 0: any"},
            "partnerGroup": HASH | {"description": "whose orders come first at one price; zero: nobody's"},
            "validFrom": INT_TEXT | {"description": "first second at which it may match; 0: at once"},
            "lastInterval": INT_TEXT | {"description": "start of the last delivery interval; 0: interval alone"},
            "greenPremium": INT_TEXT
            | {"description": "µ€ per kWh by which energy beyond maxCarbon must be cheaper; 0: it is not taken"},
            "conditions": record(
                {
                    "displayWh": INT_TEXT | {"description": "how much the book shows at a time, Wh; 0: all"},
                    "selfTrade": _either({name: int(value) for value, name in SELF_TRADE_NAMES.items()})
                    | {"description": "what gives way to avoid a trade with an own order"},
                    "allOrNone": BOOL | {"description": "filled whole, or waits"},
                    "postOnly": BOOL | {"description": "refused if it would match at once"},
                    "cancelOnDisconnect": BOOL | {"description": "cancelled when the connection that brought it ends"},
                    "replaces": HASH | {"description": "digest of the order whose place it takes; zero: none"},
                    "bundle": INT_TEXT | {"description": "number that its legs share, to be filled together; 0: alone"},
                    "bundleLegs": INT_TEXT | {"description": "how many legs the bundle has; 0: alone"},
                },
                required=(),
            ),
        },
        required=ORDER_REQUIRED,
    ),
    "Cancel": record({"account": ADDRESS | {"pattern": "^0x[0-9a-fA-F]{40}$"}, "orderDigest": HASH}),
    "Placed": record({**_RECEIPT, "filledWh": NATURAL, "restingWh": NATURAL, **_SIGNED}),
    "Cancelled": record({**_RECEIPT, "cancelledWh": NATURAL, **_SIGNED}),
    "Halt": record(
        {
            "account": ADDRESS | {"pattern": "^0x[0-9a-fA-F]{40}$"},
            "halted": BOOL | {"description": "true stops the account, false lets it go on"},
            "nonce": INT_TEXT | {"description": "above that of the account's last switch"},
        }
    ),
    "Switched": record(
        {
            "account": ADDRESS,
            "haltedByMember": BOOL,
            "haltedByOperator": BOOL,
            "cancelledOrders": NATURAL | {"description": "orders that left their books"},
            "sequence": NATURAL | {"description": "place in the journal"},
            "journalHash": HASH,
        }
    ),
    "Status": record(
        {
            "name": TEXT,
            "chainId": NATURAL,
            "demo": BOOL | {"description": "true: the members are simulated"},
            "timeZone": TEXT | {"description": "IANA name"},
            "now": INSTANT,
            "intervalLengthS": NATURAL,
            "gateLeadS": NATURAL,
            "mechanism": one_of(*Mechanism),
            "head": record({"number": NATURAL, "hash": HASH, "timestamp": INSTANT}),
            "journal": record({"sequence": NATURAL, "hash": HASH}),
            "openIntervals": array(INSTANT),
            "nextGate": or_null(record({"interval": INSTANT, "closesAt": INSTANT})),
            "members": NATURAL,
            "meters": array(
                record({"meter": HASH, "label": TEXT, "kind": TEXT, "lastSeen": INT_OR_NULL, "state": TEXT})
            ),
            "lastRun": or_null(record({"runId": NATURAL, "lastInterval": INSTANT})),
            "contracts": record(dict.fromkeys(CONTRACTS + CONTRACTS_LATER, ADDRESS), CONTRACTS),
            "node": ADDRESS,
            "sealer": ADDRESS,
            "version": TEXT,
            **MODE,
            "link": or_null(LINK),
        }
    ),
    "GridMode": record(MODE),
    **BORDER,
    "Concern": record({"code": one_of(*Code), "label": LABEL_OR_NONE, "since": INSTANT, "facts": FACTS}),
    "Domain": record(
        {
            "settlement": _DOMAIN,
            "readings": _DOMAIN,
            "types": {
                "type": "object",
                "additionalProperties": array(record({"name": TEXT, "type": TEXT})),
                "description": "fields of each struct, in the signed sequence",
            },
        }
    ),
    "Book": record(
        {
            "interval": INSTANT,
            "open": BOOL,
            "gateClosure": INSTANT,
            "bids": array(_LEVEL),
            "asks": array(_LEVEL),
            "traded": record({"trades": NATURAL, "tradedWh": NATURAL, "meanPrice": INT_OR_NULL}),
        }
    ),
    "Depth": record(
        {
            "interval": INSTANT,
            "sequence": NATURAL | {"description": "record of the journal through which the book is right"},
            "bids": array(_LEVEL),
            "asks": array(_LEVEL),
        }
    ),
    "FactSeries": FACT_SERIES,
    **PLANNING_SCHEMAS,
    **CANDLE_SCHEMAS,
    "Trade": record(
        {
            "interval": INSTANT,
            "number": NATURAL | {"description": "count from 0 within the interval"},
            "matchedAt": INSTANT,
            "price": PRICE | {"description": "µ€ per kWh that the buyer pays"},
            "sellerPrice": PRICE | {"description": "µ€ per kWh that the seller gets; docs/MARKET_RULES.md: the rest"},
            "quantityWh": NATURAL,
            "buyer": ADDRESS,
            "seller": ADDRESS,
            "buyOrder": HASH,
            "sellOrder": HASH,
            "amountNeur": INT | {"description": "quantityWh times price, exactly"},
        }
    ),
    "PlacedOrder": record(
        {
            "digest": HASH,
            "sequence": NATURAL,
            "placedAt": INSTANT,
            "account": ADDRESS,
            "interval": INSTANT,
            "lastInterval": NATURAL | {"description": "start of the last interval it may trade in; 0: interval alone"},
            "side": one_of(*(side.name.lower() for side in Side)),
            "quantityWh": NATURAL,
            "limitPrice": PRICE,
            "timeInForce": one_of(*TIME_IN_FORCE_NAMES.values()),
            "nonce": NATURAL,
            "expiry": NATURAL,
            "filledWh": NATURAL,
            "status": one_of(*OrderStatus),
            "endedAt": INT_OR_NULL,
        }
    ),
    "Interval": record(
        {
            "start": INSTANT,
            "status": one_of(*IntervalStatus),
            "trades": NATURAL,
            "tradedWh": NATURAL,
            "meanPrice": INT_OR_NULL | {"description": "µ€ per kWh, rounded down; null without a trade"},
            "price": INT_OR_NULL | {"description": "the one price published at gate closure, µ€ per kWh"},
            "priceBasis": TEXT_OR_NULL | {"description": "where that price comes from: call, trades or quotes"},
            "importWh": INT_OR_NULL,
            "exportWh": INT_OR_NULL,
            "certifiedWh": INT_OR_NULL,
            "importTariff": INT_OR_NULL,
            "exportTariff": INT_OR_NULL,
            "carbonGPerKwh": INT_OR_NULL,
            "readingsRoot": HASH_OR_NULL,
            "attestedIn": HASH_OR_NULL | {"description": "transaction that committed the readings"},
            "runId": INT_OR_NULL,
        }
    ),
    "Run": record(
        {
            "runId": NATURAL,
            "runHash": HASH,
            "firstInterval": INSTANT,
            "lastInterval": INSTANT,
            "ordersRoot": HASH,
            "tradesRoot": HASH,
            "entriesRoot": HASH,
            "certificatesRoot": HASH,
            "readingsHash": HASH,
            "importWh": NATURAL,
            "exportWh": NATURAL,
            "tradedWh": NATURAL,
            "certifiedWh": NATURAL,
            "accounts": NATURAL,
            "netSumNeur": INT | {"description": "always 0"},
            "transaction": HASH,
            "blockNumber": NATURAL,
            "gasUsed": NATURAL,
        }
    ),
    "Certificate": record(
        {
            "number": NATURAL,
            "runId": NATURAL,
            "device": HASH,
            "interval": INSTANT,
            "fromWh": NATURAL | {"description": "start of the range on the device's export of the interval"},
            "toWh": NATURAL,
            "quantityWh": NATURAL,
            "owner": ADDRESS,
            "source": TEXT,
            "state": TEXT,
            "carbonGPerKwh": NATURAL,
            "leaf": HASH,
        }
    ),
    "Evidence": {"type": "object", "description": "checked by `resilia cert verify`, without node or network"},
    "Account": record({"address": ADDRESS, "label": TEXT, "kind": TEXT, "balanceNeur": INT, **COLLATERAL}),
    "Entry": record(
        {
            "sequence": NATURAL,
            "runId": NATURAL,
            "interval": INSTANT,
            "kind": TEXT,
            "quantityWh": INT,
            "price": PRICE,
            "amountNeur": INT,
            "balanceAfterNeur": INT,
            "reference": TEXT,
        }
    ),
    "Statement": record(
        {"account": ADDRESS, "label": TEXT, "balanceNeur": INT, **STANDING, "entries": array(ref("Entry"))}
    ),
    "Summary": record(
        {
            "intervals": NATURAL,
            "trades": NATURAL,
            "tradedWh": NATURAL,
            "turnoverNeur": INT,
            "importWh": NATURAL,
            "exportWh": NATURAL,
            "certifiedWh": NATURAL,
            "localWh": NATURAL | {"description": "sum over intervals of min(import, export)"},
            "gridImportWh": NATURAL,
            "gridExportWh": NATURAL,
            "localSharePermille": INT_OR_NULL | {"description": "local over imported energy, rounded down"},
            "gridCarbonG": NATURAL | {"description": "g CO2e of the energy that the grid brought"},
            "homesPaidNeur": INT | {"description": "paid less received by homes, in settled intervals"},
            "homesAtGridNeur": INT | {"description": "the same metered energy at the grid's tariffs alone"},
            "savedNeur": INT | {"description": "homesAtGridNeur - homesPaidNeur"},
        }
    ),
    **COUNCIL_SCHEMAS,
    **OWN_SCHEMAS,
    **MEMBER_SCHEMAS,
    "TradeFilter": _filter({"interval": INSTANT, **RANGE, "account": ADDRESS, **_LISTING}),
    "OrderFilter": _filter({"account": ADDRESS, "interval": INSTANT, "status": one_of(*OrderStatus), **_LISTING}),
    "IntervalFilter": _filter({**RANGE, **_LISTING}),
    "RunFilter": _filter(_LISTING),
    "CertificateFilter": _filter({"owner": ADDRESS, "interval": INSTANT, "runId": NATURAL, **RANGE, **_LISTING}),
    "SummaryFilter": _filter(RANGE),
    "CandleFilter": _filter(
        {
            "interval": INSTANT | {"description": "only trades of this delivery interval"},
            "from": INSTANT | {"description": "first second of matching, UTC epoch"},
            "to": INSTANT | {"description": "first second of matching after, UTC epoch"},
            "lengthS": {"type": "integer", "minimum": 1, "maximum": LENGTH_S_MAX, "description": "900 when left out"},
            **PAGING,
        }
    ),
}
