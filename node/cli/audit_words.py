"""What each breach that an audit of the market can find means, in words for people."""

from collections.abc import Mapping
from typing import Final

from market.audit_findings import Breach
from node.i18n import mark

SENTENCES: Final[Mapping[Breach, str]] = {
    Breach.UNREADABLE_RECORD: mark("The record can not be read."),
    Breach.OUT_OF_SEQUENCE: mark("The record's own number is not its place: one was dropped, added or moved."),
    Breach.STRANGER: mark("The account was never admitted."),
    Breach.INTERVAL_NOT_OPEN: mark("No book was open for this interval."),
    Breach.AFTER_GATE: mark("It was accepted after the gate had closed."),
    Breach.EXPIRED: mark("The order was accepted after its own last second."),
    Breach.OUT_OF_BOUNDS: mark("The order was accepted with a value that the market does not allow."),
    Breach.REPEATED_NONCE: mark("The account had used this nonce before."),
    Breach.REPEATED_ORDER: mark("The same order was accepted twice."),
    Breach.WITHOUT_COLLATERAL: mark("The order was accepted without enough collateral."),
    Breach.NOT_FILLABLE: mark("A fill-or-kill order was accepted that could not be filled whole."),
    Breach.BOOK_FULL: mark("The order was accepted into a full book."),
    Breach.NOTHING_TO_CANCEL: mark("An order was cancelled that did not rest in a book."),
    Breach.CANCELLED_BY_STRANGER: mark("An order was cancelled by somebody else than its owner."),
    Breach.WRONG_OPENING: mark("The book was opened twice, too late, or for no delivery interval."),
    Breach.GATE_CLOSED_EARLY: mark("The gate was closed before its time."),
    Breach.WRONG_RELEASE: mark("Collateral was released for an interval whose gate had not closed."),
    Breach.WRONG_ADMISSION: mark("More accounts were admitted than the market may have."),
    Breach.FORGED_ORDER: mark("The order's fields are not those that its member signed."),
    Breach.FORGED_SIGNATURE: mark("The signature is not the account's."),
    Breach.UNKNOWN_ORDER: mark("A trade names an order that is not in the journal."),
    Breach.MISMATCHED_ORDERS: mark("A trade does not join a buy and a sell order of its interval."),
    Breach.WRONG_PARTY: mark("A trade names other accounts than its orders do."),
    Breach.SELF_TRADE: mark("An account traded with itself."),
    Breach.WORSE_THAN_LIMIT: mark("A trade is worse than the limit of one of its orders."),
    Breach.NOT_AT_RESTING_PRICE: mark("A trade is not at the price of the order that was there first."),
    Breach.BEYOND_QUANTITY: mark("An order was filled beyond its quantity, or by nothing."),
    Breach.MATCHED_AFTER_GATE: mark("Orders were matched after the gate had closed."),
    Breach.MATCHED_AFTER_EXPIRY: mark("An order was matched after its own last second."),
    Breach.WRONG_AMOUNT: mark("The amount of a trade is not its energy times its price."),
    Breach.REPEATED_TRADE: mark("Two trades of an interval have the same number."),
    Breach.PRIORITY_BROKEN: mark("A better or an earlier order was passed over."),
    Breach.MISSING_TRADE: mark("A trade that the journal gives was not published."),
    Breach.INVENTED_TRADE: mark("A trade was published that the journal does not give."),
    Breach.DIFFERENT_TRADE: mark("A trade was published otherwise than the journal gives it."),
    Breach.WRONG_RECEIPT: mark("The receipt is not signed by the node: it proves nothing."),
    Breach.RECEIPT_BEYOND_JOURNAL: mark("The node signed a receipt for a record behind the journal's end."),
    Breach.RECEIPT_OFF_CHAIN: mark("The node signed a receipt for another journal: something before was changed."),
    Breach.ORDER_DROPPED: mark("The node signed a receipt for an order that is not at its place in the journal."),
    Breach.WRONG_OUTCOME: mark("The node signed another outcome than the journal gives."),
    Breach.WRONG_TIME: mark("The node signed another time than the journal gives."),
    Breach.TWO_JOURNALS: mark("The node showed two journals that differ at this record."),
    Breach.WRONG_RUN_ORDERS: mark("The settled run holds other orders than the journal."),
    Breach.WRONG_RUN_TRADES: mark("The settled run holds other trades than the journal gives."),
}
