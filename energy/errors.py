"""Exceptions of the whole node. Refusals are no exceptions: see `energy.results`."""


class EnergyNodeError(Exception):
    """Root of everything that this project raises on purpose."""


class Unavailable(EnergyNodeError):
    """Something outside is away for now; the same call may succeed later."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Misconfigured(EnergyNodeError):
    """The set-up is wrong and a person must mend it; the process exits with 78."""


class Corrupt(EnergyNodeError):
    """An invariant is broken: stop, exit with 70, repair nothing silently."""
