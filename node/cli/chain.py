"""`resilia chain verify|prune`: execute the embedded chain again from its genesis; forget the state of old blocks."""

from pathlib import Path
from typing import Annotated, Final

import typer

from energy.identity import hex_text
from node.cli.failure import ExitCode
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, talk
from node.cli.session import session_of
from node.i18n import gettext as _
from node.i18n import number

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look after the chain's file.")
KEPT_BLOCKS: Final = 10_000
"""Blocks whose state stays, unless told otherwise: about three months of quarter-hours and runs."""

FolderOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder of the community.")]


@app.command("verify", cls=Command)
def verify(context: typer.Context, folder: FolderOption = Path(".")) -> int:
    """Execute the whole chain again from its genesis and compare everything stored; exit with 3 where it differs."""
    session = session_of(context)
    from node.chain.upkeep.verifying import Broken, verify_chain

    result = verify_chain(folder / "chain")
    if isinstance(result, Broken):
        if session.as_json:
            print_json("chain-verify", {"holds": False, "block": result.block, "what": result.what})
        else:
            line = _("Block {block} does not verify: {what}")
            print_line(line.format(block=number(result.block), what=result.what))
        return ExitCode.NOT_VERIFIED
    if session.as_json:
        facts = {"chainId": result.chain_id, "head": result.head, "headHash": hex_text(result.head_hash)}
        counts = {"transactions": result.transactions, "gasUsed": result.gas_used, "stateKeys": result.state_keys}
        print_json("chain-verify", {"holds": True, **facts, **counts})
    else:
        line = _("Blocks 0 to {head} verify: {transactions} transactions, {gas} gas, head {hash}")
        print_line(
            line.format(
                head=number(result.head),
                transactions=number(result.transactions),
                gas=number(result.gas_used),
                hash=hex_text(result.head_hash),
            )
        )
    return ExitCode.OK


@app.command("prune", cls=Command)
def prune(
    context: typer.Context,
    folder: FolderOption = Path("."),
    keep_blocks: Annotated[
        int, typer.Option("--keep-blocks", min=1, metavar="COUNT", help="So many of the newest blocks keep state.")
    ] = KEPT_BLOCKS,
) -> None:
    """Forget the state of old blocks; headers, transactions and receipts stay. The node must not be running."""
    session = session_of(context)
    from node.chain.upkeep.pruning import prune as prune_chain

    pruned = prune_chain(folder / "chain", keep_blocks)
    if session.as_json:
        sizes = {"bytesBefore": pruned.bytes_before, "bytesAfter": pruned.bytes_after}
        print_json(
            "chain-prune", {"stateFrom": pruned.state_from, "kept": pruned.kept, "removed": pruned.removed, **sizes}
        )
    line = _("State is kept from block {block} on: {removed} of {all} entries removed.")
    talk(
        line.format(
            block=number(pruned.state_from),
            removed=number(pruned.removed),
            all=number(pruned.removed + pruned.kept),
        )
    )
