"""Refusals as sentences: from a stable code and its facts to what a person reads, in the running context's language.

Units: the facts' own, int, with the unit at the end of the name; it decides how a fact is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from energy.results import Rejected
from interconnect.rejections import LinkReject
from market.rejections import MarketReject
from node.i18n import duration, energy, gettext, mark, number, price
from node.rejections import NodeReject
from oracles.rejections import OracleReject

Facts = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Message:
    """What a refusal says."""

    sentence: str
    """What is wrong, with the values that matter."""
    hint: str
    """What to do next; empty when the sentence says it all."""


def message(rejected: Rejected) -> Message:
    """Return the sentence and the hint of a refusal; a code without one shows itself and its facts."""
    template = REFUSALS.get(rejected.code)
    if template is None:
        return Message(str(rejected), "")
    shown = _ShownFacts({fact: _shown(fact, value) for fact, value in rejected.facts.items()})
    return Message(*(gettext(text).format_map(shown) if text else "" for text in template))


REFUSALS: Final[Mapping[IntEnum, tuple[str, str]]] = {
    MarketReject.UNKNOWN_ACCOUNT: (
        mark("{account} is not a member of this community."),
        mark("Ask the operator to admit the account, or sign with the key of a member."),
    ),
    MarketReject.UNKNOWN_INTERVAL: (
        mark("No book is open for the interval {interval}."),
        mark("Open for trading are the intervals from {open_first} to {open_last}."),
    ),
    MarketReject.INTERVAL_ALREADY_OPEN: (mark("The book of this interval is open already."), ""),
    MarketReject.GATE_CLOSED: (
        mark("The gate for {interval} closed at {gate_closure}; it is {now} now."),
        mark("Choose a later interval: the status lists those that are open."),
    ),
    MarketReject.GATE_STILL_OPEN: (mark("The gate for {interval} closes at {gate_closure}; it is only {now}."), ""),
    MarketReject.QUANTITY_OUT_OF_RANGE: (
        mark("{quantity_wh} is out of range for one order."),
        mark("Order from {quantity_min_wh} to {quantity_max_wh}."),
    ),
    MarketReject.PRICE_OUT_OF_RANGE: (
        mark("{limit_price_ueur_per_kwh} is out of this market's range."),
        mark("Prices go from {price_floor_ueur_per_kwh} to {price_ceiling_ueur_per_kwh}."),
    ),
    MarketReject.PRICE_OFF_TICK: (
        mark("{limit_price_ueur_per_kwh} is between two price steps."),
        mark("Prices are multiples of {tick_ueur_per_kwh}."),
    ),
    MarketReject.UNSUPPORTED_ATTRIBUTE: (
        mark("The order attribute {field} is not supported yet."),
        mark("Only {supported} is accepted there."),
    ),
    MarketReject.EXPIRED: (
        mark("The order expired at {expiry}; it is {now} now."),
        mark("Sign a new one with a later expiry, or 0 for until gate closure."),
    ),
    MarketReject.DUPLICATE_NONCE: (
        mark("The account has used the nonce {nonce} before."),
        mark("If you sent the same order twice, the first one counts; else sign with a fresh nonce."),
    ),
    MarketReject.INSUFFICIENT_COLLATERAL: (
        mark("The order needs {needed_neur} of free balance; {available_neur} is left."),
        mark("Deposit more, order less, or cancel an order that still rests."),
    ),
    MarketReject.UNFILLABLE: (
        mark("{quantity_wh} cannot be filled whole at once; the book offers {available_wh} at this price."),
        mark("Order less, change the limit price, or let the order rest."),
    ),
    MarketReject.BOOK_FULL: (
        mark("The book of this interval is full: it holds {open_orders_max} orders."),
        mark("Try again after the next trades, or choose another interval."),
    ),
    MarketReject.UNKNOWN_ORDER: (
        mark("No order {digest} rests in a book."),
        mark("It may be filled, cancelled or past its gate: look it up in the list of orders."),
    ),
    MarketReject.NOT_THE_OWNER: (
        mark("The order {digest} is not {account}'s."),
        mark("Only the account that placed an order can cancel it."),
    ),
    MarketReject.INTERVAL_OFF_GRID: (
        mark("{interval} is not where an interval starts."),
        mark("Intervals start at multiples of {interval_length_s}."),
    ),
    MarketReject.INTERVAL_NOT_CLOSED: (mark("The gate for {interval} has not closed yet."), ""),
    MarketReject.NEGATIVE_COLLATERAL: (mark("Collateral cannot be negative: {collateral_neur}."), ""),
    MarketReject.TOO_MANY_ACCOUNTS: (mark("The market is full: it holds {accounts_max} accounts."), ""),
    MarketReject.NOT_ONE_LOT: (
        mark("This market takes orders of {lot_wh} only, not of {quantity_wh}."),
        mark("Order exactly {lot_wh}."),
    ),
    MarketReject.ONE_ORDER_EACH: (
        mark("This market takes one order of each account for an interval; yours is in the book already."),
        mark("Cancel it first, then place the new one."),
    ),
    MarketReject.OWN_ORDERS_MEET: (
        mark("At {limit_price_ueur_per_kwh} it would trade with your own order at {own_price_ueur_per_kwh}."),
        mark("Cancel that order first, or choose a price that does not meet it."),
    ),
    MarketReject.ACCOUNT_HALTED: (
        mark("The account {account} was stopped ({by})."),
        mark("Whoever stopped it can let it go on."),
    ),
    MarketReject.TOO_FAST: (
        mark("The account has placed {orders_per_minute_max} orders in this minute already."),
        mark("Go on at {retry_at}."),
    ),
    MarketReject.OUTSIDE_COLLAR: (
        mark("{limit_price_ueur_per_kwh} is far from the last price."),
        mark("Bid at most {collar_high_ueur_per_kwh}, ask at least {collar_low_ueur_per_kwh}."),
    ),
    MarketReject.TOO_MANY_ORDERS: (
        mark("The account would have {account_orders} open orders; it may have {limit_orders}."),
        mark("Cancel an order that still rests."),
    ),
    MarketReject.TOO_MUCH_ENERGY: (
        mark("The account's open orders would add up to {account_open_wh}; they may be {limit_open_wh}."),
        mark("Order less, or cancel an order that still rests."),
    ),
    MarketReject.TOO_MUCH_MONEY: (
        mark(
            "The account's open orders would be about {account_notional_neur}; they may be about {limit_notional_neur}."
        ),
        mark("Order less, or cancel an order that still rests."),
    ),
    MarketReject.WOULD_MATCH: (
        mark("At {limit_price_ueur_per_kwh} it would meet an order at {best_price_ueur_per_kwh} at once."),
        mark("Choose a price that meets nobody, or leave post-only out."),
    ),
    MarketReject.CONDITIONS_CLASH: (
        mark("{field} and {with_field} of an order contradict each other."),
        mark("Leave one of them as it is usually."),
    ),
    MarketReject.DISPLAY_TOO_SMALL: (
        mark("Showing {display_wh} at a time, the order would come in too many slices."),
        mark("Show at least {display_min_wh}."),
    ),
    MarketReject.WRONG_REPLACEMENT: (
        mark("{field} must be as in the order that it replaces: {right}."),
        mark("Cancel that order, and place a new one."),
    ),
    MarketReject.NEVER_VALID: (
        mark("The order would become valid at {valid_from}, when it can not match any more."),
        mark("Choose a first second before {valid_until}, or 0 for at once."),
    ),
    MarketReject.NOTHING_DUE: (mark("No order of {interval} is due."), ""),
    MarketReject.TOO_MANY_WAITING: (
        mark("As many orders wait beside this book as may: {waiting_orders_max}."),
        mark("Place an order without conditions, or try again later."),
    ),
    MarketReject.WRONG_LEG: (
        mark("{field} does not fit the orders that wait as parts of bundle {bundle}."),
        mark("One order for each interval, all with the same bundleLegs; or choose another number."),
    ),
    MarketReject.LIMIT_OUT_OF_RANGE: (mark("These limits can not be set: {problem}."), ""),
    MarketReject.OUTLIVES_CONNECTION: (mark("The order {digest} does not end with its connection."), ""),
    NodeReject.BAD_SIGNATURE: (
        mark("The signature is not by {account}."),
        mark(
            "Sign the EIP-712 typed data for chain id {chain_id} and contract {verifying_contract} "
            "with the account's own key."
        ),
    ),
    NodeReject.WRONG_CHAIN: (
        mark("This was signed for the chain {signed_chain_id}; this community's chain is {chain_id}."),
        mark("Sign again with chain id {chain_id} in the domain."),
    ),
    NodeReject.NO_CONNECTION: (
        mark("This order is to end with the connection that brings it, and this way leaves none open."),
        mark("Send it over a WebSocket, or leave cancelOnDisconnect out."),
    ),
    NodeReject.NO_SEAT: (
        mark("{account} has no place in this market any more for {interval}."),
        mark(
            "The members have decided so, or somebody has its place since its key was lost: 'resilia coop decisions' "
            "shows it. What it holds can be taken out."
        ),
    ),
    NodeReject.RULE_NOT_TAKEN: ("{reason}", mark("Ask for a new form, and sign that.")),
    NodeReject.BALLOT_NOT_COUNTED: ("{reason}", mark("'resilia coop list' shows what takes votes.")),
    NodeReject.NOBODY_VOTES: (mark("This community was founded without a cooperative."), ""),
    NodeReject.WRONG_CONTRACT: (
        mark("This was signed for the contract {signed_contract}; it should be {verifying_contract}."),
        mark("Sign again with verifying contract {verifying_contract} in the domain."),
    ),
    LinkReject.WRONG_LINK: (
        mark("This is for the community {named}; it should be {expected}."),
        mark("Take it in where it belongs: 'resilia link card' shows who a community is."),
    ),
    LinkReject.EXPORT_REPEATED: (
        mark("The certificate that {origin} let go under number {number} has been taken in before."),
        mark("It counts once; 'resilia cert crossed' shows it."),
    ),
    LinkReject.EXPORT_OVERLAP: (
        mark("Part of the energy behind number {number} of {origin} has been taken in before."),
        mark("Its community has let the same energy go twice: keep both documents, they prove it."),
    ),
    LinkReject.UNKNOWN_ORIGIN: (
        mark("Nobody is known here who vouches for the community {origin}."),
        mark("Let the operator link it, or trust its card: resilia link trust FILE"),
    ),
    OracleReject.QUORUM_NOT_MET: (
        mark("{signers} attestors of its community have signed this; {needed} are needed."),
        mark("Get the document anew where it comes from."),
    ),
    OracleReject.UNKNOWN_SIGNER: (
        mark("{signer} has signed this and is none of its community's attestors, or the document was altered."),
        mark("Get the document anew where it comes from."),
    ),
    OracleReject.DUPLICATE_SIGNER: (
        mark("The signatures are out of sequence, or {signer} has signed twice."),
        mark("Get the document anew where it comes from."),
    ),
}
"""Sentence and hint of every code; the names in braces are facts."""

INSTANT_FACTS: Final = frozenset(
    {
        "interval",
        "gate_closure",
        "now",
        "expiry",
        "open_first",
        "open_last",
        "next_open_interval",
        "retry_at",
        "valid_from",
        "valid_until",
        "due_at",
    }
)
"""Facts that are UTC epoch seconds."""


INSTANT_MAX: Final = 253_402_300_799
"""Last second of the year 9999: what calendars can write."""


class _ShownFacts(dict[str, str]):
    """Shows a fact that the refusal does not carry as a dash: a refusal is never lost over its wording."""

    def __missing__(self, fact: str) -> str:
        return "–"


def _shown(fact: str, value: int | str) -> str:
    if isinstance(value, str):
        return value
    if fact in INSTANT_FACTS:
        if not 0 < value <= INSTANT_MAX:  # zero says that there is none
            return str(value) if value else "–"
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}".replace(":00Z", "Z")
    if fact.endswith("_ueur_per_kwh"):
        return price(value)
    if fact.endswith("_wh"):
        return energy(value)
    if fact.endswith("_neur"):
        return f"{number(Decimal(value).scaleb(-9), 2, 9)}\u00a0€"
    if fact.endswith("_length_s"):
        return duration(value)
    if fact.endswith("_max"):
        return number(value)
    return str(value)
