"""What an audit of a market can find: one name for each way in which a matcher can be dishonest.

Names are stable: reports, scripts and translations rest on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Breach(StrEnum):
    """A rule of the market that what was shown to the auditor breaks."""

    # The journal as such.
    UNREADABLE_RECORD = "unreadable-record"
    OUT_OF_SEQUENCE = "out-of-sequence"
    """A record's own number is not its place: one was dropped, added or moved."""

    # Commands that should have been refused.
    STRANGER = "stranger"
    INTERVAL_NOT_OPEN = "interval-not-open"
    AFTER_GATE = "after-gate"
    EXPIRED = "expired"
    OUT_OF_BOUNDS = "out-of-bounds"
    REPEATED_NONCE = "repeated-nonce"
    REPEATED_ORDER = "repeated-order"
    WITHOUT_COLLATERAL = "without-collateral"
    NOT_FILLABLE = "not-fillable"
    """A fill-or-kill order that the book could not fill whole."""
    BOOK_FULL = "book-full"
    NOTHING_TO_CANCEL = "nothing-to-cancel"
    CANCELLED_BY_STRANGER = "cancelled-by-stranger"
    CANCELLED_UNASKED = "cancelled-unasked"
    """Taken out as if its connection had ended, though it did not ask for that."""
    WRONG_OPENING = "wrong-opening"
    GATE_CLOSED_EARLY = "gate-closed-early"
    WRONG_RELEASE = "wrong-release"
    WRONG_ADMISSION = "wrong-admission"
    WRONG_RATING = "wrong-rating"
    """A run was counted twice for an account, or for a stranger."""
    NOT_OF_MECHANISM = "not-of-mechanism"
    """An order that the community's mechanism can not take."""

    WRONG_REPLACEMENT = "wrong-replacement"
    """An order that names another to replace, which does not rest or does not fit it."""
    WRONG_BUNDLE = "wrong-bundle"
    """An order that does not fit the others of its bundle."""
    POST_ONLY_MATCHED = "post-only-matched"
    """A post-only order that would have met another at once."""
    BEYOND_RISK_LIMIT = "beyond-risk-limit"
    """An order of a stopped account, or beyond one of the community's limits."""

    # What members signed.
    FORGED_ORDER = "forged-order"
    """The digest in the journal is not that of the order's fields: a field was changed."""
    FORGED_SIGNATURE = "forged-signature"

    # Published trades: what breaks a law by itself.
    UNKNOWN_ORDER = "unknown-order"
    MISMATCHED_ORDERS = "mismatched-orders"
    """Not a buy and a sell order of the trade's own interval."""
    WRONG_PARTY = "wrong-party"
    SELF_TRADE = "self-trade"
    WORSE_THAN_LIMIT = "worse-than-limit"
    NOT_AT_RESTING_PRICE = "not-at-resting-price"
    BEYOND_QUANTITY = "beyond-quantity"
    MATCHED_AFTER_GATE = "matched-after-gate"
    MATCHED_BEFORE_VALID = "matched-before-valid"
    BELOW_MINIMUM_LOT = "below-minimum-lot"
    """A trade smaller than one of its orders takes, which does not complete it."""
    NOT_GREEN_ENOUGH = "not-green-enough"
    """Energy whose carbon its buyer does not take at that price."""
    WOKEN_FOR_NOTHING = "woken-for-nothing"
    FEEDER_OVERLOADED = "feeder-overloaded"
    """Trades that together carry more over a line or a transformer than the community has agreed on."""
    MATCHED_AFTER_EXPIRY = "matched-after-expiry"
    WRONG_AMOUNT = "wrong-amount"
    REPEATED_TRADE = "repeated-trade"

    # Published trades against those that the journal gives.
    PRIORITY_BROKEN = "priority-broken"
    """A better or an earlier order was passed over."""
    MISSING_TRADE = "missing-trade"
    INVENTED_TRADE = "invented-trade"
    DIFFERENT_TRADE = "different-trade"

    # The call at the gate.
    CALL_LOSES_WELFARE = "call-loses-welfare"
    """Other orders, or more of them, should have traded: what was published is worth less than what could be."""
    CALL_AT_WRONG_PRICE = "call-at-wrong-price"
    CALL_SPLIT_WRONG = "call-split-wrong"
    """Among orders at the same price, another than the earlier was filled."""
    WRONG_PUBLISHED_PRICE = "wrong-published-price"

    # Receipts.
    WRONG_RECEIPT = "wrong-receipt"
    """Not signed by the node: it proves nothing."""
    RECEIPT_BEYOND_JOURNAL = "receipt-beyond-journal"
    RECEIPT_OFF_CHAIN = "receipt-off-chain"
    """The journal through that record is not the one for which the node signed."""
    ORDER_DROPPED = "order-dropped"
    """At the place that the receipt names, the journal holds something else."""
    WRONG_OUTCOME = "wrong-outcome"
    WRONG_TIME = "wrong-time"
    TWO_JOURNALS = "two-journals"
    """The node showed different journals, or signed two receipts for one place."""

    # Settled runs.
    FORGED_RATING = "forged-rating"
    """Counted otherwise than the run's readings and lines say."""
    OMITTED_RATING = "omitted-rating"
    WRONG_RUN_ORDERS = "wrong-run-orders"
    WRONG_RUN_TRADES = "wrong-run-trades"


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach, and where."""

    breach: Breach
    sequence: int
    """Place in the journal, from 1; 0 when it concerns none."""
    interval: int | None = None
    """Delivery interval, UTC epoch seconds; None when it concerns none."""
    facts: Mapping[str, int | str] = field(default_factory=dict)
    """What is there and what should be, by name, with the unit in the name."""
