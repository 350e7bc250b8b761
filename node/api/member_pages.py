"""The pages of one account, with orders that a wallet signs, and the bills that only some may see; signing in and out.

Refuses: bills for readers without the right to them, 403; sign-ins as `node.api.sessions` does, 403.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from node import i18n
from node.api.account_page import Bill, bill_of, month_bounds, read_account_page
from node.api.bodies import json_body
from node.api.explorer import block_times
from node.api.rendering import Rendering
from node.api.sessions import COOKIE, SESSION_S, NotSignedIn, Role, Sessions, SignedIn
from node.api.tables import csv_head, csv_rows
from node.clock import Clock
from node.i18n import mark
from node.rpc import parameters
from node.rpc.caller import Caller
from node.rpc.guard import caller_of
from node.rpc.parameters import BadParameter
from node.rpc.ports import ChainRequests, NodeCommands
from node.rpc.schemas import SCHEMAS
from node.rules.carrying import Rules, rule_sentence
from node.signing.held_keys import HeldKeys
from node.views.queries import Queries

ENTRY_KEYS: Final = tuple(SCHEMAS["Entry"]["properties"])
PERSONAL: Final = mark(
    "Bills are personal. Sign in with the wallet of this account to see them, or ask on the node's own machine."
)
REFERENCE_PRICE: Final = 100_000
"""What a new order's form proposes when nothing was traded yet, µ€/kWh."""


class MemberPages:
    """Everything about one account of one node."""

    def __init__(
        self,
        rendering: Rendering,
        core: NodeCommands,
        queries: Queries,
        chain: ChainRequests,
        sessions: Sessions,
        clock: Clock,
        rpc_port: int,
        held: HeldKeys | None,
        rules: Rules | None,
    ) -> None:
        """Take the parts; the clock is the wall's, by which sessions end; `held` may have keys that passkeys open."""
        self._rendering = rendering
        self._core = core
        self._queries = queries
        self._chain = chain
        self._sessions = sessions
        self._clock = clock
        self._rpc_port = rpc_port
        self._held = held
        self._rules = rules

    def router(self) -> APIRouter:
        """Return all routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/me", self.me, methods=["GET"])
        router.add_api_route("/session/challenge", self.challenge, methods=["GET"])
        router.add_api_route("/session", self.sign_in, methods=["POST"])
        router.add_api_route("/session", self.sign_out, methods=["DELETE"])
        bill = "/accounts/{address}/bills/{month}"
        router.add_api_route(f"{bill}.json", self.bill_json, methods=["GET"])
        router.add_api_route(f"{bill}.csv", self.bill_csv, methods=["GET"])
        router.add_api_route(bill, self.bill, methods=["GET"])
        router.add_api_route("/accounts/{address}", self.account, methods=["GET"])
        return router

    # -- WHO READS

    def reader(self, request: Request) -> SignedIn | None:
        """Return who reads: whose session it is, or the operator at the node's own machine."""
        signed_in = self._sessions.reader(request.cookies.get(COOKIE, ""), self._clock.now())
        if signed_in is None and caller_of(request.scope) == Caller(local=True):
            return SignedIn(None, Role.OPERATOR)
        return signed_in

    def may_see_bills(self, request: Request, address: str) -> bool:
        """Say whether a reader may see an account's bills, and what else is its own."""
        reader = self.reader(request)
        return bool(self._core.status()["demo"]) or (reader is not None and reader.may_see_bills_of(address))

    async def challenge(self, request: Request) -> Response:
        """Return the sentence that an account's wallet is to sign."""
        account = parameters.address_text("account", request.query_params.get("account"))
        chain_id = int(self._core.status()["chainId"])
        host, scheme = request.headers.get("host", ""), request.url.scheme
        message = self._sessions.challenge(account, host, scheme, chain_id, self._clock.now())
        return JSONResponse({"message": message}, headers={"cache-control": "no-store"})

    async def sign_in(self, request: Request) -> Response:
        """Open a session for a signed sentence."""
        body = await json_body(request, ("message", "signature"))
        signature = parameters.signature("signature", body["signature"])
        try:
            token, reader = self._sessions.open(
                str(body["message"]), signature, request.headers.get("host", ""), self._clock.now()
            )
        except NotSignedIn as error:
            raise HTTPException(403, str(error)) from None
        answer = JSONResponse({"account": reader.account, "role": reader.role})
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, max_age=SESSION_S, secure=secure, httponly=True, samesite="strict")
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the reader's session."""
        self._sessions.close(request.cookies.get(COOKIE, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    # -- PAGES

    async def me(self, request: Request) -> Response:
        """Return the page from which a reader finds the own account."""
        status = self._rendering.status()
        reader = await self._rendering.reader(status)
        return self._rendering.page(
            request, "me.html", status=status, reader=reader, who=self.reader(request), rpc_url=self.rpc_url(request)
        )

    async def account(self, request: Request) -> Response:
        """Return the page of one account."""
        address, status = _address(request), self._rendering.status()
        reader = await self._rendering.reader(status)
        day = reader.clock.day(self._core.now())
        is_open = self.may_see_bills(request, address)
        page = await asyncio.to_thread(read_account_page, self._queries, reader.clock, address, day, with_bills=is_open)
        if page is None:
            raise HTTPException(404, i18n.gettext("There is no such account in this community."))
        blocks = {step.block for _, steps in page.orders for step in steps if step.block is not None}
        return self._rendering.page(
            request,
            "account.html",
            status=status,
            reader=reader,
            page=page,
            sealed_at=await block_times(self._chain, blocks),
            day=day,
            reference_price=self._reference_price(),
            has_rules=self._rules is not None,
            rule=self._rules.shown(parameters.address("account", address)) if self._rules and is_open else None,
            rule_sentence=rule_sentence,
            held=self._held is not None and self._held.passkey(parameters.address("account", address)) is not None,
            rpc_url=self.rpc_url(request),
            page_url=str(request.base_url).rstrip("/"),
        )

    async def bill(self, request: Request) -> Response:
        """Return one month's bill."""
        address, bill, reader = await self._bill(request)
        return self._rendering.page(
            request,
            "bill.html",
            address=address,
            bill=bill,
            reader=reader,
            csv=f"{request.url.path}.csv",
            json=f"{request.url.path}.json",
        )

    async def bill_json(self, request: Request) -> Response:
        """Return one month's bill with every entry; the totals are those of the page."""
        address, bill, _ = await self._bill(request)
        lines = [
            {"kind": each.kind, "entries": each.entries, "quantityWh": each.quantity_wh, "amountNeur": each.amount_neur}
            for each in bill.lines
        ]
        entries = await self._entries(address, bill)
        return JSONResponse(
            {
                "account": address,
                "month": bill.month,
                "amountNeur": bill.amount_neur,
                "lines": lines,
                "entries": entries,
            }
        )

    async def bill_csv(self, request: Request) -> Response:
        """Return every entry of one month's bill."""
        address, bill, _ = await self._bill(request)
        french = request.query_params.get("locale") == "fr"
        text = csv_head(ENTRY_KEYS, french) + csv_rows(ENTRY_KEYS, await self._entries(address, bill), french)
        headers = {"content-disposition": f'attachment; filename="bill-{bill.month}.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    async def _bill(self, request: Request) -> tuple[str, Bill, Any]:
        address, month = _address(request), request.path_params["month"]
        if not self.may_see_bills(request, address):
            raise HTTPException(403, i18n.gettext(PERSONAL))
        reader = await self._rendering.reader(self._core.status())
        if month_bounds(reader.clock, month) is None:
            raise BadParameter("month", "must be a year and a month, such as 2017-05")
        bill = await asyncio.to_thread(bill_of, self._queries, reader.clock, address, month)
        if bill is None:
            raise HTTPException(404, i18n.gettext("Nothing was settled for this account in that month."))
        return address, bill, reader

    async def _entries(self, address: str, bill: Bill) -> list[Any]:
        return await asyncio.to_thread(self._queries.entries, account=address, start=bill.start, end=bill.end)

    def _reference_price(self) -> int:
        book = self._core.book(None)
        return int((book["traded"]["meanPrice"] if book else None) or REFERENCE_PRICE) // 1_000 * 1_000

    def rpc_url(self, request: Request) -> str:
        """Return where the reader's wallet reaches the chain."""
        host = request.url.hostname or "127.0.0.1"
        return f"{request.url.scheme}://{f'[{host}]' if ':' in host else host}:{self._rpc_port}"


def role_of(queries: Queries, auditors: Sequence[str], operators: Sequence[str]) -> Callable[[str], Role | None]:
    """Return the function that says which role an account has in a community."""
    named = {account.lower(): Role.AUDITOR for account in auditors}
    named |= {account.lower(): Role.OPERATOR for account in operators}

    def role(account: str) -> Role | None:
        members = {str(row["address"]) for row in queries.accounts()}
        return named.get(account) or (Role.MEMBER if account in members else None)

    return role


def _address(request: Request) -> str:
    return parameters.address_text("account", request.path_params["address"])
