"""Pictures of the measurements."""

from collections.abc import Sequence
from pathlib import Path

from dispatch.picture import Line, Panel, picture

__all__ = ["Line", "write_picture"]


def write_picture(path: Path, title: str, lines: Sequence[Line]) -> None:
    """Write lines as an SVG file."""
    path.write_text(picture([Panel(title, lines)]), encoding="utf-8")
