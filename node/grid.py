"""Whether the grid is there: what the operator, or an inverter's signal through the operator's command, has said last.

Kept in ``grid.json`` of the node's folder: a restart in the dark is still in the dark. Units: UTC epoch seconds.
"""

import json
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from node.storage.durable import write_whole

FILE: Final = "grid.json"


class Grid:
    """The grid at the community's point of connection."""

    def __init__(self, folder: Path) -> None:
        """Read what was said last.

        Raises:
            Misconfigured: the file is damaged.
        """
        self._path = folder / FILE
        self.lost_at: int | None = None
        """Since when it is lost; None while it is there."""
        if self._path.exists():
            try:
                self.lost_at = json.loads(self._path.read_text())["lostAt"]
            except (KeyError, TypeError, ValueError) as error:
                raise Misconfigured(f"{self._path} does not say whether the grid is there: {error}") from None

    @property
    def is_there(self) -> bool:
        """Whether the supplier can take and give energy."""
        return self.lost_at is None

    def say(self, lost: bool, now: int) -> None:
        """Note that the grid was lost or is back; on disk when this returns, and without effect when it was known."""
        if lost is not self.is_there:
            return
        write_whole(self._path, json.dumps({"lostAt": now if lost else None}) + "\n")
        self.lost_at = now if lost else None
