"""Bodies of requests that bring JSON, and how OpenAPI tells of parameters in an address."""

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException

from energy import strict_json
from node.rpc.app import read_body
from node.rpc.guard import is_json
from node.rpc.parameters import BadParameter
from node.rpc.router import BODY_BYTES_MAX


async def json_body(request: Request, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the body of a request, an object with exactly some fields.

    Raises:
        HTTPException: it is no JSON, or too long.
        BadParameter: it has other fields.
    """
    if not is_json(request.headers.get("content-type", "")):
        raise HTTPException(415, "Send the body with Content-Type: application/json.")
    raw = await read_body(request, BODY_BYTES_MAX)
    if raw is None:
        raise HTTPException(413, f"A body has at most {BODY_BYTES_MAX} bytes.")
    body = strict_json.loads(raw)
    if not isinstance(body, dict) or sorted(body) != sorted(keys):
        raise BadParameter("body", f"must be an object with exactly the fields {', '.join(keys)}")
    return body


def path_parameters(*names: str) -> list[dict[str, Any]]:
    """Return the parameters of an address as OpenAPI tells of them."""
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
