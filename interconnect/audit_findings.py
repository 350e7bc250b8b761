"""What an audit of a border can find: one name for each way in which a side of a link can be dishonest.

Names are stable: reports, scripts and translations rest on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from energy.identity import Digest


class BorderBreach(StrEnum):
    """A rule of the links that what was shown to the auditor breaks."""

    # What was said.
    FORGED_WORD = "forged-word"
    """Not signed by whom the link's terms name."""
    FORGED_RUN = "forged-run"
    """Not signed by a quorum of the other side's attestors."""
    FORGED_EXPORT = "forged-export"
    """Not signed by a quorum of its origin's attestors."""
    WORD_GAP = "word-gap"
    """A lease, an award or a run does not follow the one before."""
    TWO_WORDS = "two-words"
    """The same number, or the same interval, was said with another content."""
    UNKNOWN_WORD = "unknown-word"
    """An award of no offer, or a decision on no award."""
    STALE_CAPACITY = "stale-capacity"
    """Offered under a lease that had been replaced, or more than it carries: a Wh of the wire promised twice."""
    AWARD_BEYOND_OFFER = "award-beyond-offer"
    WRONG_CURVE = "wrong-curve"
    """The curve is not the one that the offer names."""

    REFUSED_WORD = "refused-word"
    """The links' journal holds what the protocol refuses: the node never accepted it, or not as it stands there."""

    # What it came to.
    WRONG_LINK_RUN = "wrong-link-run"
    """The run is not what the awards and decisions before it give."""
    SOLD_TWICE = "sold-twice"
    """The zone cleared an interval otherwise than it had decided on the award: energy promised here and there."""
    ZONE_UNBALANCED = "zone-unbalanced"
    """What a zone gave its children and its own homes is not what crossed its border (M1)."""
    TRADED_OTHERWISE = "traded-otherwise"
    """The link's account traded in the book what no zone had agreed on."""
    WRONG_LINK_READING = "wrong-link-reading"
    """The reading that was settled for the link's account is not what the zones had agreed on."""

    # Certificates.
    EXPORTED_TWICE = "exported-twice"
    """Energy, or a number, was let go twice; both are held."""
    IMPORTED_TWICE = "imported-twice"

    # The own chain.
    RUN_OFF_CHAIN = "run-off-chain"
    """A run on the chain is not the one that the link's journal settled."""
    EXPORT_OFF_CHAIN = "export-off-chain"
    """What attestors signed is not what the contract let go."""
    IMPORT_OFF_CHAIN = "import-off-chain"
    """The contract holds a certificate that the links' journal never took in."""

    # Two sides.
    DIFFERENT_AWARD = "different-award"
    DIFFERENT_DECISION = "different-decision"
    DIFFERENT_RUN = "different-run"
    """Also a run that one side settled and the other never made."""
    NEVER_EXPORTED = "never-exported"
    """A certificate that one side took in never left the other, or not for it."""


@dataclass(frozen=True, slots=True)
class BorderFinding:
    """One breach, and where."""

    breach: BorderBreach
    other: Digest
    """Community at the other end."""
    interval: int | None = None
    """Delivery interval, UTC epoch seconds; None when it concerns none."""
    facts: Mapping[str, int | str] = field(default_factory=dict)
    """What is there and what should be, by name, with the unit in the name."""


def finding(breach: BorderBreach, other: Digest, interval: int | None = None, **facts: int | str) -> BorderFinding:
    """Return a finding with its facts by name."""
    return BorderFinding(breach, other, interval, facts)
