"""Why a side of a link does not take what the other side says: stable codes. No fact tells of a home."""

from enum import IntEnum
from typing import Final

Facts = dict[str, int | str]
"""What a refusal says beside its code."""


class LinkReject(IntEnum):
    """Codes 7000 to 7999. A code is never reused or renumbered."""

    WRONG_LINK = 7001
    """Another link or community is meant. Facts: named, expected."""
    BAD_SIGNATURE = 7002
    """Not signed by whom the link's terms name. Facts: signer, expected."""
    STALE_LEASE = 7003
    """Under a lease that a later one has replaced, or that never was. Facts: lease, latest."""
    BEYOND_LEASE = 7004
    """More than the link carries, or outside the lease's intervals. Facts: field, quantity_wh, limit_wh, interval."""
    TOO_LATE = 7005
    """The interval is cleared or its offers have expired. Facts: interval, expiry, now."""
    CURVE_MISMATCH = 7006
    """The curve is not the one that is signed, or not on the tick. Facts: interval, field."""
    GAP = 7007
    """Something before it is missing; it may come again later. Facts: number, expected."""
    AWARD_BEYOND_OFFER = 7008
    """More than was offered at that price, or for no offer of this side. Facts: interval, net_export_wh, limit_wh."""
    EQUIVOCATION = 7009
    """The same number was signed with another content: both together prove it. Facts: kind, number, first, second."""
    RUN_REPEATED = 7010
    """The run is settled already. Facts: number, last."""
    RUN_MISMATCH = 7011
    """The run is not what this side's own ledger gives. Facts: number, field."""
    RUN_EARLY = 7012
    """This side does not know all awards and decisions of the run yet; it may come again later. Facts: number."""
    EXPORT_REPEATED = 7013
    """The certificate has been taken in. Facts: origin, number."""
    EXPORT_OVERLAP = 7014
    """Part of the certificate's energy has been taken in. Facts: origin, number, interval, from_wh, to_wh."""
    UNKNOWN_ORIGIN = 7015
    """No attestors of that community are known here. Facts: origin."""
    UNKNOWN_AWARD = 7016
    """The decision is about no award of this side. Facts: number."""
    ISLANDED = 7017
    """Nothing goes out or comes in while this side is cut off. Facts: mode."""

    LINK_CLOSED = 7018
    """Its attestors have provably signed two runs under one number: nothing is exchanged any more. Facts: other."""


RETRIED: Final = (LinkReject.GAP, LinkReject.RUN_EARLY)
"""Refusals of what may be right later: the message stays in its stream and comes again."""
