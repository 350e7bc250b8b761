"""The page's own routes for votes: the ballot that a member is to sign, and the box that takes it.

Refuses, 409: what `node.ballots` does not count; 400: what is no ballot.
"""

import re
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from node.api.rest import json_object
from node.ballots import Ballot, Ballots, NotCounted, Support
from node.rpc import parameters
from node.rpc.parameters import BadParameter

_WHOLE: Final = re.compile(r"[0-9]{1,78}|0x[0-9a-fA-F]{1,64}")


class BallotBox:
    """The routes over the votes of one community."""

    def __init__(self, ballots: Ballots) -> None:
        self._ballots = ballots

    def router(self) -> APIRouter:
        """Return all routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/ballots", self.form, methods=["GET"])
        router.add_api_route("/ballots", self.cast, methods=["POST"])
        return router

    async def form(self, request: Request) -> Response:
        """Return the next ballot of an account as a wallet signs it."""
        asked = {name: request.query_params.get(name) for name in ("proposalId", "support", "voter")}
        ballot = ballot_of({**asked, "nonce": "0"})
        form = await self._ballots.form(ballot.proposal, ballot.support, ballot.voter)
        return JSONResponse(form, headers={"cache-control": "no-store"})

    async def cast(self, request: Request) -> Response:
        """Take a signed ballot."""
        body = await json_object(request, ("ballot", "signature"))
        signature = parameters.signature("signature", body["signature"])
        try:
            transaction = await self._ballots.cast(ballot_of(body["ballot"]), signature)
        except NotCounted as refused:
            raise HTTPException(409, str(refused)) from None
        return JSONResponse({"transaction": transaction}, 201)


def ballot_of(value: Any) -> Ballot:
    """Return the ballot in ``{proposalId, support, voter, nonce}``.

    Raises:
        BadParameter: it is none.
    """
    fields = ("proposalId", "support", "voter", "nonce")
    if not isinstance(value, dict) or sorted(value) != sorted(fields):
        raise BadParameter("ballot", f"must be an object with exactly the fields {', '.join(fields)}")
    support = _number("support", value["support"])
    if support not in tuple(Support):
        raise BadParameter("support", "must be 0 (against), 1 (for) or 2 (abstain)")
    return Ballot(
        _number("proposalId", value["proposalId"]),
        Support(support),
        parameters.address("voter", value["voter"]),
        _number("nonce", value["nonce"]),
    )


def _number(field: str, value: Any) -> int:
    """Return an unsigned integer of 256 bits: a proposal's number is a hash."""
    text = str(value)
    number = int(text, 16 if text.startswith("0x") else 10) if _WHOLE.fullmatch(text) else 2**256
    if number >= 2**256:
        raise BadParameter(field, "must be a whole number of up to 256 bits, decimal or 0x")
    return number
