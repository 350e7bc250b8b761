"""Errors as RFC 9457 problem documents, in the language of the running context; codes and names stay English."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from energy.errors import Unavailable
from energy.strict_json import BadJson
from market.rejections import MarketReject
from node.api.idempotency import KeyReused
from node.rejections import NodeReject
from node.rpc.methods_energy import Refused
from node.rpc.parameters import BadParameter
from node.views.queries import BadCursor

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[IntEnum, HTTPStatus]] = {
    NodeReject.BAD_SIGNATURE: HTTPStatus.FORBIDDEN,
    NodeReject.WRONG_CHAIN: HTTPStatus.FORBIDDEN,
    NodeReject.WRONG_CONTRACT: HTTPStatus.FORBIDDEN,
    NodeReject.NO_SEAT: HTTPStatus.FORBIDDEN,
    NodeReject.NOBODY_VOTES: HTTPStatus.NOT_FOUND,
    NodeReject.NO_CONNECTION: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.UNKNOWN_ACCOUNT: HTTPStatus.FORBIDDEN,
    MarketReject.NOT_THE_OWNER: HTTPStatus.FORBIDDEN,
    MarketReject.UNKNOWN_ORDER: HTTPStatus.NOT_FOUND,
    MarketReject.UNKNOWN_INTERVAL: HTTPStatus.NOT_FOUND,
    MarketReject.QUANTITY_OUT_OF_RANGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.PRICE_OUT_OF_RANGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.PRICE_OFF_TICK: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.UNSUPPORTED_ATTRIBUTE: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.EXPIRED: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.NOT_ONE_LOT: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.ACCOUNT_HALTED: HTTPStatus.FORBIDDEN,
    MarketReject.TOO_FAST: HTTPStatus.TOO_MANY_REQUESTS,
    MarketReject.OUTSIDE_COLLAR: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.CONDITIONS_CLASH: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.DISPLAY_TOO_SMALL: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.WRONG_REPLACEMENT: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.WRONG_LEG: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.OUTLIVES_CONNECTION: HTTPStatus.CONFLICT,
    MarketReject.LIMIT_OUT_OF_RANGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.NEVER_VALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    MarketReject.TOO_MANY_WAITING: HTTPStatus.SERVICE_UNAVAILABLE,
    MarketReject.BOOK_FULL: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Status of a refusal; all others are conflicts with the state of the market: 409."""


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """Return a problem document; `members` extend it."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(document, status, headers, MEDIA_TYPE)


def refusal_problem(refused: Refused) -> Response:
    """Return the problem document of a command that a rule refuses."""
    code = refused.rejected.code
    status = STATUSES.get(code, HTTPStatus.CONFLICT)
    kind = f"urn:resilia-grid:refusal:{code.name.lower().replace('_', '-')}"
    return problem(status, status.phrase, refused.message, type=kind, **refused.details)


def install(app: FastAPI, page: Callable[[Request, int, str], Response]) -> None:
    """Let an application answer what its routes raise.

    Args:
        app: The application.
        page: Writes an error for people, from the request, the status and the detail; programs get problem documents.
    """

    def answer(
        request: Request, status: int, detail: str, headers: Mapping[str, str] | None, **members: Any
    ) -> Response:
        if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
            return page(request, status, detail)
        return problem(status, HTTPStatus(status).phrase, detail, headers, **members)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return refusal_problem(error)

    @app.exception_handler(BadParameter)
    async def bad_parameter(request: Request, error: BadParameter) -> Response:
        return answer(request, 400, str(error), None, field=error.field, problem=error.problem)

    @app.exception_handler(KeyReused)
    async def key_reused(request: Request, error: KeyReused) -> Response:
        return answer(request, 422, "This Idempotency-Key was given with another body before.", None)

    @app.exception_handler(BadCursor)
    async def bad_cursor(request: Request, error: BadCursor) -> Response:
        return answer(request, 400, str(error), None, field="cursor", problem=str(error))

    @app.exception_handler(BadJson)
    async def bad_json(request: Request, error: BadJson) -> Response:
        return answer(request, 400, f"The body is not JSON: {error}", None)

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        headers = {"retry-after": str(error.retry_after_s)}
        return answer(request, 503, str(error), headers, retryAfterS=error.retry_after_s)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, error.detail, error.headers)
