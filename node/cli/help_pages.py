"""Help pages in the user's language. A command's docstring is its help text, and the key of its translation.

Replaces the pages of typer, whose headings and remarks are English and whose styling loads rich.
"""

import inspect
from typing import TYPE_CHECKING

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from node.cli.session import GLOBAL_OPTIONS
from node.i18n import gettext as _

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
    from typer._click.core import Command as AnyCommand


class Command(TyperCommand):
    """A command with a translated help page."""

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the page."""
        _write_page(self, ctx, formatter)


class Group(TyperGroup):
    """A group of commands with a translated help page, which it shows when it is called without a command."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Parse the group's own arguments."""
        return super().parse_args(ctx, args or ["--help"])

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the page."""
        _write_page(self, ctx, formatter)


def help_message(text: str | None) -> str:
    """Return a docstring as one line: the key under which it is translated."""
    return " ".join(inspect.cleandoc(text or "").split())


def _write_page(command: "AnyCommand", context: "Context", formatter: "HelpFormatter") -> None:
    parameters = command.get_params(context)
    arguments = [each for each in parameters if isinstance(each, TyperArgument)]
    options = [each for each in parameters if isinstance(each, TyperOption) and not each.hidden]
    commands = list(command.commands.items()) if isinstance(command, TyperGroup) else []

    usage = [_("[OPTIONS]"), *(_usage(argument) for argument in arguments), *([_("COMMAND …")] if commands else [])]
    formatter.write_usage(context.command_path, " ".join(usage), prefix=_("Usage: "))
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(_(help_message(command.help)))
    _write_list(formatter, _("Arguments:"), [(_name(each), _(help_message(each.help))) for each in arguments])
    _write_list(formatter, _("Commands:"), [(name, _first_sentence(each.help)) for name, each in commands])
    _write_list(formatter, _("Options:"), [(_flags(each), _(help_message(each.help))) for each in options])
    _write_list(formatter, _("With every command:"), [(flags, _(text)) for flags, text in GLOBAL_OPTIONS])


def _write_list(formatter: "HelpFormatter", heading: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(heading.removesuffix(":")):
            formatter.write_dl(rows)


def _first_sentence(text: str | None) -> str:
    return _(help_message(text)).partition(". ")[0].removesuffix(".")


def _name(argument: TyperArgument) -> str:
    return argument.metavar or argument.name.upper()


def _usage(argument: TyperArgument) -> str:
    name = _name(argument) + ("…" if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _flags(option: TyperOption) -> str:
    flags = ", ".join(sorted(option.opts, key=len))
    return flags if option.is_flag else f"{flags} {option.metavar or option.name.upper()}"
