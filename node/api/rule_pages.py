"""The page's own routes for rules: the one that a member is to sign, what takes it, and what its agent reads.

Refuses, 409: what `node.rules.carrying` does not take; 403: another's rule; 400: what is no rule; 404: no rule yet.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from energy.identity import Address, hex_text
from node import i18n
from node.api.member_pages import MemberPages
from node.api.rest import json_object
from node.holdings import BadLook
from node.rpc import parameters
from node.rpc.parameters import INT64_MAX, BadParameter
from node.rpc.ports import NodeCommands
from node.rules.carrying import NotARule, Rules
from node.rules.rule import RULE_S_MAX, SignedRule

DAY_S: Final = 86_400
_PRICE: Final = parameters.integer(-INT64_MAX - 1, INT64_MAX)


class RulePages:
    """The routes over the rules of one community."""

    def __init__(self, core: NodeCommands, rules: Rules, members: MemberPages) -> None:
        self._core = core
        self._rules = rules
        self._members = members

    def router(self) -> APIRouter:
        """Return all routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/rules/{account}/form", self.form, methods=["GET"])
        router.add_api_route("/rules/{account}", self.put, methods=["PUT"])
        router.add_api_route("/rules/{account}", self.latest, methods=["GET"])
        return router

    async def form(self, request: Request) -> Response:
        """Return a rule that begins now, as a wallet signs it; a price that is left out leaves its side out."""
        asked = request.query_params
        sell_from, buy_up_to = (
            _PRICE(name, asked[name]) if asked.get(name) else None for name in ("sellFrom", "buyUpTo")
        )
        days = parameters.integer(1, RULE_S_MAX // DAY_S)("days", asked.get("days"))
        form = self._rules.form(_account(request), sell_from, buy_up_to, days * DAY_S)
        return JSONResponse(form, headers={"cache-control": "no-store"})

    async def put(self, request: Request) -> Response:
        """Take a signed rule."""
        signed = SignedRule.of(await json_object(request, ("rule", "signature")))
        if signed.rule.account != _account(request):
            raise BadParameter("rule.account", "must be the account in the address")
        try:
            await self._rules.put(signed)
        except NotARule as refused:
            raise HTTPException(409, str(refused)) from None
        return JSONResponse(signed.to_json())

    async def latest(self, request: Request) -> Response:
        """Return an account's rule to its agent, which shows a `Look` that it signed, or to who may see its bills."""
        account, asked = _account(request), request.query_params
        if "signature" in asked:
            look = parameters.look({"until": asked.get("until"), "signature": asked["signature"]})
            try:
                self._core.holdings.check_look(account, look.until, look.signature, self._core.now())
            except BadLook as bad:
                raise HTTPException(403, str(bad)) from None
        elif not self._members.may_see_bills(request, hex_text(account)):
            text = i18n.gettext("A rule is personal: sign in, or sign a Look with the account's key.")
            raise HTTPException(403, text)
        signed = self._rules.latest(account)
        if signed is None:
            raise HTTPException(404, i18n.gettext("This account has no rule."))
        return JSONResponse(signed.to_json(), headers={"cache-control": "no-store"})


def _account(request: Request) -> Address:
    named: Any = request.path_params["account"]
    return parameters.address("account", named)
