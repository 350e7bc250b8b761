"""Files that commands write where a person asked for them."""

from pathlib import Path

from node.cli.failure import ExitCode, Failure
from node.i18n import gettext as _


def write_file(path: Path, text: str, advice: str, *, makes_folder: bool = False) -> None:
    """Write a text.

    Args:
        path: Where to.
        text: All of the file.
        advice: What to do when it can not be written, in the user's language.
        makes_folder: Whether to make the folders above it, or to refuse when they are not there.
    Raises:
        Failure: it can not be written.
    """
    try:
        if makes_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(
            ExitCode.FAILED, _("{path} can not be written: {reason}.").format(path=path, reason=error.strerror), advice
        ) from None
