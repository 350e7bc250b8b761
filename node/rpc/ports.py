"""What the interfaces need from the node's core and from the chain.

Units: Wh, µ€/kWh, UTC epoch seconds. Digests, hashes and addresses in answers are lower-case ``0x`` text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from energy.identity import Address, Digest
from energy.results import Rejected
from market.events import Outcome
from market.orders import Order
from node.coop.tariffs import TariffSchedule
from node.orders.depth import Depth
from node.orders.holdings import Holdings
from node.standby.words import Positions, Records

JsonObject = dict[str, Any]
"""A JSON object whose keys are camelCase with the unit in the name."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that is in the journal, with the receipt that the node signed for it."""

    order_digest: Digest
    sequence: int
    """Position in the journal."""
    journal_hash: bytes
    """Hash of the journal through this record."""
    outcome: Outcome
    filled_wh: int
    resting_wh: int
    accepted_at: int
    """Time of its journal record, UTC epoch seconds."""
    receipt_signature: bytes
    """The node's 65-byte signature over `Receipt{sequence, journalHash, orderDigest, outcome, acceptedAt}`."""
    node: Address
    """Who signed the receipt."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancellation that is in the journal, with the receipt that the node signed for it."""

    order_digest: Digest
    sequence: int
    journal_hash: bytes
    outcome: Outcome
    cancelled_wh: int
    """Energy that left the book, ≥ 1 Wh."""
    accepted_at: int
    receipt_signature: bytes
    node: Address


@dataclass(frozen=True, slots=True)
class Switched:
    """An account's switches after one of them was turned, as the journal has it."""

    account: Address
    by_member: bool
    """Stopped by its member."""
    by_operator: bool
    cancelled_orders: int
    """Orders that left their books."""
    sequence: int
    journal_hash: bytes


class BorderAnswers(Protocol):
    """What a node tells of its border to other communities; see `node.interconnect.border`."""

    def reports(self) -> list[JsonObject]:
        """Return what happened in every cut, to the Wh, oldest first."""
        ...

    async def signed_export(self, number: int) -> JsonObject | None:
        """Return the document of an export by its number at the contract; raises `Unavailable`."""
        ...

    async def take_in(self, document: object) -> JsonObject | Rejected:
        """Take in a certificate by its document, once; raises ValueError for what is no such document."""
        ...

    async def crossings(self, limit: int) -> list[JsonObject]:
        """Return the latest certificates that left or came, newest delivery first."""
        ...


class NodeCommands(Protocol):
    """The core of a running node, as the interfaces see it.

    `place_order` and `cancel_order` take effect before they first suspend, so that calls started in sequence
    take effect in that sequence and share one write to disk.
    """

    async def place_order(self, order: Order, signature: bytes) -> Placed | Rejected:
        """Check, journal and match a signed order; return when it is safely on disk."""
        ...

    async def cancel_order(self, account: Address, digest: Digest, signature: bytes) -> Cancelled | Rejected:
        """Check and journal a signed cancellation; return when it is safely on disk."""
        ...

    async def drop_disconnected(self, digests: Iterable[Digest]) -> None:
        """Take out what still rests of the orders that a connection brought which has ended."""
        ...

    async def halt_account(self, account: Address, halted: bool, nonce: int, signature: bytes) -> Switched | Rejected:
        """Check and journal a member's switch; return when it is safely on disk."""
        ...

    async def halt_by_operator(self, account: Address, halted: bool) -> Switched | Rejected:
        """Journal the operator's switch; return when it is safely on disk."""
        ...

    def status(self) -> JsonObject:
        """Return what `energy_getStatus` answers."""
        ...

    def set_grid(self, lost: bool) -> JsonObject:
        """Take the operator's word that the grid was lost, or is back; return the mode that holds now."""
        ...

    async def log_records(self, standby: str, challenge: bytes, positions: Positions, word: bytes) -> Records:
        """Hear how far a standby's logs are; return what comes next. Raises `node.standby.words.BadWord`."""
        ...

    def hear_taken_over(self, standby: str, word: bytes) -> bool:
        """Hear that a standby has taken over; return whether this node ends. Raises `node.standby.words.BadWord`."""
        ...

    @property
    def border(self) -> BorderAnswers:
        """What happened at the border: cuts, and certificates that crossed it."""
        ...

    def known_facts(self) -> list[JsonObject]:
        """Return what the oracles agreed on of prices, carbon and weather: what `energy_getFacts` answers."""
        ...

    def concerns(self) -> list[JsonObject]:
        """Return what `energy_getConcerns` answers."""
        ...

    def balance(self, account: Address, rating_w: int) -> JsonObject | None:
        """Return what `energy_getBalance` answers to an account, and note with what it answers."""
        ...

    def domain(self) -> JsonObject:
        """Return the EIP-712 domains and types that a wallet needs: what `energy_getDomain` answers."""
        ...

    def book(self, interval: int | None) -> JsonObject | None:
        """Return the book of an interval, of the next one to close for None; None when there is no such book."""
        ...

    @property
    def depth(self) -> Depth:
        """The open books, through what is on disk: what `energy_getDepth` answers."""
        ...

    @property
    def tariffs(self) -> TariffSchedule:
        """What the grid asks, pays and emits, by interval."""
        ...

    @property
    def holdings(self) -> Holdings:
        """What members hold in the market: what `energy_getPositions` and `energy_getExposure` answer."""
        ...

    async def evidence(self, number: int) -> JsonObject | None:
        """Return the evidence document of a certificate; None when it does not exist or is not settled yet."""
        ...

    async def proposals(self) -> list[JsonObject]:
        """Return what members propose and decide, the newest first; see `node.coop.proposals`."""
        ...

    async def decisions(self) -> JsonObject:
        """Return what was decided about the registry, the newest first; see `node.coop.council_watch`."""
        ...

    def now(self) -> int:
        """Return the node's time, UTC epoch seconds; simulated in a demo."""
        ...


class ChainRequests(Protocol):
    """The chain's own JSON-RPC, in whichever process it runs."""

    async def request_bytes(self, raw: bytes) -> bytes:
        """Send one request or one batch as JSON text and return the answer's text (empty for notifications).

        Raises:
            Unavailable: the chain's process does not answer; the same request may succeed later.
        """
        ...
