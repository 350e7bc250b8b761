"""What to plan by: the index of the hours to come, and the plan of the community's storage. Shapes: `node.rpc.schemas`.

Units: Wh, µ€/kWh, g CO2e/kWh, UTC epoch seconds. Refuses: filters of another form (-32602).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from dispatch.goals import Goals
from node.planning.storage_plan import PlanOf, plan_json
from node.rpc import parameters
from node.rpc.parameters import BadParameter
from node.rpc.ports import JsonObject, NodeCommands
from node.views.price_signal import HOURS_MAX, WINDOW_S_DEFAULT, goals_json, read_signals, signal_json
from node.views.queries import Queries


class PlanningMethods:
    """The methods over one node's core, its projection, the plan in its folder and the goals in its settings."""

    def __init__(self, core: NodeCommands, queries: Queries, plan_of: PlanOf, goals: Goals) -> None:
        self._core = core
        self._queries = queries
        self._plan_of = plan_of
        self._goals = goals

    def table(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Return all methods by name."""
        return {"energy_getPriceSignal": self.get_price_signal, "energy_getStoragePlan": self.get_storage_plan}

    async def get_price_signal(self, filter: Any = None) -> JsonObject:
        """Return the index of the intervals to come, and the best window."""
        asked = parameters.filters(filter, parameters.SIGNAL_FILTERS)
        hours, window_s = asked.get("hours"), asked.get("window_s", WINDOW_S_DEFAULT)
        status = self._core.status()
        length_s = status["intervalLengthS"]
        if window_s % length_s:
            raise BadParameter("filter.windowS", f"must be a multiple of {length_s}, the length of an interval")
        found = await read_signals(self._core, self._queries, hours or HOURS_MAX)
        told = signal_json(found, length_s, window_s, status["timeZone"], hours, self._core.now())
        return told | {"goals": goals_json(self._goals)}

    async def get_storage_plan(self) -> JsonObject | None:
        """Return what the storage plans and why, or None when nobody plans one."""
        plan = self._plan_of(self._core.now())
        return None if plan is None else plan_json(plan, self._core.status()["timeZone"])
