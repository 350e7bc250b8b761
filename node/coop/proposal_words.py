"""The states of a proposal in words, for the page and the command line.

Source: `ProposalState` of OpenZeppelin's `IGovernor`, in whose sequence they stand.
"""

from typing import Final

from node.i18n import mark

STATE_WORDS: Final = {
    "pending": mark("not open yet"),
    "active": mark("open for votes"),
    "canceled": mark("withdrawn"),
    "defeated": mark("rejected"),
    "succeeded": mark("accepted"),
    "queued": mark("waits"),
    "expired": mark("expired"),
    "executed": mark("done"),
}
