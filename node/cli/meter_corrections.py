"""`resilia meter correct` and `clear`: what a person has to say about a reading, with name and reason.

Both write a line into the node's folder; the node takes it at its next step, has its oracles sign it, and settles the
difference with the next run. Nothing that was settled is changed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.output import print_json, talk
from node.cli.session import session_of
from node.i18n import gettext as _

if TYPE_CHECKING:
    from node.readings.corrections_file import PersonsWord

FolderOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that 'resilia init' made.")]
LabelOption = Annotated[str, typer.Option(metavar="LABEL", help="The member whose meter it is.")]
AuthorOption = Annotated[str, typer.Option(metavar="NAME", help="Who says so; kept with the correction.")]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the correction.")]
EnergyOption = Annotated[str, typer.Option(metavar="ENERGY", help="Like 500Wh or 0.5kWh; 0Wh for nothing.")]


def correct(
    context: typer.Context,
    label: LabelOption,
    interval: Annotated[str, typer.Option(metavar="TIME", help="Start of the interval, on the community's clocks.")],
    imported: EnergyOption,
    exported: EnergyOption,
    author: AuthorOption,
    reason: ReasonOption,
    folder: FolderOption = Path("."),
) -> None:
    """Give an interval that was measured wrongly, or estimated, other energies. They settle, and certify nothing."""
    from node.cli.parsing import parse_instant
    from node.coop.admitted import load_community
    from node.readings.corrections_file import CORRECT, PersonsWord

    community = load_community(folder / "community.json")
    start = parse_instant(interval, community.time_zone)
    if start % community.market.interval_length_s:
        raise usage_failure(
            _("{text} is not the start of an interval.").format(text=repr(interval)),
            _("Intervals start at each quarter-hour."),
        )
    _append(
        context,
        folder,
        PersonsWord(0, CORRECT, label, author, reason, start, _energy(imported), _energy(exported)),
        {member.label for member in community.members},
    )


def clear(
    context: typer.Context,
    label: LabelOption,
    author: AuthorOption,
    reason: ReasonOption,
    folder: FolderOption = Path("."),
) -> None:
    """Say that you have looked at a meter that had been opened: what it shows from now on counts again."""
    from node.coop.admitted import load_community
    from node.readings.corrections_file import CLEAR, PersonsWord

    community = load_community(folder / "community.json")
    labels = {member.label for member in community.members}
    _append(context, folder, PersonsWord(0, CLEAR, label, author, reason), labels)


def _energy(text: str) -> int:
    from node.cli.parsing import parse_energy

    return 0 if text.replace(" ", "").lower() in ("0", "0wh", "0kwh") else parse_energy(text)


def _append(context: typer.Context, folder: Path, word: "PersonsWord", labels: set[str]) -> None:
    from node.readings.corrections_file import CORRECT, CORRECTIONS_FILE, append_word

    if word.label not in labels:
        raise usage_failure(
            _("There is no member called {label}.").format(label=repr(word.label)),
            _("The members are: {labels}.").format(labels=", ".join(sorted(labels))),
        )
    try:
        append_word(folder / CORRECTIONS_FILE, word)
    except ValueError as error:
        raise usage_failure(
            _("The field {field} can not be taken.").format(field=error),
            _("It must be a short text on one line, and not empty."),
        ) from None
    except OSError as error:
        raise Failure(
            ExitCode.FAILED,
            _("{file} was not changed: {reason}").format(file=folder / CORRECTIONS_FILE, reason=error),
            _("Run this as the user that the node runs as."),
        ) from None
    if session_of(context).as_json:
        measured = {"interval": word.interval, "importWh": word.import_wh, "exportWh": word.export_wh}
        told = {"action": word.action, "label": word.label, **(measured if word.action == CORRECT else {})}
        print_json("meter-correction", told)
    talk(_("Written down. The node takes it at its next step, and settles the difference with the next run."))
