"""The command line's connection to a node: JSON-RPC over HTTP, with the standard library, so that it loads fast.

Refuses: URLs that are not http or https; answers that are not JSON-RPC. Every failure says what to do next.
Source: JSON-RPC 2.0 specification.
"""

import json
from collections.abc import Iterator
from http.client import HTTPException
from socket import gaierror
from ssl import SSLCertVerificationError
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from node.cli.failure import ExitCode, Failure, usage_failure
from node.i18n import gettext as _
from node.i18n import language

JsonObject = dict[str, Any]

TIMEOUT_S: Final = 30
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
UNAVAILABLE: Final = -32002
REFUSED: Final = -39001
"""A rule of the community refuses; `data` holds the rule's own code."""


class NodeClient:
    """Asks one node."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise usage_failure(
                _("{url} is no address of a node.").format(url=url),
                _("Give a URL such as http://127.0.0.1:8545 with --rpc, or in RESILIA_RPC."),
            )
        self.url = url
        # A proxy of the environment can not reach this machine's own loopback interface.
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        self._opener: OpenerDirector = build_opener(ProxyHandler({})) if loopback else build_opener()

    def call(self, method: str, *params: object) -> Any:
        """Return the result of one call.

        Raises:
            Failure: no node answers (exit 4), or it answers with an error (exit 1).
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._post(json.dumps(request).encode())
        if "error" in answer:
            raise _failure_of_error(method, answer["error"])
        if "result" not in answer:
            raise self._no_node(_("it sent an answer with neither result nor error"))
        return answer["result"]

    def items(self, method: str, filters: JsonObject, limit: int) -> Iterator[JsonObject]:
        """Yield the items of a list of the node, page by page, at most `limit` of them."""
        wanted = {name: value for name, value in filters.items() if value is not None}
        while limit > 0:
            page = self.call(method, {**wanted, "limit": limit})
            yield from page["items"][:limit]
            limit -= len(page["items"])
            if page["next"] is None or not page["items"]:
                return
            wanted["cursor"] = page["next"]

    def latest(self, method: str, filters: JsonObject, limit: int) -> tuple[list[JsonObject], bool]:
        """Return the latest items of a list of the node, the oldest of them first, and whether there are more."""
        found = list(self.items(method, {**filters, "newestFirst": True}, limit + 1))
        return found[:limit][::-1], len(found) > limit

    def _post(self, body: bytes) -> JsonObject:
        request = Request(self.url, body, {"Content-Type": "application/json", "Accept": "application/json"})
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                answer = json.loads(response.read())
        except HTTPError as error:
            error.close()
            raise self._no_node(_("it answered HTTP {status}").format(status=error.code)) from None
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, SSLCertVerificationError):
                advice = _("If you know its certificate, trust it: put the file's name into $SSL_CERT_FILE.")
            else:
                advice = _("Start one with 'resilia demo' or 'resilia node', or name another with --rpc URL.")
            raise Failure(
                ExitCode.UNREACHABLE,
                _("No node answers at {url}: {reason}.").format(url=self.url, reason=_words_of(reason)),
                advice,
            ) from None
        except ValueError:
            raise self._no_node(_("it sent something that is not JSON")) from None
        if not isinstance(answer, dict):
            raise self._no_node(_("it sent JSON that is no JSON-RPC answer"))
        return answer

    def _no_node(self, why: str) -> Failure:
        return Failure(
            ExitCode.UNREACHABLE,
            _("What answers at {url} is not a RESILIA-GRID node: {why}.").format(url=self.url, why=why),
            _("Check the port: a node's JSON-RPC is on 8545 unless it was started with --rpc-port."),
        )


def _words_of(reason: object) -> str:
    """Return why a connection was not made, in words of the language where there are some."""
    if isinstance(reason, ConnectionRefusedError):
        return _("nothing listens there")
    if isinstance(reason, TimeoutError):
        return _("it was silent for too long")
    if isinstance(reason, gaierror):
        return _("no machine of this name is known")
    return str(getattr(reason, "strerror", None) or reason)


def _failure_of_error(method: str, error: JsonObject) -> Failure:
    code, message = error.get("code"), str(error.get("message", ""))
    data = error.get("data")
    detail: JsonObject = {"rpcCode": code, "message": message, **(data if isinstance(data, dict) else {})}
    if isinstance(data, str):  # what a contract reverted with
        detail["data"] = data
    if code == REFUSED:
        return _refusal(detail)
    if code == UNAVAILABLE:
        return Failure(
            ExitCode.FAILED,
            _("The node can not answer for now: {message}.").format(message=message.rstrip(".")),
            _("Try again in a few seconds; 'resilia doctor' shows what is away."),
            detail,
        )
    if code == METHOD_NOT_FOUND:
        return Failure(
            ExitCode.FAILED,
            _("The node does not know {method}.").format(method=method),
            _("Node and command line are of different versions: compare 'resilia version' with 'resilia status'."),
            detail,
        )
    if code == INVALID_PARAMS and "field" in detail:
        message = f"{detail['field']}: {detail.get('problem', message)}"
    return Failure(
        ExitCode.FAILED,
        _("The node answered with an error: {message} ({code}).").format(message=message, code=code),
        _("Check the values you gave; 'resilia doctor' checks the rest."),
        detail,
    )


def _refusal(detail: JsonObject) -> Failure:
    """Return a refusal in the user's language; the node speaks English, but says by which rule and with which facts."""
    from energy.results import Rejected
    from node.rpc.messages import REFUSALS, Message, message

    code, name, facts = detail.get("code"), detail.get("name"), detail.get("facts")
    said = Message(detail["message"], str(detail.get("hint") or ""))
    rule = next((rule for rule in REFUSALS if (rule.value, rule.name) == (code, name)), None)
    if language() != "en" and rule is not None and isinstance(facts, dict):
        said = message(Rejected(rule, facts))
    return Failure(
        ExitCode.FAILED,
        _("Refused: {message} [{name} {code}]").format(message=said.sentence, name=name, code=code),
        said.hint,
        detail,
    )
