"""Local settings of the links, as `node.toml` has them. Units: s."""

from dataclasses import dataclass
from typing import Final

SERVER: Final = "nats://127.0.0.1:4222"
SILENCE_S: Final = 60


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How a node speaks to its neighbours."""

    server: str = SERVER
    """URL of the community's own NATS server."""
    offer_lead_s: int | None = None
    """So long before delivery the residual goes out; None for what its place between its neighbours asks for."""
    close_lead_s: int | None = None
    """So long before delivery the zone clears."""
    silence_s: int = SILENCE_S
    """Unanswered for longer, the parent counts as cut off."""
    steady_s: int = 30
    """It counts as back when it has been heard for so long."""
    beat_s: float = 15.0
    """It is asked so often."""
