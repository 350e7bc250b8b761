"""Why the node itself refuses a command, before the core sees it: stable codes 6000 to 6999."""

from enum import IntEnum


class NodeReject(IntEnum):
    """Codes 6000 to 6999. A code is never reused or renumbered."""

    BAD_SIGNATURE = 6001
    """The signature is malformed or not the account's. Facts: account, signer, chain_id, verifying_contract."""
    WRONG_CHAIN = 6002
    """Signed for another chain. Facts: signed_chain_id, chain_id."""
    WRONG_CONTRACT = 6003
    """Signed for another contract. Facts: signed_contract, verifying_contract."""
    NO_CONNECTION = 6004
    """`cancelOnDisconnect` on a way that leaves no connection open: it is for WebSockets."""
    NO_SEAT = 6005
    """The account has no place in the market any more, by a vote or since its key was rotated, or its meter counts no
    longer. Facts: account, successor (nothing for none), interval, ends: the first second without a place."""
    RULE_NOT_TAKEN = 6006
    """A rule that is not signed by its account, not newer than the one there is, or not within the market's bounds.
    Facts: reason, in the reader's words."""
    BALLOT_NOT_COUNTED = 6007
    """A ballot that its contract does not count. Facts: reason, in the reader's words."""
    NOBODY_VOTES = 6008
    """The community was founded without a cooperative."""
