"""Who asks."""

from dataclasses import dataclass
from typing import Final

from node.rpc.fleeting import Connection


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    local: bool
    """True for a connection from this machine that no proxy passed on."""
    connection: Connection | None = None
    """What the call came by, when that stays open: a WebSocket."""


BY_HTTP: Final = Caller(local=False)
"""Somebody whose connection ends with the answer."""
