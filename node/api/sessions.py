"""Who reads: a wallet signs a sentence once, and a cookie speaks for it from then on. Nobody needs one to look.

The sentence is that of EIP-4361, with a number used once that the node gave out. The node remembers no sentence that it
gave out, so that nobody can make it forget another's: half of the number is an authentication code over all the rest.
Remembered are numbers that were used, until their sentence is too old anyway; only a member's signature adds one.
The cookie is of no use to another site: it is `HttpOnly` and `SameSite=Strict`, and `node.api.origin` refuses what
another site's page sends.
Refuses: a sentence that was not given out, is too old, was used, or is not signed by its account; an account without
a role. Source: EIP-4361, EIP-191, RFC 2104.
"""

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from eth_utils.address import to_checksum_address

from energy.identity import Digest, hex_text
from oracles.hashing import keccak
from oracles.signatures import recover

COOKIE: Final = "session"
CHALLENGE_S: Final = 300
SESSION_S: Final = 12 * 3_600
SESSIONS_MAX: Final = 16
"""Of one account; its oldest ends when there are more."""
_SENTENCE: Final = re.compile(
    r"(?P<host>[^\n]*) wants you to sign in with your Ethereum account:\n(?P<account>0x[0-9A-Fa-f]{40})\n"
    r".*\nNonce: (?P<chance>[0-9a-f]{32})(?P<code>[0-9a-f]{32})\nIssued At: (?P<issued>[0-9TZ:-]{20})",
    re.DOTALL | re.ASCII,
)
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
_ASK_AGAIN: Final = "this sentence was not given out here, or too long ago, or was used: ask for a new one"


def sentence_digest(text: str) -> Digest:
    """Return what a wallet signs of a sentence."""
    return keccak(f"\x19Ethereum Signed Message:\n{len(text.encode())}".encode() + text.encode())


class Role(StrEnum):
    """What a reader may see beyond what everybody may."""

    MEMBER = "member"
    """The own bills."""
    AUDITOR = "auditor"
    """All bills, to check them."""
    OPERATOR = "operator"
    """All bills, and how the node does."""


class NotSignedIn(Exception):
    """A sign-in that is refused; says why."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One reader."""

    account: str | None
    """Lower-case 0x text; None for somebody at the node's own machine."""
    role: Role

    def may_see_bills_of(self, account: str) -> bool:
        """Say whether the reader may see an account's bills."""
        return self.role is not Role.MEMBER or self.account == account


class Sessions:
    """The sentences that a node gives out and the sessions open; they end with the process."""

    def __init__(self, role_of: Callable[[str], Role | None]) -> None:
        """Take who has which role, by account."""
        self._role_of = role_of
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, int] = {}
        self._sessions: dict[str, tuple[SignedIn, int]] = {}

    def challenge(self, account: str, host: str, scheme: str, chain_id: int, now: int) -> str:
        """Return the sentence for an account to sign.

        Args:
            account: Lower-case 0x text.
            host: What the reader's browser calls this server.
            scheme: http or https.
            chain_id: The community's.
            now: Wall clock, UTC epoch seconds.
        """
        chance = secrets.token_hex(16)
        text = (
            f"{host} wants you to sign in with your Ethereum account:\n{to_checksum_address(account)}\n\n"
            "Show me my bills here. / Montre-moi mes factures ici.\n\n"  # EIP-4361 has room for ASCII alone
            f"URI: {scheme}://{host}\nVersion: 1\nChain ID: {chain_id}\nNonce: {chance}\n"
            f"Issued At: {datetime.fromtimestamp(now, UTC).strftime(_INSTANT)}"
        )
        return text.replace(chance, chance + self._code(text), 1)

    def open(self, text: str, signature: bytes, host: str, now: int) -> tuple[str, SignedIn]:
        """Open a session for a signed sentence; return what the cookie holds, and who it is.

        Raises:
            NotSignedIn: says why.
        """
        account, chance, until = self._given_out(text, host)
        self._used = {known: end for known, end in self._used.items() if end >= now}
        if until < now or chance in self._used:
            raise NotSignedIn(_ASK_AGAIN)
        try:
            signer = hex_text(recover(sentence_digest(text), signature))
        except ValueError as error:
            raise NotSignedIn(f"this is no signature: {error}") from None
        if signer != account:
            raise NotSignedIn(f"the sentence is for {account}, but {signer} signed it")
        role = self._role_of(account)
        if role is None:
            raise NotSignedIn(f"{account} is no member of this community")
        self._used[chance] = until
        token, reader = secrets.token_urlsafe(32), SignedIn(account, role)
        self._sessions = {known: each for known, each in self._sessions.items() if each[1] >= now}
        self._sessions[token] = (reader, now + SESSION_S)
        own = [known for known, (each, _) in self._sessions.items() if each.account == account]
        for oldest in own[:-SESSIONS_MAX]:
            del self._sessions[oldest]
        return token, reader

    def account_of(self, text: str, host: str) -> str | None:
        """Return the account of a sentence that was given out under a host; None for any other text."""
        try:
            return self._given_out(text, host)[0]
        except NotSignedIn:
            return None

    def _given_out(self, text: str, host: str) -> tuple[str, str, int]:
        """Return account, number and end of a sentence that was given out under a host.

        Raises:
            NotSignedIn: it was not.
        """
        found = _SENTENCE.fullmatch(text)
        if found is None or found["host"] != host:
            raise NotSignedIn(_ASK_AGAIN)
        code = self._code(text.replace(found["chance"] + found["code"], found["chance"], 1))
        if not secrets.compare_digest(code, found["code"]):
            raise NotSignedIn(_ASK_AGAIN)
        issued = datetime.strptime(found["issued"], _INSTANT).replace(tzinfo=UTC)
        return found["account"].lower(), found["chance"], int(issued.timestamp()) + CHALLENGE_S

    def _code(self, text: str) -> str:
        """Return the authentication code of a sentence whose number has no code yet."""
        return hmac.digest(self._secret, text.encode(), "sha256")[:16].hex()

    def reader(self, token: str, now: int) -> SignedIn | None:
        """Return whose session a cookie is; None for nobody's."""
        reader, until = self._sessions.get(token, (None, 0))
        return reader if until >= now else None

    def close(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(token, None)
