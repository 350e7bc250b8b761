"""Signing with a passkey: the page's own route to a key that the community holds, see `node.signing.held_keys`.

A member makes a passkey with an invitation, and signs each order, cancellation, ballot and sign-in with it: the
challenge is the very digest that is to be signed, the member is verified each time, and the passkey's secret opens the
key for this one signature; for a rule, as long as the node carries it out (`node.rules.carrying`). JSON-RPC and REST
know nothing of it: what leaves is a signature such as a wallet's.
Refuses, 403: what `node.signing.held_keys` refuses, and an assertion that is not fresh, not for this digest, or not
from here; 400: a message that is none of these, or of another account. Source: W3C WebAuthn level 3, 7.1 and 7.2.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException

from energy.identity import Address, Digest, hex_text
from node import i18n
from node.api.bodies import json_body, path_parameters
from node.api.rendering import Rendering
from node.api.sessions import Sessions, sentence_digest
from node.clock import Clock
from node.coop.ballots import Ballot, Ballots
from node.orders.typed_data import cancel_digest, order_digest
from node.rpc import parameters
from node.rpc.parameters import BadParameter
from node.rpc.ports import NodeCommands
from node.rpc.schema_kinds import TEXT, Schema, one_of, record
from node.rules.carrying import NotARule, Rules
from node.rules.rule import Rule, SignedRule
from node.signing.held_keys import SECRET_BYTES, HeldKeys, NotOpened, Passkey, decoded, encoded, prf_input
from oracles.signatures import sign
from oracles.typed_data import Domain

ALGORITHMS: Final = (COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA)
CHALLENGE_S: Final = 300
_ASKED: Final = ("kind", "message")
_ANSWERED: Final = ("kind", "message", "assertion", "secret")
_REGISTERED: Final = ("invitation", "credential", "secret")
_FIELDS: Final[Mapping[str, Schema]] = {
    "invitation": TEXT | {"description": "what the operator's link ends with"},
    "credential": {"type": "object", "description": "what the browser has made, as JSON"},
    "kind": one_of("Order", "Cancel", "Ballot", "Rule", "sentence"),
    "message": {"description": "the struct that is signed, or the sentence of signing in"},
    "assertion": {"type": "object", "description": "what the passkey has answered, as JSON"},
    "secret": TEXT | {"description": "of the extension prf, 32 bytes in base64url"},
}


class Passkeys:
    """The routes over the held keys of one node."""

    def __init__(
        self,
        rendering: Rendering,
        core: NodeCommands,
        held: HeldKeys,
        sessions: Sessions,
        clock: Clock,
        ballots: Ballots | None,
        rules: Rules | None,
    ) -> None:
        """Take the parts; without `ballots` nobody votes, without `rules` nobody trades by one."""
        self._rendering = rendering
        self._core = core
        self._held = held
        self._sessions = sessions
        self._clock = clock
        self._ballots = ballots
        self._rules = rules
        self._challenges: dict[Address, tuple[bytes, int]] = {}
        self._digests: dict[str, Callable[[Address, Any, str], Digest]] = {
            "Order": self._order,
            "Cancel": self._cancel,
            **({"Ballot": self._ballot} if ballots is not None else {}),
            **({"Rule": self._rule} if rules is not None else {}),
            "sentence": self._sentence,
        }

    def router(self) -> APIRouter:
        """Return all routes."""
        router = APIRouter()
        router.add_api_route("/hold/{account}", self.page, methods=["GET"], include_in_schema=False)
        for path, handler, status, summary, fields in (
            ("/registration", self.registration, 200, "What a browser needs to make a passkey", ("invitation",)),
            ("", self.register, 201, "Give a key to the passkey that was made for it", _REGISTERED),
            ("/challenge", self.challenge, 200, "What the passkey is to answer before something is signed", _ASKED),
            ("/signature", self.signature, 200, "The signature of what the passkey has answered for", _ANSWERED),
        ):
            router.add_api_route(
                "/held/{account}" + path,
                handler,
                methods=["POST"],
                status_code=status,
                summary=summary,
                openapi_extra={
                    "parameters": path_parameters("account"),
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": record({name: _FIELDS[name] for name in fields})}},
                    },
                },
            )
        return router

    async def page(self, request: Request) -> Response:
        """Return the page on which an invited member makes a passkey."""
        return self._rendering.page(request, "hold.html", account=hex_text(_account(request)))

    # -- A PASSKEY FOR AN INVITATION

    async def registration(self, request: Request) -> Response:
        """Return what the browser needs to make a passkey, to who has the invitation."""
        account, body = _account(request), await json_body(request, ("invitation",))
        self._invited(account, body["invitation"])
        challenge = secrets.token_bytes(32)
        self._challenges[account] = challenge, self._clock.now() + CHALLENGE_S
        name = str(self._core.status()["name"])
        return _unkept(
            {
                "rp": {"id": request.url.hostname, "name": name},
                "user": {"id": encoded(account), "name": f"{name} {hex_text(account)[:8]}", "displayName": name},
                "challenge": encoded(challenge),
                "pubKeyCredParams": [{"type": "public-key", "alg": int(each)} for each in ALGORITHMS],
                "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
                "attestation": "none",
                "extensions": {"prf": {"eval": {"first": encoded(prf_input(account))}}},
            }
        )

    async def register(self, request: Request) -> Response:
        """Give a key to the passkey that was made for it; the invitation is used."""
        account, body = _account(request), await json_body(request, _REGISTERED)
        private_key = self._invited(account, body["invitation"])
        challenge, until = self._challenges.pop(account, (b"", 0))
        if until < self._clock.now():
            raise HTTPException(403, i18n.gettext("This took too long: begin again."))
        try:
            made = verify_registration_response(
                credential=_object("credential", body["credential"]),
                expected_challenge=challenge,
                expected_rp_id=str(request.url.hostname),
                expected_origin=_origin(request),
                require_user_verification=True,
                supported_pub_key_algs=list(ALGORITHMS),
            )
        except WebAuthnException as error:
            raise _refused(error) from None
        passkey = Passkey(made.credential_id, made.credential_public_key, made.sign_count, str(request.url.hostname))
        self._held.give_to(account, private_key, _secret(body["secret"]), passkey)
        return JSONResponse({"account": hex_text(account)}, 201)

    def _invited(self, account: Address, invitation: Any) -> bytes:
        try:
            return self._held.invited(account, str(invitation), self._clock.now())
        except (NotOpened, ValueError):
            text = i18n.gettext("This invitation was used, is too old or is none: ask the operator for a new one.")
            raise HTTPException(403, text) from None

    # -- SIGNING

    async def challenge(self, request: Request) -> Response:
        """Return what the passkey is to answer before something is signed: its digest."""
        account, body = _account(request), await json_body(request, _ASKED)
        passkey = self._passkey(account)
        digest = self._digest(request, account, body)
        return _unkept(
            {
                "rpId": passkey.host,
                "challenge": encoded(digest),
                "allowCredentials": [{"type": "public-key", "id": encoded(passkey.credential_id)}],
                "userVerification": "required",
                "extensions": {"prf": {"eval": {"first": encoded(prf_input(account))}}},
            }
        )

    async def signature(self, request: Request) -> Response:
        """Return the account's signature of what the passkey has just answered for."""
        account, body = _account(request), await json_body(request, _ANSWERED)
        passkey = self._passkey(account)
        digest = self._digest(request, account, body)
        try:
            used = verify_authentication_response(
                credential=_object("assertion", body["assertion"]),
                expected_challenge=digest,
                expected_rp_id=passkey.host,
                expected_origin=_origin(request),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
            if used.credential_id != passkey.credential_id:
                raise NotOpened("this is another passkey")
            private_key = self._held.opened(account, _secret(body["secret"]))
        except (WebAuthnException, NotOpened) as error:
            raise _refused(error) from None
        self._held.used(account, used.new_sign_count)
        signature = sign(private_key, digest)
        if body["kind"] == "Rule" and self._rules is not None:
            try:
                await self._rules.put(SignedRule(Rule.of(body["message"]), signature), private_key)
            except NotARule as refused:
                raise HTTPException(409, str(refused)) from None
        return _unkept({"signature": hex_text(signature)})

    def _passkey(self, account: Address) -> Passkey:
        passkey = self._held.passkey(account)
        if passkey is None:
            raise HTTPException(404, i18n.gettext("No passkey opens a key of this account here."))
        return passkey

    def _digest(self, request: Request, account: Address, body: dict[str, Any]) -> Digest:
        digest_of = self._digests.get(str(body["kind"]))
        if digest_of is None:
            raise BadParameter("kind", f"must be one of {', '.join(self._digests)}")
        return digest_of(account, body["message"], request.headers.get("host", ""))

    def _order(self, account: Address, message: Any, host: str) -> Digest:
        order = parameters.order(message)
        _own(account, order.account)
        return order_digest(self._domain(), order)

    def _cancel(self, account: Address, message: Any, host: str) -> Digest:
        cancel = parameters.cancel(message)
        _own(account, cancel.account)
        return cancel_digest(self._domain(), account, cancel.order_digest)

    def _ballot(self, account: Address, message: Any, host: str) -> Digest:
        assert self._ballots is not None
        ballot = Ballot.of(message)
        _own(account, ballot.voter)
        return self._ballots.digest(ballot)

    def _rule(self, account: Address, message: Any, host: str) -> Digest:
        assert self._rules is not None
        rule = Rule.of(message)
        _own(account, rule.account)
        return self._rules.digest(rule)

    def _sentence(self, account: Address, message: Any, host: str) -> Digest:
        if not isinstance(message, str) or self._sessions.account_of(message, host) != hex_text(account):
            raise BadParameter("message", "must be a sentence that this node gave this account to sign in with")
        return sentence_digest(message)

    def _domain(self) -> Domain:
        settlement = self._core.domain()["settlement"]
        contract = parameters.address("verifyingContract", settlement["verifyingContract"])
        return Domain(settlement["name"], settlement["version"], settlement["chainId"], contract)


def _refused(error: Exception) -> HTTPException:
    return HTTPException(403, i18n.gettext("The passkey was not accepted: {reason}").format(reason=error))


def _account(request: Request) -> Address:
    return parameters.address("account", request.path_params["account"])


def _own(account: Address, named: Address) -> None:
    if named != account:
        raise BadParameter("account", "must be the account whose passkey signs")


def _object(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadParameter(field, "must be what the browser's credential gives as JSON")
    return value


def _secret(value: Any) -> bytes:
    try:
        secret = decoded(value)
    except (TypeError, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise BadParameter("secret", f"must be the {SECRET_BYTES} bytes of the extension prf, in base64url")
    return secret


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _unkept(content: dict[str, Any]) -> Response:
    return JSONResponse(content, headers={"cache-control": "no-store"})
