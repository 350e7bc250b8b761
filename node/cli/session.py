"""What holds for one run of `resilia`, wherever it stands on the command line: ``--json``, ``--rpc``, ``--lang``.

These three are taken out of the arguments before the command is looked up, so that ``resilia --json order list`` and
``resilia order list --json`` say the same, and so that every message, help and mistakes included, is in the language
that was asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import typer

from node.cli.failure import usage_failure
from node.cli.node_client import NodeClient
from node.i18n import LANGUAGES, language_of_environment, mark, use_language
from node.i18n import gettext as _

RPC_URL_DEFAULT: Final = "http://127.0.0.1:8545"

GLOBAL_OPTIONS: Final = (
    ("--json", mark("Print data as one JSON object, for programs.")),
    ("--rpc URL", mark("Ask this node; else $RESILIA_RPC, else http://127.0.0.1:8545.")),
    ("--lang en|fr", mark("Speak English or French; else what LC_ALL, LC_MESSAGES or LANG say.")),
)


@dataclass(frozen=True, slots=True)
class Session:
    """The choices that every command shares."""

    as_json: bool
    """Print JSON instead of text."""
    rpc_url: str

    def node(self) -> NodeClient:
        """Return the connection to the chosen node; nothing is sent yet."""
        return NodeClient(self.rpc_url)


def session_of(context: typer.Context) -> Session:
    """Return the session in which a command runs."""
    session = context.find_root().obj
    assert isinstance(session, Session)
    return session


def open_session(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[Session, list[str]]:
    """Take the shared options out of the arguments, set the language, and return the session and the other arguments.

    What follows a ``--`` is left alone.

    Raises:
        Failure: an option lacks its value, or the language is none of ours.
    """
    use_language(language_of_environment(environment))
    values = {"--rpc": environment.get("RESILIA_RPC") or RPC_URL_DEFAULT, "--lang": ""}
    as_json = False
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *waiting]
        elif argument == "--json":
            as_json = True
        elif name in values:
            values[name] = value if equals else _value_after(name, next(waiting, None))
        else:
            rest.append(argument)
    if values["--lang"]:
        _choose_language(values["--lang"])
    return Session(as_json, values["--rpc"]), rest


def _value_after(name: str, value: str | None) -> str:
    if value is None:
        raise usage_failure(
            _("{option} needs a value.").format(option=name), _("Write {option} VALUE.").format(option=name)
        )
    return value


def _choose_language(name: str) -> None:
    if name not in LANGUAGES:
        raise usage_failure(
            _("{language} is not a language of this program.").format(language=name),
            _("Choose one of: {languages}.").format(languages=", ".join(LANGUAGES)),
        )
    use_language(name)
