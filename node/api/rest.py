"""REST under ``/api/v1``: the answers of JSON-RPC's `energy_` methods under addresses of their own.

Units and shapes: `node.rpc.schemas`. Filters are query parameters, named as in JSON-RPC.
Refuses as JSON-RPC does, with problem documents: see `node.api.problems`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from energy import strict_json
from node.api.bodies import json_body, path_parameters
from node.api.idempotency import KEY_LEN_MAX, KnownAnswers
from node.api.market_data import add_csv
from node.api.rest_member import add_balance_route, add_member_routes
from node.clock import Clock
from node.rpc.methods_energy import EnergyMethods
from node.rpc.parameters import BadParameter
from node.rpc.schema_kinds import SIGNATURE, Schema, array, page, record, ref
from node.rpc.schemas import SCHEMAS

PREFIX: Final = "/api/v1"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Resource:
    """One address that answers GET."""

    path: str
    summary: str
    result: Schema
    read: Callable[..., Awaitable[Any]]
    """Takes the filter when there is one, else the parameter in the path when there is one."""
    filter: str | None = None
    """Name of the schema whose fields are the query parameters."""


def rest_router(methods: EnergyMethods, clock: Clock) -> APIRouter:
    """Return the routes over one node's methods; the clock is the wall's, by which repeated requests are known."""
    router = APIRouter(prefix=PREFIX)
    add_csv(router, methods)
    for resource in _resources(methods):
        router.add_api_route(
            resource.path,
            _reader(resource),
            methods=["GET"],
            summary=resource.summary,
            response_class=JSONResponse,
            openapi_extra={
                "parameters": _query_parameters(resource) + path_parameters(*_names(resource.path)),
                "responses": {
                    "200": {"description": "OK", "content": {"application/json": {"schema": resource.result}}}
                },
            },
        )
    _add_commands(router, methods, KnownAnswers(clock))
    add_member_routes(router, methods.of_members)
    add_balance_route(router, methods.of_ones_own)
    return router


def _resources(methods: EnergyMethods) -> list[Resource]:
    return [
        Resource("/status", "What the node is and how it does", ref("Status"), methods.get_status),
        Resource("/domain", "What a wallet needs to sign", ref("Domain"), methods.get_domain),
        Resource("/intervals", "Delivery intervals", page("Interval"), methods.get_intervals, "IntervalFilter"),
        Resource("/trades", "Trades", page("Trade"), methods.get_trades, "TradeFilter"),
        Resource("/orders", "Orders", page("PlacedOrder"), methods.get_orders, "OrderFilter"),
        Resource("/orders/{digest}", "One order", ref("PlacedOrder"), methods.get_order),
        Resource("/book", "The book of the next interval to close", ref("Book"), methods.get_book),
        Resource("/book/{interval}", "The book of an interval", ref("Book"), methods.get_book),
        Resource("/depth", "What rests in the book of the next interval to close", ref("Depth"), methods.get_depth),
        Resource("/depth/{interval}", "What rests in the book of an interval", ref("Depth"), methods.get_depth),
        Resource(
            "/signal",
            "An index for each interval to come, and the best window",
            ref("PriceSignal"),
            methods.to_plan_by.get_price_signal,
            "SignalFilter",
        ),
        Resource(
            "/storage", "What the storage plans, and why", ref("StoragePlan"), methods.to_plan_by.get_storage_plan
        ),
        Resource("/candles", "Candles over trades", ref("CandlePage"), methods.get_candles, "CandleFilter"),
        Resource("/runs", "Settlement runs", page("Run"), methods.get_runs, "RunFilter"),
        Resource("/certificates", "Certificates", page("Certificate"), methods.get_certificates, "CertificateFilter"),
        Resource("/certificates/{number}", "One certificate", ref("Certificate"), methods.get_certificate),
        Resource("/certificates/{number}/evidence", "Its evidence", ref("Evidence"), methods.get_evidence),
        Resource("/accounts", "Accounts", array(ref("Account")), methods.get_accounts),
        Resource("/proposals", "What members propose and decide", array(ref("Proposal")), methods.get_proposals),
        Resource("/decisions", "What was decided about the registry", ref("Decisions"), methods.get_decisions),
        Resource("/facts", "What oracles agreed on beside meters", array(ref("FactSeries")), methods.get_facts),
        Resource("/summary", "Totals over a stretch of time", ref("Summary"), methods.get_summary, "SummaryFilter"),
    ]


def _reader(resource: Resource) -> Callable[[Request], Awaitable[Response]]:
    async def read(request: Request) -> Response:
        if resource.filter is not None:
            answer = await resource.read(query_filter(request))
        else:
            answer = await resource.read(*request.path_params.values())
        if answer is None:
            raise HTTPException(404, "There is nothing under this address.")
        return JSONResponse(answer)

    return read


def query_filter(request: Request) -> dict[str, str]:
    """Return the query parameters that are meant for a filter: all but the language of the page."""
    return {name: value for name, value in request.query_params.items() if name != "lang"}


def _add_commands(router: APIRouter, methods: EnergyMethods, known: KnownAnswers) -> None:
    placing = record({"order": ref("Order"), "signature": SIGNATURE})
    cancelling = record({"account": SCHEMAS["Cancel"]["properties"]["account"], "signature": SIGNATURE})

    @router.post("/orders", status_code=201, summary="Place a signed order", openapi_extra=_body(placing, "Placed"))
    async def place_order(request: Request) -> Response:
        body = await json_body(request, ("order", "signature"))
        key = request.headers.get(IDEMPOTENCY_KEY)
        if key is None:
            answer = await methods.place_order(body["order"], body["signature"])
        else:
            if not 1 <= len(key) <= KEY_LEN_MAX:
                raise BadParameter(IDEMPOTENCY_KEY, f"must have 1 to {KEY_LEN_MAX} characters")
            answer = await known.once(
                key, strict_json.dumps(body), lambda: methods.place_order(body["order"], body["signature"])
            )
        return JSONResponse(answer, 201, {"location": f"{PREFIX}/orders/{answer['orderDigest']}"})

    @router.delete(
        "/orders/{digest}", summary="Cancel an order", openapi_extra=_body(cancelling, "Cancelled", "digest")
    )
    async def cancel_order(request: Request) -> Response:
        body = await json_body(request, ("account", "signature"))
        cancel = {"account": body["account"], "orderDigest": request.path_params["digest"]}
        return JSONResponse(await methods.cancel_order(cancel, body["signature"]))


def _names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _query_parameters(resource: Resource) -> list[dict[str, Any]]:
    if resource.filter is None:
        return []
    fields = SCHEMAS[resource.filter]["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in fields.items()]


def _body(schema: Schema, answer: str, *path_names: str) -> dict[str, Any]:
    return {
        "parameters": path_parameters(*path_names),
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": ref(answer)}}}},
    }
