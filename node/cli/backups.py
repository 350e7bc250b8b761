"""`resilia backup create|verify|restore`: the node's folder in one file, also while the node runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, talk
from node.cli.session import session_of
from node.i18n import gettext as _
from node.i18n import number

if TYPE_CHECKING:
    from node.backup.archive import Contents

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Keep copies of the node's folder.")

FolderOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder of the community.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@app.command("create", cls=Command)
def create(
    context: typer.Context,
    file: FileArgument,
    folder: FolderOption = Path("."),
    with_keys: Annotated[bool, typer.Option("--with-keys", help="Put the private keys into it as well.")] = False,
) -> None:
    """Write a backup of a node's folder, as it is at one moment; the node may be running."""
    from node.backup.archive import create_backup
    from node.backup.note import note_backup
    from node.clock import SystemClock

    contents = create_backup(folder, file, with_keys=with_keys)
    note_backup(folder, contents, SystemClock().now())
    _show(context, "backup-create", contents)
    if with_keys:
        talk(_("Whoever has this file has the node's keys: keep it like them."))
    else:
        talk(_("The private keys are not in it: keep a copy of the folder keys elsewhere."))


@app.command("verify", cls=Command)
def verify(
    context: typer.Context,
    file: FileArgument,
    execute: Annotated[
        bool, typer.Option("--execute", help="Execute the chain again from its genesis, too; takes longer.")
    ] = False,
) -> None:
    """Check every byte of a backup, its logs and its chain; exit with 3 if anything is wrong."""
    from energy.errors import Corrupt
    from node.backup.archive import NotABackup, verify_backup

    _require_file(file)
    try:
        contents = verify_backup(file, execute=execute)
    except (NotABackup, Corrupt) as error:
        raise _not_verified(error) from error
    _show(context, "backup-verify", contents)


@app.command("restore", cls=Command)
def restore(
    context: typer.Context,
    file: FileArgument,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="New folder; it must not exist yet.")],
    as_standby: Annotated[
        bool, typer.Option("--as-standby", help="For a standby: no node starts from it before it takes over.")
    ] = False,
) -> None:
    """Check a backup and put it in a new folder, from which a node starts. Never run two nodes of one community."""
    from energy.errors import Corrupt
    from node.backup.archive import NotABackup, restore_backup

    _require_file(file)
    try:
        contents = restore_backup(file, folder, as_standby=as_standby)
    except (NotABackup, Corrupt) as error:
        raise _not_verified(error) from error
    _show(context, "backup-restore", contents)
    if as_standby:
        key = folder / "keys" / "sealer.key"
        talk(
            _("Follow with it: resilia chain follow {folder} --from URL --standby {key}").format(folder=folder, key=key)
        )
    elif not contents.with_keys:
        talk(_("Put the folder keys back into {folder}, then start: resilia node --dir {folder}").format(folder=folder))


def _require_file(file: Path) -> None:
    if not file.is_file():
        raise usage_failure(
            _("There is no backup {file}.").format(file=file), _("'resilia backup create FILE' makes one.")
        )


def _not_verified(error: Exception) -> Failure:
    return Failure(ExitCode.NOT_VERIFIED, str(error), _("Nothing was restored. Take another backup."))


def _show(context: typer.Context, name: str, contents: "Contents") -> None:
    if session_of(context).as_json:
        print_json(
            name,
            {
                "community": contents.community,
                "chainId": contents.chain_id,
                "block": contents.block,
                "blockHash": contents.block_hash,
                "journalRecords": contents.journal_records,
                "journalHash": contents.journal_hash,
                "withKeys": contents.with_keys,
                "files": contents.files,
                "bytes": contents.size_bytes,
            },
        )
        return
    block = "–" if contents.block is None else number(contents.block)
    line = _("{name}: block #{block}, journal record #{record}, {files} files, {bytes} bytes")
    print_line(
        line.format(
            name=contents.community,
            block=block,
            record=number(contents.journal_records),
            files=number(contents.files),
            bytes=number(contents.size_bytes),
        )
    )
