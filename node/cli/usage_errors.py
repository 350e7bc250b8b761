"""What is wrong with a command line, in the user's language: typer finds the mistake, but tells it in English only."""

import re
from typing import Final

from node.i18n import gettext as _
from node.i18n import mark

_SENTENCES: Final = (
    (r"No such option: (?P<option>\S+)(?: \(Possible options: (?P<near>.+)\))?", mark("There is no option {option}.")),
    (
        r"No such command '(?P<command>.+?)'\.(?: Did you mean (?P<near>.+)\?)?",
        mark("There is no command '{command}'."),
    ),
    (r"Missing argument '(?P<argument>.+?)'\..*", mark("{argument} is missing.")),
    (r"Missing option '(?P<option>.+?)'\..*", mark("{option} is missing.")),
    (r"Missing command\.", mark("The command is missing.")),
    (r"Option '(?P<option>.+?)' requires an argument\.", mark("{option} needs a value.")),
    (r"Option '(?P<option>.+?)' does not take a value\.", mark("{option} takes no value.")),
    (r"Got unexpected extra argument\(s\) \((?P<arguments>.+)\)", mark("Too many arguments: {arguments}.")),
    (r"Invalid value for '(?P<name>.+?)'.*", mark("The value of {name} is not understood.")),
)
"""What typer says, and what we say instead."""


def usage_sentence(typer_message: str) -> str:
    """Return a mistake on the command line as a sentence; what is not known stays in typer's English."""
    for pattern, message in _SENTENCES:
        found = re.fullmatch(pattern, typer_message, re.DOTALL)
        if found:
            said = _(message).format(**found.groupdict())
            near = found.groupdict().get("near")
            return said + " " + _("Did you mean {names}?").format(names=near) if near else said
    return typer_message
