"""The methods about the border to other communities: cuts, and certificates that left or came.

Refuses: documents of another form (-32602), certificates that nobody vouches for or that are here already (-39001).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from energy.results import Rejected
from node.rpc import parameters
from node.rpc.parameters import BadParameter
from node.rpc.ports import JsonObject, NodeCommands

CROSSINGS_MAX: Final = 1_000
_COUNT: Final = parameters.integer(1, CROSSINGS_MAX)


class BorderMethods:
    """The methods over one node's core."""

    def __init__(self, core: NodeCommands, refused: Callable[[Rejected], Exception]) -> None:
        """Take the core, and what makes a refusal an error."""
        self._core = core
        self._refused = refused

    def table(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Return all methods by name."""
        return {
            "energy_getLinkReports": self.get_link_reports,
            "energy_getCrossings": self.get_crossings,
            "energy_getExport": self.get_export,
            "energy_importCertificate": self.import_certificate,
        }

    async def get_link_reports(self) -> list[JsonObject]:
        """Return what happened in every cut."""
        return self._core.border.reports()

    async def get_crossings(self, limit: Any = CROSSINGS_MAX) -> list[JsonObject]:
        """Return the latest certificates that left or came."""
        return await self._core.border.crossings(_COUNT("limit", limit))

    async def get_export(self, number: Any) -> JsonObject | None:
        """Return the signed document of an export."""
        return await self._core.border.signed_export(parameters.natural("number", number))

    async def import_certificate(self, document: Any) -> JsonObject:
        """Take in a certificate of another community by its document."""
        try:
            answer = await self._core.border.take_in(document)
        except ValueError as error:
            raise BadParameter("document", str(error)) from error
        if isinstance(answer, Rejected):
            raise self._refused(answer)
        return answer
