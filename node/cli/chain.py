"""`resilia chain verify|prune`: execute the embedded chain again from its genesis; forget the state of old blocks.

`resilia chain follow|hand-over|take-over`: run a second node's chain; let it become the one that seals.
"""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from energy.identity import Digest, digest_from_hex, hex_text
from node.cli.failure import ExitCode, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, share_done, talk
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

    with share_done(_("Executing the blocks again:")) as progress:
        result = verify_chain(folder / "chain", progress=progress)
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


@app.command("follow", cls=Command)
def follow(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the follower; made when it is not there.")],
    url: Annotated[str, typer.Option("--from", metavar="URL", help="JSON-RPC of the node to follow.")],
    genesis: Annotated[
        str | None,
        typer.Option("--genesis", metavar="HASH", help="Hash of block 0; else the other node is believed about it."),
    ] = None,
    standby: Annotated[
        Path | None,
        typer.Option("--standby", metavar="FILE", help="The sealing key: tell a node that waits for a standby."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen at this address; else 127.0.0.1, this machine alone.")
    ] = "127.0.0.1",
    rpc_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, metavar="PORT", help="Port of JSON-RPC; else 8545, or a free one if that is taken."
        ),
    ] = None,
) -> None:
    """Keep a copy of another node's chain, checked block by block, and answer readers; a standby has its logs, too."""
    session = session_of(context)
    import asyncio

    from node.chain.seal import read_sealer
    from node.standby.following import prepare_follower, serve_follower

    wanted = None if genesis is None else _block_hash(genesis)
    if standby is not None:
        read_sealer(standby)  # before a folder is begun that a backup could not be restored into
    found = asyncio.run(prepare_follower(folder / "chain", url, wanted))

    def announce(rpc_url: str, head: int) -> None:
        if session.as_json:
            print_json("chain-follow", {"rpcUrl": rpc_url, "head": head, "genesis": hex_text(found)})
            sys.stdout.flush()
        talk(
            _("Following {url} from block #{head}; block 0 is {hash}").format(url=url, head=head, hash=hex_text(found))
        )
        talk(_("JSON-RPC for readers: {url}").format(url=rpc_url))

    asyncio.run(serve_follower(folder, url, standby, host, rpc_port, announce))


@app.command("hand-over", cls=Command)
def hand_over(context: typer.Context, folder: FolderOption = Path(".")) -> None:
    """Give up sealing for good, so that a follower may take over. The node must not be running."""
    from node.chain.role import hand_over as give_up
    from node.standby.replication import records_on_disk

    last, records = give_up(folder / "chain"), records_on_disk(folder)
    if session_of(context).as_json:
        told = {} if records is None else {"records": hex_text(records)}
        print_json("chain-hand-over", {"head": last.number, "headHash": hex_text(last.hash), **told})
    line = _("This node seals no more. On the follower: resilia chain take-over --last-block {hash}")
    talk(line.format(hash=hex_text(last.hash)) + ("" if records is None else f" --records {hex_text(records)}"))


@app.command("take-over", cls=Command)
def take_over(
    context: typer.Context,
    folder: FolderOption = Path("."),
    last_block: Annotated[
        str | None, typer.Option(metavar="HASH", help="The other's last block, as 'resilia chain hand-over' told it.")
    ] = None,
    records: Annotated[
        str | None, typer.Option(metavar="HASH", help="The other's market and readings, as hand-over told it.")
    ] = None,
    sealer_is_gone: Annotated[
        bool, typer.Option("--sealer-is-gone", help="The other is gone for good and can not hand over.")
    ] = False,
) -> None:
    """Make a follower's chain the one that is sealed, a standby's market the one that is served. Run neither node."""
    if (last_block is None) != sealer_is_gone:
        raise usage_failure(
            _("Give either --last-block or --sealer-is-gone."),
            _("Two nodes that seal one chain would fork it: let the other hand over if it can."),
        )
    import asyncio

    from node.chain.role import read_role
    from node.chain.role import take_over as begin
    from node.standby.following import require_gone
    from node.standby.replication import records_on_disk, require_records

    with_logs = records_on_disk(folder) is not None
    if with_logs and not sealer_is_gone:
        if records is None:
            raise usage_failure(
                _("Give --records as well: here is a market, which must have all that the other's had."),
                _("'resilia chain hand-over' told it behind the last block."),
            )
        require_records(folder, _block_hash(records))
    datadir = folder / "chain"
    followed = read_role(datadir).url
    if sealer_is_gone and followed:
        asyncio.run(require_gone(followed))
    head = begin(datadir, None if last_block is None else _block_hash(last_block), with_logs=with_logs)
    if session_of(context).as_json:
        print_json("chain-take-over", {"head": head.number, "headHash": hex_text(head.hash)})
    talk(_("This chain is sealed here after block #{head} {hash}.").format(head=head.number, hash=hex_text(head.hash)))
    if not (folder / "keys" / "sealer.key").exists():
        talk(_("Put the sealing key into keys/sealer.key before the node starts."))


def _block_hash(text: str) -> Digest:
    try:
        return digest_from_hex(text)
    except ValueError:
        raise usage_failure(
            _("{text} is no block hash.").format(text=repr(text)), _("A block hash is 0x and 64 hexadecimal digits.")
        ) from None
