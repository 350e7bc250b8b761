"""The methods of `node.rpc.methods_member` as the OpenRPC document describes them."""

from collections.abc import Mapping
from typing import Final

from node.rpc.documented import ACCOUNT, DIGEST, LOOK, QUARTER, SIGNED, Method
from node.rpc.member_schemas import PROPOSAL_ID, SUPPORT
from node.rpc.schema_kinds import ADDRESS, SIGNATURE, or_null, ref

_RULE: Final = {
    "account": ACCOUNT,
    "sells": True,
    "sellFrom": 90_000,
    "buys": True,
    "buyUpTo": 140_000,
    "since": QUARTER,
    "until": QUARTER + 30 * 86_400,
}
_BALLOT: Final = {"proposalId": DIGEST, "support": 1, "voter": ACCOUNT, "nonce": 0}

MEMBER_METHODS_DOCUMENTED: Final[Mapping[str, Method]] = {
    "energy_getRule": Method(
        "The latest rule by which an account trades, as signed; by its own key's Look, or the node's machine.",
        {"account": (ADDRESS, True), "look": (ref("Look"), False)},
        or_null(ref("SignedRule")),
        (ACCOUNT, LOOK),
        ("InvalidParams", "LocalOnly"),
    ),
    "energy_getRuleForm": Method(
        "A rule that begins now, as EIP-712 typed data for its member to sign.",
        {"account": (ADDRESS, True), "wish": (ref("RuleWish"), True)},
        ref("TypedData"),
        (ACCOUNT, {"sellFrom": 90_000, "buyUpTo": 140_000, "days": 30}),
    ),
    "energy_putRule": Method(
        "Put a signed rule in place of the one before; the member's agent, or the node for a passkey, keeps to it.",
        {"rule": (ref("Rule"), True), "signature": (SIGNATURE, True)},
        ref("SignedRule"),
        (_RULE, SIGNED),
        ("InvalidParams", "Refused"),
    ),
    "energy_getBallotForm": Method(
        "The next ballot of a voter, as EIP-712 typed data to sign.",
        {"proposal": (PROPOSAL_ID, True), "support": (SUPPORT, True), "voter": (ADDRESS, True)},
        ref("TypedData"),
        (DIGEST, 1, ACCOUNT),
        ("InvalidParams", "Refused", "Unavailable"),
    ),
    "energy_castBallot": Method(
        "Cast a signed ballot: the operator brings it to the contract and pays the gas; answers when it counts.",
        {"ballot": (ref("Ballot"), True), "signature": (SIGNATURE, True)},
        ref("BallotCast"),
        (_BALLOT, SIGNED),
        ("InvalidParams", "Refused", "Unavailable"),
    ),
}
