"""The methods by which a standby follows a node's logs, and tells that it has taken over (`node.standby.replication`).

Refuses: parameters of another form, and words that the sealing key did not give (-32602).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from energy.identity import hex_text
from node.rpc import parameters
from node.rpc.parameters import BadParameter
from node.rpc.ports import JsonObject, NodeCommands
from node.standby.words import LOG_FILES, BadWord, Position

COUNT_MAX: Final = 2**53 - 1
_NAME: Final = parameters.text(66)
_LOG: Final = parameters.name(*LOG_FILES)
_COUNT: Final = parameters.integer(0, COUNT_MAX)


class StandbyMethods:
    """The methods over one node's core."""

    def __init__(self, core: NodeCommands) -> None:
        self._core = core

    def table(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Return all methods by name."""
        return {"energy_getLogRecords": self.get_log_records, "energy_standbyTookOver": self.standby_took_over}

    async def get_log_records(self, standby: Any, challenge: Any, positions: Any, word: Any) -> JsonObject:
        """Hear how far a standby's logs are, and answer with what comes next."""
        known = _positions(positions)
        try:
            found = await self._core.log_records(
                _NAME("standby", standby),
                parameters.digest("challenge", challenge),
                known,
                parameters.signature("word", word),
            )
        except BadWord as error:
            raise BadParameter("word", str(error)) from error
        return {
            "challenge": hex_text(found.challenge),
            "awaited": found.awaited,
            "logs": [
                {"log": name, "count": count, "records": [hex_text(each) for each in found.records.get(name, ())]}
                for name, count in found.counts.items()
            ],
        }

    async def standby_took_over(self, standby: Any, word: Any) -> bool:
        """Hear that a standby has taken over; answer whether it was this node's."""
        try:
            return self._core.hear_taken_over(_NAME("standby", standby), parameters.signature("word", word))
        except BadWord as error:
            raise BadParameter("word", str(error)) from error


def _positions(value: Any) -> dict[str, Position]:
    if not isinstance(value, list) or len(value) > len(LOG_FILES):
        raise BadParameter("positions", f"must be a list of at most {len(LOG_FILES)} logs")
    found: dict[str, Position] = {}
    for place, item in enumerate(value):
        field = f"positions[{place}]"
        if not isinstance(item, dict) or set(item) != {"log", "count", "hash"}:
            raise BadParameter(field, "must be an object with log, count and hash")
        position = Position(_COUNT(f"{field}.count", item["count"]), parameters.digest(f"{field}.hash", item["hash"]))
        found[_LOG(f"{field}.log", item["log"])] = position
    return found
