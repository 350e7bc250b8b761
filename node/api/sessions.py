"""Who reads: a wallet signs a sentence once, and a cookie speaks for it from then on. Nobody needs one to look.

The sentence is that of EIP-4361, with a number used once that the node gave out. The cookie is of no use to another
site: it is `HttpOnly` and `SameSite=Strict`, and `node.api.origin` refuses what another site's page sends.
Refuses: a sentence that was not given out, is too old, was used, or is not signed by its account; an account without
a role. Source: EIP-4361, EIP-191.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from eth_utils.address import to_checksum_address

from energy.identity import hex_text
from oracles.hashing import keccak
from oracles.signatures import recover

COOKIE: Final = "session"
CHALLENGE_S: Final = 300
SESSION_S: Final = 12 * 3_600
CHALLENGES_MAX: Final = 1_000
SESSIONS_MAX: Final = 10_000


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
    """The sentences given out and the sessions open; they end with the process."""

    def __init__(self, role_of: Callable[[str], Role | None]) -> None:
        """Take who has which role, by account."""
        self._role_of = role_of
        self._challenges: dict[str, tuple[str, int]] = {}
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
        nonce = secrets.token_hex(16)
        text = (
            f"{host} wants you to sign in with your Ethereum account:\n{to_checksum_address(account)}\n\n"
            "Show me my bills here. / Montre-moi mes factures ici.\n\n"  # EIP-4361 has room for ASCII alone
            f"URI: {scheme}://{host}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\n"
            f"Issued At: {datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
        self._challenges[text] = (account, now + CHALLENGE_S)
        while len(self._challenges) > CHALLENGES_MAX:
            del self._challenges[next(iter(self._challenges))]
        return text

    def open(self, text: str, signature: bytes, now: int) -> tuple[str, SignedIn]:
        """Open a session for a signed sentence; return what the cookie holds, and who it is.

        Raises:
            NotSignedIn: says why.
        """
        account, until = self._challenges.pop(text, ("", 0))
        if not account or until < now:
            raise NotSignedIn("this sentence was not given out here, or too long ago, or was used: ask for a new one")
        prefix = f"\x19Ethereum Signed Message:\n{len(text.encode())}".encode()
        try:
            signer = hex_text(recover(keccak(prefix + text.encode()), signature))
        except ValueError as error:
            raise NotSignedIn(f"this is no signature: {error}") from None
        if signer != account:
            raise NotSignedIn(f"the sentence is for {account}, but {signer} signed it")
        role = self._role_of(account)
        if role is None:
            raise NotSignedIn(f"{account} is no member of this community")
        token, reader = secrets.token_urlsafe(32), SignedIn(account, role)
        self._sessions[token] = (reader, now + SESSION_S)
        while len(self._sessions) > SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        return token, reader

    def reader(self, token: str, now: int) -> SignedIn | None:
        """Return whose session a cookie is; None for nobody's."""
        reader, until = self._sessions.get(token, (None, 0))
        return reader if until >= now else None

    def close(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(token, None)
