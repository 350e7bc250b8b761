"""REST for what members sign beside orders: rules, ballots, and looks at the street's balance, as JSON-RPC has them."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from node.api.bodies import json_body, path_parameters
from node.rpc.caller import BY_HTTP
from node.rpc.methods_member import MemberMethods
from node.rpc.methods_own import OwnMethods
from node.rpc.parameters import BadParameter
from node.rpc.schema_kinds import SIGNATURE, Schema, record, ref
from node.rpc.schemas import SCHEMAS

_UNKEPT: Final = {"cache-control": "no-store"}
_LOOK: Final = SCHEMAS["Look"]["properties"]
_WISH: Final = SCHEMAS["RuleWish"]["properties"]
_BALLOT: Final = SCHEMAS["Ballot"]["properties"]


def add_member_routes(router: APIRouter, methods: MemberMethods) -> None:
    """Add the routes to those of REST."""

    @router.get(
        "/rules/{account}",
        summary="An account's rule, to who has signed a Look with its key",
        openapi_extra=_asked("SignedRule", {name: (_LOOK[name], True) for name in _LOOK}, "account"),
    )
    async def rule(request: Request) -> Response:
        look = {name: request.query_params.get(name) for name in _LOOK}
        if look["signature"] is None:
            raise HTTPException(403, "A rule is personal: sign a Look with the account's key.")
        try:
            signed = await methods.get_rule(request.path_params["account"], look, caller=BY_HTTP)
        except BadParameter as error:
            if error.field != "look":
                raise
            raise HTTPException(403, error.problem) from None
        if signed is None:
            raise HTTPException(404, "This account has no rule.")
        return JSONResponse(signed, headers=_UNKEPT)

    @router.get(
        "/rules/{account}/form",
        summary="A rule that begins now, as its member signs it",
        openapi_extra=_asked("TypedData", {name: (_WISH[name], name == "days") for name in _WISH}, "account"),
    )
    async def rule_form(request: Request) -> Response:
        wish = {name: value for name in _WISH if (value := request.query_params.get(name))}
        return JSONResponse(await methods.get_rule_form(request.path_params["account"], wish), headers=_UNKEPT)

    @router.put(
        "/rules/{account}",
        summary="Put a signed rule in place of the one before",
        openapi_extra=_sent("SignedRule", record({"rule": ref("Rule"), "signature": SIGNATURE}), "account"),
    )
    async def put_rule(request: Request) -> Response:
        body = await json_body(request, ("rule", "signature"))
        rule = body["rule"]
        if isinstance(rule, dict) and rule.get("account") != request.path_params["account"].lower():
            raise BadParameter("rule.account", "must be the account in the address, in lower case")
        return JSONResponse(await methods.put_rule(rule, body["signature"]))

    @router.get(
        "/ballots/form",
        summary="The next ballot of a voter, as it signs it",
        openapi_extra=_asked("TypedData", {name: (_BALLOT[name], True) for name in _BALLOT if name != "nonce"}),
    )
    async def ballot_form(request: Request) -> Response:
        asked = (request.query_params.get(name) for name in ("proposalId", "support", "voter"))
        return JSONResponse(await methods.get_ballot_form(*asked), headers=_UNKEPT)

    @router.post(
        "/ballots",
        status_code=201,
        summary="Cast a signed ballot; answers when it counts",
        openapi_extra=_sent("BallotCast", record({"ballot": ref("Ballot"), "signature": SIGNATURE})),
    )
    async def cast(request: Request) -> Response:
        body = await json_body(request, ("ballot", "signature"))
        return JSONResponse(await methods.cast_ballot(body["ballot"], body["signature"]), 201)


def add_balance_route(router: APIRouter, own: OwnMethods) -> None:
    """Add the route of the street's balance."""

    @router.get(
        "/balance/{account}",
        summary="How the street goes while an interval runs, to who has signed a Look with the account's key",
        openapi_extra=_asked(
            "Balance",
            {"ratingW": (SCHEMAS["BalanceAnswer"]["properties"]["ratingW"], False)}
            | {name: (_LOOK[name], True) for name in _LOOK},
            "account",
        ),
    )
    async def balance(request: Request) -> Response:
        look = {name: request.query_params.get(name) for name in _LOOK}
        rating = request.query_params.get("ratingW")
        answer = None if rating is None else {"ratingW": rating}
        if look["signature"] is None:
            raise HTTPException(403, "The street's balance is for its members: sign a Look with the account's key.")
        try:
            told = await own.get_balance(request.path_params["account"], answer, look, caller=BY_HTTP)
        except BadParameter as error:
            if error.field != "look":
                raise
            raise HTTPException(403, error.problem) from None
        if told is None:
            raise HTTPException(404, "Nothing is shared here, or too few homes are heard.")
        return JSONResponse(told, headers=_UNKEPT)


def _asked(answer: str, query: dict[str, tuple[Schema, bool]], *path_names: str) -> dict[str, Any]:
    named = [
        {"name": name, "in": "query", "required": required, "schema": schema}
        for name, (schema, required) in query.items()
    ]
    return {"parameters": path_parameters(*path_names) + named, "responses": _ok("200", answer)}


def _sent(answer: str, body: Schema, *path_names: str) -> dict[str, Any]:
    return {
        "parameters": path_parameters(*path_names),
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": _ok("200" if path_names else "201", answer),
    }


def _ok(status: str, answer: str) -> dict[str, Any]:
    return {status: {"description": "OK", "content": {"application/json": {"schema": ref(answer)}}}}
