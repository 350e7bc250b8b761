"""Finds every message that people can get to see, as the key under which it is translated."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_from_file
from typer.core import TyperGroup
from typer.main import get_command

from node.cli.help_pages import help_message
from node.cli.main import app

KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "mark": None, "ngettext": (1, 2)}


def source_messages(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield the messages marked in the sources and templates of a folder: one text, or singular and plural."""
    for method, pattern in (("python", "*.py"), ("jinja2", "*.html")):
        for path in sorted(folder.rglob(pattern)):
            options = {"trimmed": "true"} if method == "jinja2" else {}
            for found in extract_from_file(method, path, keywords=KEYWORDS, options=options):
                message = found[1]
                yield message if isinstance(message, tuple) else (message,)


def help_messages() -> Iterator[tuple[str, ...]]:
    """Yield the texts of all help pages."""
    yield from ((text,) for text in _help_texts(get_command(app)) if text)


def _help_texts(command: Any) -> Iterator[str]:
    yield help_message(command.help)
    for parameter in command.get_params(command.context_class(command)):
        yield help_message(parameter.help)
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            yield from _help_texts(each)
