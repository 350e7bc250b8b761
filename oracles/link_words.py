"""What a community's attestors sign for other communities: a word about a number that is given once.

The structs themselves are in `interconnect.records`; here is what a guard has to know of them. The EIP-712 domain has a
name and a version only, for such a word holds on both sides' chains.
"""

from dataclasses import dataclass
from typing import Final

from energy.identity import Digest
from oracles.hashing import keccak

SEPARATOR: Final = keccak(keccak(b"EIP712Domain(string name,string version)") + keccak(b"RESILIA-LINK") + keccak(b"1"))
RUN: Final = 5
"""Kind of a word about a run of a link; its subject is the link."""
EXPORT: Final = 6
"""Kind of a word about a certificate that leaves; its subject is the community."""


@dataclass(frozen=True, slots=True)
class LinkWord:
    """One of them."""

    kind: int
    """`RUN` or `EXPORT`."""
    subject: Digest
    number: int
    """Of two contents under one subject and number, one is a lie."""
    struct_hash: Digest


def link_digest(word: LinkWord) -> Digest:
    """Return what a key signs for a word."""
    return keccak(b"\x19\x01" + SEPARATOR + word.struct_hash)
