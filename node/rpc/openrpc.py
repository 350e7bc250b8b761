"""The OpenRPC 1.3 document: what `rpc.discover` and ``GET /openrpc.json`` answer.

Source: https://spec.open-rpc.org, EIP-1901. Examples of results show the shape, not a real market.
"""

from collections.abc import Mapping
from typing import Any, Final

from node.rpc import codes
from node.rpc.chain_schemas import SCHEMAS as CHAIN_SCHEMAS
from node.rpc.chain_schemas import chain_methods
from node.rpc.documented import ACCOUNT, DIGEST, LOOK, QUARTER, SIGNED, Method
from node.rpc.link_schemas import EXPORT_EXAMPLE
from node.rpc.member_openrpc import MEMBER_METHODS_DOCUMENTED
from node.rpc.messages import REFUSALS
from node.rpc.news_schemas import news_methods
from node.rpc.schema_kinds import (
    ADDRESS,
    BOOL,
    HASH,
    INSTANT,
    NATURAL,
    SIGNATURE,
    TEXT,
    Schema,
    array,
    or_null,
    page,
    ref,
)
from node.rpc.schemas import LEVELS, SCHEMAS, SIGNED_DOMAIN
from node.rpc.standby_schemas import LOG_RECORDS, POSITION

METHODS: Final[Mapping[str, Method]] = {
    "energy_placeOrder": Method(
        "Place an order that its member signed as EIP-712 typed data; answers when it is safely on disk.",
        {"order": (ref("Order"), True), "signature": (SIGNATURE, True), "domain": (SIGNED_DOMAIN, False)},
        ref("Placed"),
        (
            {
                "account": ACCOUNT,
                "interval": QUARTER,
                "side": "sell",
                "quantityWh": 500,
                "limitPrice": 90_000,
                "timeInForce": "good-till-gate",
                "nonce": 7,
                "expiry": 0,
            },
            SIGNED,
        ),
        ("InvalidParams", "Refused", "Unavailable"),
    ),
    "energy_cancelOrder": Method(
        "Take a resting order out of its book; signed by its member.",
        {"cancel": (ref("Cancel"), True), "signature": (SIGNATURE, True), "domain": (SIGNED_DOMAIN, False)},
        ref("Cancelled"),
        ({"account": ACCOUNT, "orderDigest": DIGEST}, SIGNED),
        ("InvalidParams", "Refused", "Unavailable"),
    ),
    "energy_haltAccount": Method(
        "Stop an account, or let it go on; signed by its member. Its orders leave every book whose gate is open.",
        {"switch": (ref("Halt"), True), "signature": (SIGNATURE, True), "domain": (SIGNED_DOMAIN, False)},
        ref("Switched"),
        ({"account": ACCOUNT, "halted": True, "nonce": 1}, SIGNED),
        ("InvalidParams", "Refused", "Unavailable"),
    ),
    "energy_haltByOperator": Method(
        "Stop an account by the operator's switch, or lift that; only on the node's own machine.",
        {"account": (ADDRESS, True), "halted": (BOOL, True)},
        ref("Switched"),
        (ACCOUNT, True),
        ("InvalidParams", "Refused", "Unavailable", "LocalOnly"),
    ),
    "energy_getLogRecords": Method(
        "For the node's standby, which signs with the sealing key how far its logs are: the records that come next. An "
        "answer to another challenge than the node's gives that, and nothing else.",
        {"standby": (TEXT, True), "challenge": (HASH, True), "positions": (array(POSITION), True)}
        | {"word": (SIGNATURE, True)},
        LOG_RECORDS,
        ("0x5a", DIGEST, [{"log": "journal", "count": 1, "hash": DIGEST}], SIGNED),
    ),
    "energy_standbyTookOver": Method(
        "Say, signed with the sealing key, that the standby of a name has taken over: the node that waits for it ends.",
        {"standby": (TEXT, True), "word": (SIGNATURE, True)},
        BOOL,
        ("0x5a", SIGNED),
    ),
    "energy_setGrid": Method(
        "Say that the grid is lost, or back; only on the node's own machine.",
        {"lost": (BOOL, True)},
        ref("GridMode"),
        (True,),
        ("InvalidParams", "LocalOnly"),
    ),
    "energy_getStatus": Method("What the node is and how it does.", {}, ref("Status"), ()),
    "energy_getLinkReports": Method(
        "What happened in every cut of grid or link, to the Wh, oldest first.", {}, array(ref("LinkReport")), ()
    ),
    "energy_getCrossings": Method(
        "The latest certificates that left for other communities or came from them, newest delivery first.",
        {"limit": (NATURAL, False)},
        array(ref("Crossing")),
        (100,),
    ),
    "energy_getExport": Method(
        "The document of a certificate that left, by its number at the contract, signed by the community's attestors.",
        {"number": (NATURAL, True)},
        or_null(ref("CertificateExport")),
        (1,),
        ("InvalidParams", "Unavailable"),
    ),
    "energy_importCertificate": Method(
        "Take in a certificate of another community by its document, once; the chain has it a moment later.",
        {"document": (ref("CertificateExport"), True)},
        ref("Crossing"),
        (EXPORT_EXAMPLE,),
        ("InvalidParams", "Refused", "Unavailable"),
    ),
    "energy_getDomain": Method("EIP-712 domains and types: what a wallet needs to sign.", {}, ref("Domain"), ()),
    "energy_getBook": Method(
        "The book of an interval by price levels; of the next one to close when none is named.",
        {"interval": (INSTANT, False)},
        or_null(ref("Book")),
        (QUARTER,),
    ),
    "energy_getDepth": Method(
        "What rests in an open book by price levels, best first, with its place in the journal: the changes told at "
        "`/events?kinds=depth` after that sequence keep it right.",
        {"interval": (INSTANT, False), "levels": (LEVELS, False)},
        or_null(ref("Depth")),
        (QUARTER, 10),
    ),
    "energy_getPriceSignal": Method(
        "An index for each interval to come, from book, scarcity and carbon, and the window when energy is cheapest.",
        {"filter": (ref("SignalFilter"), False)},
        ref("PriceSignal"),
        ({"hours": 24, "windowS": 7_200},),
    ),
    "energy_getStoragePlan": Method(
        "What the community's storage holds and does until when, and why; null when nobody plans one.",
        {},
        or_null(ref("StoragePlan")),
        (),
    ),
    "energy_getCandles": Method(
        "Candles over trades by the time of their matching, with their place in the journal; stretches without a trade "
        "are left out. `energy_subscribe` tells how those of 900 s change after that place.",
        {"filter": (ref("CandleFilter"), False)},
        ref("CandlePage"),
        ({"from": QUARTER, "to": QUARTER + 86_400, "lengthS": 3_600},),
    ),
    "energy_getTrades": Method(
        "Trades by interval, then number.",
        {"filter": (ref("TradeFilter"), False)},
        page("Trade"),
        ({"interval": QUARTER},),
    ),
    "energy_getOrders": Method(
        "Orders by their place in the journal.",
        {"filter": (ref("OrderFilter"), False)},
        page("PlacedOrder"),
        ({"account": ACCOUNT, "status": "resting"},),
    ),
    "energy_getOrder": Method(
        "One order by its digest.", {"digest": (HASH, True)}, or_null(ref("PlacedOrder")), (DIGEST,)
    ),
    "energy_getIntervals": Method(
        "Delivery intervals with their totals.",
        {"filter": (ref("IntervalFilter"), False)},
        page("Interval"),
        ({"from": QUARTER, "to": QUARTER + 86_400},),
    ),
    "energy_getRuns": Method(
        "Settlement runs on chain.", {"filter": (ref("RunFilter"), False)}, page("Run"), ({"limit": 10},)
    ),
    "energy_getCertificates": Method(
        "Certificates of origin by number.",
        {"filter": (ref("CertificateFilter"), False)},
        page("Certificate"),
        ({"owner": ACCOUNT},),
    ),
    "energy_getCertificate": Method(
        "One certificate by its number.", {"number": (NATURAL, True)}, or_null(ref("Certificate")), (1842,)
    ),
    "energy_getEvidence": Method(
        "The evidence of a certificate: all that a stranger needs to check it offline.",
        {"number": (NATURAL, True)},
        or_null(ref("Evidence")),
        (1842,),
        ("InvalidParams", "Unavailable"),
    ),
    "energy_getConcerns": Method(
        "What the operator should look after, by rule and member; only on the node's own machine.",
        {},
        array(ref("Concern")),
        (),
        ("LocalOnly",),
    ),
    "energy_getStatement": Method(
        "One account's entries. Personal data: only for callers on the node's own machine.",
        {"account": (ADDRESS, True)},
        or_null(ref("Statement")),
        (ACCOUNT,),
        ("InvalidParams", "LocalOnly"),
    ),
    "energy_getAccounts": Method(
        "All accounts with their free balance on chain, and what of the full collateral they need.",
        {},
        array(ref("Account")),
        (),
    ),
    "energy_getSummary": Method(
        "Totals over a stretch of time.",
        {"filter": (ref("SummaryFilter"), False)},
        ref("Summary"),
        ({"from": QUARTER, "to": QUARTER + 86_400},),
    ),
    "energy_getPositions": Method(
        "What an account has bought and sold and may still, by interval; by its own key's Look, or the node's machine.",
        {"account": (ADDRESS, True), "filter": (ref("PositionFilter"), False), "look": (ref("Look"), False)},
        ref("Positions"),
        (ACCOUNT, {"from": QUARTER}, LOOK),
        ("InvalidParams", "LocalOnly"),
    ),
    "energy_getExposure": Method(
        "An account's collateral, what is in use, open orders, limits; by its own key's Look, or the node's machine.",
        {"account": (ADDRESS, True), "look": (ref("Look"), False)},
        or_null(ref("Exposure")),
        (ACCOUNT, LOOK),
        ("InvalidParams", "LocalOnly"),
    ),
    "energy_getReadings": Method(
        "The signed readings of an account's meters, by interval; by its own key's Look, or the node's machine.",
        {"account": (ADDRESS, True), "filter": (ref("ReadingFilter"), False), "look": (ref("Look"), False)},
        page("Reading"),
        (ACCOUNT, {"from": QUARTER, "to": QUARTER + 86_400}, LOOK),
        ("InvalidParams", "LocalOnly"),
    ),
    "energy_getBalance": Method(
        "How the street goes while an interval runs, null where nothing is shared or few homes are heard; by the "
        "account's own key's Look, or the node's machine.",
        {"account": (ADDRESS, True), "answer": (ref("BalanceAnswer"), False), "look": (ref("Look"), False)},
        or_null(ref("Balance")),
        (ACCOUNT, {"ratingW": 3_000}, LOOK),
        ("InvalidParams", "LocalOnly"),
    ),
    "energy_getProposals": Method(
        "What members propose and decide, one vote each: the newest 50, the newest first.",
        {},
        array(ref("Proposal")),
        (),
        ("Unavailable",),
    ),
    "energy_getDecisions": Method(
        "What was decided about members, meters, keys, quorums and terms: the newest 50, and the quorums that hold.",
        {},
        ref("Decisions"),
        (),
        ("Unavailable",),
    ),
    "energy_getFacts": Method(
        "What the oracles agreed on of prices, carbon and weather: the newest series of each kind and place, signed.",
        {},
        array(ref("FactSeries")),
        (),
    ),
    **MEMBER_METHODS_DOCUMENTED,
}
"""All methods that the node itself answers, but for `rpc.discover`."""

ERRORS: Final[Mapping[str, Schema]] = {
    "InvalidParams": {
        "code": codes.INVALID_PARAMS,
        "message": "A parameter cannot be understood",
        "data": {"field": "order.quantityWh", "problem": "what is wrong, and what would be right"},
    },
    "Refused": {
        "code": codes.REFUSED,
        "message": "A rule refuses the command; nothing has changed",
        "data": {
            "code": 1004,
            "name": "GATE_CLOSED",
            "facts": {"interval": QUARTER, "gate_closure": QUARTER - 300, "now": QUARTER - 200},
            "hint": "what to do next",
            "knownNames": {code.name: int(code) for code in REFUSALS},
        },
    },
    "Unavailable": {
        "code": codes.UNAVAILABLE,
        "message": "Something that the answer needs is away for now",
        "data": {"retryAfterS": 1},
    },
    "LocalOnly": {"code": codes.LOCAL_ONLY, "message": "Personal data: ask on the node's own machine"},
}


def openrpc_document(version: str) -> dict[str, Any]:
    """Return the document for a node of a version."""
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "RESILIA-GRID node",
            "version": version,
            "description": "Energy in Wh, prices in µ€/kWh, money in n€ (10⁻⁹ €), time in UTC epoch seconds; integers. "
            "Ethereum's own methods are answered as https://github.com/ethereum/execution-apis describes them, with "
            "quantities and bytes as 0x text.",
            "license": {"name": "MIT"},
        },
        "methods": [*(_method(name, method) for name, method in METHODS.items()), *news_methods(), *chain_methods()],
        "components": {"schemas": {**SCHEMAS, **CHAIN_SCHEMAS}, "errors": dict(ERRORS)},
    }


def _method(name: str, method: Method) -> dict[str, Any]:
    return {
        "name": name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": [
            {"name": param, "required": required, "schema": schema}
            for param, (schema, required) in method.params.items()
        ],
        "result": {"name": "result", "schema": method.result},
        "errors": [{"$ref": f"#/components/errors/{error}"} for error in method.errors if method.params],
        "examples": [
            {
                "name": "typical",
                "params": [
                    {"name": param, "value": value}
                    for param, value in zip(
                        method.params, method.example, strict=False
                    )  # optional ones may be left out
                ],
                "result": {"name": "result", "value": _sample(method.result)},
            }
        ],
    }


def _sample(schema: Schema) -> Any:
    """Return a value of a schema, the same each time."""
    if "$ref" in schema:
        return _sample(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "oneOf" in schema:
        return _sample(schema["oneOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "object":
        return {key: _sample(item) for key, item in schema.get("properties", {}).items()}
    if kind == "array":
        return [_sample(schema["items"])]
    if kind == "integer":
        return QUARTER if "UTC epoch" in schema.get("description", "") else 1
    if kind == "boolean":
        return True
    return {ADDRESS["pattern"]: ACCOUNT, HASH["pattern"]: DIGEST, SIGNATURE["pattern"]: SIGNED}.get(
        schema.get("pattern"), "text"
    )
