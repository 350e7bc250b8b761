"""How a command ends when it does not succeed: an exit code that scripts can rely on, a sentence, what to do next."""

from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Exit codes of `resilia`. A code is never reused or renumbered."""

    OK = 0
    FAILED = 1
    """The node refused, or a check found something to mend."""
    USAGE = 2
    """The command line is wrong."""
    NOT_VERIFIED = 3
    """A proof does not hold."""
    UNREACHABLE = 4
    """No node answers."""
    CORRUPT = 70
    """An invariant is broken; nothing was repaired silently."""
    MISCONFIGURED = 78
    """The set-up is wrong and a person must mend it."""
    INTERRUPTED = 130
    """Ctrl-C."""


class Failure(Exception):
    """Ends a command. Message and advice are in the user's language already."""

    def __init__(
        self,
        exit_code: ExitCode,
        message: str,
        advice: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.advice = advice
        """What to do next, one sentence."""
        self.detail = detail or {}
        """What a script may want to know besides, such as the node's own error code."""


def usage_failure(message: str, advice: str) -> Failure:
    """Return the failure of a command line that is wrong."""
    return Failure(ExitCode.USAGE, message, advice)
