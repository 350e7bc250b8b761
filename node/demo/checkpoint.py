"""Where the demo stands, on disk before it goes on: after a crash it goes on from there, to the same bytes.

The residents' next commands are part of it: they are sent again after a crash, and those that the node already has are
refused as duplicates, which changes nothing.
"""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from energy.errors import Misconfigured
from market.mechanism import Mechanism
from node.storage.durable import write_whole

CHECKPOINT_FILE: Final = "demo.json"
SCHEMA: Final = "resilia/demo-checkpoint/1"


@dataclass(slots=True)
class Checkpoint:
    """One moment of the demo's day."""

    seed: int
    day: str
    homes: int
    mechanism: str = Mechanism.CONTINUOUS
    step: int = 0
    """Quarter-hour of the demo, from 0."""
    round: int = 0
    """Round of quoting within the step that comes next; 0 before the meters were read."""
    lives_on: bool = False
    """Whether the day is over and the street trades on after it."""
    now: int = 0
    """Simulated time, UTC epoch seconds."""
    residents: dict[str, Any] = field(default_factory=dict)
    """State of each resident, by label."""
    commands: list[dict[str, Any]] = field(default_factory=list)
    """What the residents send in this round."""

    @property
    def options(self) -> str:
        """The options that gave this demo; only they resume it."""
        return f"--day {self.day} --homes {self.homes} --seed {self.seed} --mechanism {self.mechanism}"

    def save(self, folder: Path) -> None:
        """Put it on disk, whole or not at all."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        write_whole(folder / CHECKPOINT_FILE, json.dumps({"schema": SCHEMA, **content}))

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint | None":
        """Return where a folder's demo stands, or None when there is none.

        Raises:
            Misconfigured: the file is of another version, or none of ours.
        """
        try:
            raw = json.loads((folder / CHECKPOINT_FILE).read_text())
            if raw.pop("schema") != SCHEMA:
                raise ValueError(f"not of the schema {SCHEMA}")
            return cls(**raw)
        except FileNotFoundError:
            return None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Misconfigured(f"{folder / CHECKPOINT_FILE} does not say where a demo stands: {error!r}") from error
