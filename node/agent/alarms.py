"""What is wrong at a home now, since when, and with which facts: for the log, the status and the metrics."""

import logging
from collections.abc import Mapping
from typing import Any

from dispatch.trust import Alarm

logger = logging.getLogger(__name__)


class Alarms:
    """All alarms of one agent."""

    def __init__(self) -> None:
        self._active: dict[tuple[Alarm, str], dict[str, Any]] = {}

    def set(
        self, alarm: Alarm, subject: str, now: int, *, active: bool, facts: Mapping[str, Any] | None = None
    ) -> None:
        """Raise or clear an alarm about a device, a meter or the like; each change is logged once."""
        key = (alarm, subject)
        if active and key not in self._active:
            logger.warning("%s: %s %s", alarm, subject, dict(facts or {}))
            self._active[key] = {"alarm": str(alarm), "subject": subject, "since": now, "facts": dict(facts or {})}
        elif not active and self._active.pop(key, None) is not None:
            logger.warning("%s: %s is over", alarm, subject)

    def document(self) -> list[dict[str, Any]]:
        """Return the active alarms, oldest first."""
        return list(self._active.values())

    def counts(self) -> dict[str, int]:
        """Return how many are active, of every kind there is."""
        return {str(kind): sum(kind is alarm for alarm, _ in self._active) for kind in Alarm}
