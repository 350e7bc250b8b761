"""Certificates that crossed the border in words, for the page and the command line; see `node.interconnect.border`."""

from typing import Final

from node.i18n import mark

WAY_WORDS: Final = {"export": mark("to"), "import": mark("from")}
CROSSING_WORDS: Final = {
    "left": mark("left for good"),
    "taken-in": mark("taken in, not on the chain yet"),
    "held": mark("held"),
    "claimed": mark("claimed"),
    "given-up": mark("given up: sold twice"),
}
