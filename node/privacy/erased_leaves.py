"""The leaves of erased records, put back among those that are still there: so that a tree keeps its root."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from sqlmodel import Session, col, select

from energy.identity import Digest, digest_from_hex
from node.storage.models import ErasedLeaf

READINGS: Final = "readings"
ENTRIES: Final = "entries"
ERASED_KIND: Final = "erased"
"""The kind of a statement line that stands for all erased ones of a run: their sum."""

Item = TypeVar("Item")
Other = TypeVar("Other")


def erased_leaves(session: Session, tree: str, scopes: Iterable[int]) -> dict[int, dict[int, Digest]]:
    """Return the leaves of erased records by scope and place; a scope without any has an empty mapping."""
    found: dict[int, dict[int, Digest]] = {scope: {} for scope in scopes}
    where = (col(ErasedLeaf.tree) == tree, col(ErasedLeaf.scope).in_(list(found)))
    for row in session.exec(select(ErasedLeaf).where(*where)):
        found[row.scope][row.position] = digest_from_hex(row.leaf)
    return found


def among(items: Sequence[Item], erased: Mapping[int, Other]) -> list[Item | Other]:
    """Return what is there and what was erased, each at its place among all."""
    there = iter(items)
    total = len(items) + len(erased)
    return [erased[place] if place in erased else next(there) for place in range(total)]
