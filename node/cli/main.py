"""The program `resilia`: noun, then verb. Data on standard output, talk on standard error, exit codes in `ExitCode`.

Nothing heavy is imported here or by the command modules; what a command needs, it imports when it runs, so that help
and completion answer at once.
"""

import os
import sys
from collections.abc import Sequence

import typer

from energy.errors import Corrupt, Misconfigured, Unavailable
from node.cli import (
    audit,
    backups,
    certificates,
    chain,
    configuration,
    cooperative,
    dispatching,
    disputes,
    keys,
    lifecycle,
    linking,
    market_views,
    members,
    meter,
    oracle,
    orders,
    own_view,
    privacy,
    service,
    signal_view,
    status,
)
from node.cli.doctor import run_doctor
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, talk
from node.cli.session import Session, open_session
from node.cli.usage_errors import usage_sentence
from node.i18n import gettext as _

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Your neighbourhood's energy market, on your own machine.",
)
app.command("demo", cls=Command)(lifecycle.demo)
app.command("init", cls=Command)(lifecycle.init)
app.command("node", cls=Command)(lifecycle.node)
app.command("status", cls=Command)(status.show_status)
app.command("doctor", cls=Command)(run_doctor)
app.add_typer(orders.app, name="order")
app.command("book", cls=Command)(market_views.show_book)
app.command("trades", cls=Command)(market_views.show_trades)
app.command("account", cls=Command)(own_view.show_account)
app.add_typer(signal_view.app, name="market")
app.add_typer(certificates.app, name="cert")
app.add_typer(market_views.runs, name="run")
app.add_typer(audit.app, name="audit")
app.add_typer(audit.journal, name="journal")
app.add_typer(disputes.app, name="dispute")
app.add_typer(cooperative.app, name="coop")
app.add_typer(members.app, name="member")
app.add_typer(meter.app, name="meter")
app.add_typer(dispatching.app, name="dispatch")
app.add_typer(oracle.app, name="oracle")
app.add_typer(linking.app, name="link")
app.add_typer(linking.grid, name="grid")
app.add_typer(privacy.app, name="privacy")
app.add_typer(chain.app, name="chain")
app.add_typer(backups.app, name="backup")
app.add_typer(keys.app, name="key")
app.add_typer(configuration.app, name="config")
app.add_typer(service.app, name="service")
app.command("dashboard", cls=Command)(configuration.dashboard)
app.command("version", cls=Command)(status.show_version)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: Without the program's name; those of the process when None.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        session, rest = open_session(given, os.environ)
        return _run(rest, session)
    except Failure as failure:
        return _report(failure, as_json="--json" in given)


def _run(arguments: list[str], session: Session) -> int:
    try:
        # Returns the code of a typer.Exit, 130 after Ctrl-C, and else what the command returned: nothing, or a code.
        return int(
            typer.main.get_command(app).main(arguments, prog_name="resilia", standalone_mode=False, obj=session) or 0
        )
    except typer.TyperException as mistake:
        advice = _("'resilia --help' lists the commands; --help after a command explains it.")
        raise usage_failure(usage_sentence(mistake.format_message()), advice) from None
    except Misconfigured as error:
        raise Failure(
            ExitCode.MISCONFIGURED, str(error), _("Mend the set-up; 'resilia doctor' may tell more.")
        ) from error
    except Corrupt as error:
        advice = _("Nothing was repaired. Keep the node's folder as it is, and restore a backup beside it.")
        raise Failure(ExitCode.CORRUPT, str(error), advice) from error
    except Unavailable as error:
        raise Failure(ExitCode.FAILED, str(error), _("Try again in a few seconds.")) from error


def _report(failure: Failure, *, as_json: bool) -> int:
    talk(f"resilia: {failure.message}")
    if failure.advice:
        talk(f"  {failure.advice}")
    if as_json:
        error = {"exitCode": int(failure.exit_code), "message": failure.message, "advice": failure.advice}
        print_json("error", {**error, "detail": failure.detail})
    return int(failure.exit_code)


if __name__ == "__main__":
    sys.exit(main())
