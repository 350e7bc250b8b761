"""`resilia dispute`: look through the opened leaves of a run, and take what is wrong with it to the chain.

Finding needs neither node nor network; opening a dispute needs a key with the chain's own money for the fee, and half
of the operator's bond goes to it.
"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energy.identity import hex_text
from node.cli.chain_sender import read_address, send, would_pass
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.files import write_file
from node.cli.help_pages import Command, Group
from node.cli.keystore import choose_key, key_folder, unlock
from node.cli.orders import AccountOption, KeyOption, PasswordOption
from node.cli.output import print_json, print_line, talk
from node.cli.parsing import account_of
from node.cli.session import Session, session_of
from node.i18n import gettext as _
from node.i18n import ngettext

if TYPE_CHECKING:
    from oracles.disputes import Dispute, OpenedRun

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="Find what is wrong with a settled run, and prove it on chain."
)

RunArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the run.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Opened run, from 'resilia dispute export'.")]
FolderOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder of a node; it may be running.")]


@app.command("export", cls=Command)
def export_run(
    context: typer.Context,
    run: RunArgument,
    folder: FolderOption = Path("."),
    account: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Only what this member may see; else all, for auditors.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, not to standard output.")
    ] = None,
) -> None:
    """Write a run of a node's folder with its leaves opened. Personal data: for whom it is about, and auditors."""
    from node.settlement.opened_runs import read_opened
    from oracles.opened_file import part_of, to_document

    opened = read_opened(folder, run)
    document = to_document(part_of(opened, account_of(account)) if account else opened)
    text = json.dumps(document)
    if output is None:
        print_line(text)
        return
    write_file(output, text + "\n", _("Choose another file with -o FILE."))
    talk(_("Written to {path}. Look through it with: resilia dispute check {path}").format(path=output))


@app.command("check", cls=Command)
def check_file(context: typer.Context, file: FileArgument) -> None:
    """Look through an opened run. Needs neither node nor network; exit code 3 if something is wrong with it."""
    from oracles.disputes import find_frauds

    run = _read(file)
    found = list(find_frauds(run))
    if session_of(context).as_json:
        print_json("dispute-check", {"runId": run.run_id, "ok": not found, "disputes": [_json(each) for each in found]})
    else:
        for each in found:
            print_line(f"FAIL {each.function}")
        if not found:
            print_line(_("ok   run {run}: nothing contradicts the rules in what is opened.").format(run=run.run_id))
    if found:
        raise Failure(
            ExitCode.NOT_VERIFIED,
            ngettext(
                "Run {run} is wrong in {count} place.", "Run {run} is wrong in {count} places.", len(found)
            ).format(run=run.run_id, count=len(found)),
            _("Prove it on chain while the run is open: resilia dispute open {path}").format(path=file),
        )


@app.command("open", cls=Command)
def open_dispute(
    context: typer.Context,
    file: FileArgument,
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Prove on chain what is wrong with an opened run: one transaction, which voids the run."""
    session = session_of(context)
    key = choose_key(key_folder(), key_file, account_of(account) if account else None)
    run = _read(file)
    proven = _prove(session, run, hex_text(key.account), lambda: unlock(key, password_file))
    if proven is None:
        raise Failure(
            ExitCode.FAILED,
            _("There is nothing in run {run} that the chain would believe now.").format(run=run.run_id),
            _("The file is honest, of another run, or too late: look with 'resilia dispute check FILE'."),
        )
    _told(session, run.run_id, *proven)


@app.command("watch", cls=Command)
def watch(
    context: typer.Context,
    folder: FolderOption = Path("."),
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
    every: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="Look so often; 60 if left out.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
) -> None:
    """Look through every run of a node's folder as it settles, and prove on chain what is wrong. Ends with Ctrl-C."""
    from node.settlement.opened_runs import read_opened, settled_runs

    session = session_of(context)
    key = choose_key(key_folder(), key_file, account_of(account) if account else None)
    private_key = unlock(key, password_file)
    seen: set[tuple[int, str]] = set()
    while True:
        for run_id, run_hash in settled_runs(folder):
            if (run_id, run_hash) in seen:
                continue
            seen.add((run_id, run_hash))
            proven = _prove(session, read_opened(folder, run_id), hex_text(key.account), lambda: private_key)
            if proven is not None:
                _told(session, run_id, *proven)
            elif not session.as_json:
                print_line(_("run {run}: nothing to dispute").format(run=run_id))
        if once:
            return
        time.sleep(every)


def _prove(session: Session, run: "OpenedRun", sender: str, private_key: Any) -> "tuple[Dispute, str] | None":
    """Send the first dispute that the chain would believe; return it with its transaction, or None."""
    from oracles.disputes import find_frauds

    node = session.node()
    contracts = node.call("energy_getStatus")["contracts"]
    disputes = read_address(node, contracts["registry"], "disputes")
    for found in find_frauds(run):
        if would_pass(node, sender, disputes, found.calldata):
            late = _("Look whether the run is still open: another dispute may have been faster.")
            return found, send(node, private_key(), disputes, found.calldata, late)
    return None


def _told(session: Session, run_id: int, dispute: "Dispute", transaction: str) -> None:
    if session.as_json:
        print_json("dispute", {"runId": run_id, **_json(dispute), "transaction": transaction})
    else:
        said = _("Run {run} is void: {function} is proven in transaction {hash}.")
        print_line(said.format(run=run_id, function=dispute.function, hash=transaction))


def _json(dispute: "Dispute") -> dict[str, object]:
    return {"function": dispute.function, "calldata": "0x" + dispute.calldata.hex()}


def _read(file: Path) -> "OpenedRun":
    from energy import strict_json
    from oracles.opened_file import from_document

    try:
        return from_document(strict_json.loads(file.read_bytes()))
    except OSError as error:
        reason = str(error.strerror)
    except ValueError as error:
        reason = str(error)
    raise usage_failure(
        _("{path} is no opened run: {reason}.").format(path=file, reason=reason),
        _("Write one with: resilia dispute export NUMBER --dir DIR -o FILE"),
    )
