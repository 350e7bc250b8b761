"""What each breach that an audit of a border can find means, in words for people."""

from collections.abc import Mapping
from typing import Final

from interconnect.audit_findings import BorderBreach
from node.i18n import mark

BORDER_SENTENCES: Final[Mapping[BorderBreach, str]] = {
    BorderBreach.FORGED_WORD: mark("It is not signed by whom the link's terms name."),
    BorderBreach.FORGED_RUN: mark("The link's run is not signed by a quorum of the other side's attestors."),
    BorderBreach.FORGED_EXPORT: mark("The certificate is not signed by a quorum of its origin's attestors."),
    BorderBreach.WORD_GAP: mark("It does not follow the one before: something was dropped, added or moved."),
    BorderBreach.TWO_WORDS: mark("Under one number, or for one interval, two different things were said."),
    BorderBreach.UNKNOWN_WORD: mark("An award of no offer, or a decision on no award."),
    BorderBreach.STALE_CAPACITY: mark(
        "It was offered under a lease that had been replaced, or beyond what it carries."
    ),
    BorderBreach.AWARD_BEYOND_OFFER: mark("More was awarded than had been offered at that price."),
    BorderBreach.WRONG_CURVE: mark("The curve is not the one that the offer names."),
    BorderBreach.REFUSED_WORD: mark("The links' journal holds what the protocol refuses."),
    BorderBreach.WRONG_LINK_RUN: mark("The link's run is not what its awards and decisions give."),
    BorderBreach.SOLD_TWICE: mark(
        "The zone took another energy than it had decided on: it is sold twice, or not at all."
    ),
    BorderBreach.ZONE_UNBALANCED: mark("What the zone gave its children and homes is not what crossed its border."),
    BorderBreach.TRADED_OTHERWISE: mark("The link's account traded in the book what no zone had agreed on."),
    BorderBreach.WRONG_LINK_READING: mark("The reading of the link's account is not what the zones had agreed on."),
    BorderBreach.EXPORTED_TWICE: mark("Energy or a number left twice, and both certificates are held."),
    BorderBreach.IMPORTED_TWICE: mark("The certificate was taken in twice."),
    BorderBreach.RUN_OFF_CHAIN: mark("The run on the chain is not the one that the links' journal settled."),
    BorderBreach.EXPORT_OFF_CHAIN: mark("What the attestors signed is not what the contract let go."),
    BorderBreach.IMPORT_OFF_CHAIN: mark("The contract holds a certificate that the links' journal never took in."),
    BorderBreach.DIFFERENT_AWARD: mark("The two sides have different awards under one number."),
    BorderBreach.DIFFERENT_DECISION: mark("The two sides have different decisions on one award."),
    BorderBreach.DIFFERENT_RUN: mark("One side settled a run that the other never made."),
    BorderBreach.NEVER_EXPORTED: mark("A certificate was taken in that never left the other side for this one."),
}
