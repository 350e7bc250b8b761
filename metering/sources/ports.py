"""What the node asks of a source of register samples."""

from collections.abc import AsyncIterator
from typing import Protocol

from energy.results import Rejected
from metering.readings import TrustClass
from metering.registers import RegisterSample


class Source(Protocol):
    """One transport that delivers the samples of one meter or of several."""

    @property
    def trust(self) -> TrustClass:
        """How far what comes this way can be believed."""
        ...

    def samples(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield samples, and why others were none, as they come; a source that is away is waited for."""
        ...

    def close(self) -> None:
        """Let go of the transport; `samples` ends."""
        ...
