"""JSON Schema of what members sign beside orders; see `node.rpc.methods_member`."""

from collections.abc import Mapping
from typing import Final

from node.rpc.schema_kinds import ADDRESS, BOOL, HASH, INSTANT, INT_TEXT, PRICE, SIGNATURE, TEXT, Schema, record, ref

_WHOLE: Final[Schema] = {
    "oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^([0-9]{1,78}|0x[0-9a-fA-F]{1,64})$"}],
    "description": "a whole number of up to 256 bits: decimal or 0x text where a program would lose digits",
}
SUPPORT: Final[Schema] = _WHOLE | {"description": "0 against, 1 for, 2 abstain"}
PROPOSAL_ID: Final = _WHOLE

MEMBER_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Rule": record(
        {
            "account": ADDRESS,
            "sells": BOOL,
            "sellFrom": PRICE | {"description": "least price for surplus, µ€ per kWh; counts if the rule sells"},
            "buys": BOOL,
            "buyUpTo": PRICE | {"description": "highest price for what is missing; counts if the rule buys"},
            "since": INSTANT | {"description": "when it was made, UTC epoch seconds"},
            "until": INSTANT | {"description": "first second in which it holds no more, UTC epoch"},
        }
    ),
    "SignedRule": record({"rule": ref("Rule"), "signature": SIGNATURE}),
    "RuleWish": record(
        {
            "sellFrom": PRICE | {"description": "left out, it sells nothing"},
            "buyUpTo": PRICE | {"description": "left out, it buys nothing; without both it ends the rule before"},
            "days": {"type": "integer", "minimum": 1, "maximum": 366},
        },
        required=("days",),
    ),
    "Ballot": record({"proposalId": PROPOSAL_ID, "support": SUPPORT, "voter": ADDRESS, "nonce": INT_TEXT}),
    "BallotCast": record({"transaction": HASH}),
    "TypedData": record(
        {
            "types": {"type": "object", "description": "of EIP-712"},
            "primaryType": TEXT,
            "domain": {"type": "object", "description": "of EIP-712"},
            "message": {"type": "object", "description": "what is signed, and goes in with the signature"},
        }
    ),
}
