"""What `resilia doctor` checks, one function per check. Nothing is changed but a scratch file.

Each check returns what it found in the user's language, and, when that is not as it should be, what to do.
"""

import importlib
import importlib.metadata
import shutil
import socket
import sqlite3
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.cli.failure import Failure
from node.cli.node_client import JsonObject, NodeClient
from node.i18n import duration, local_time, number
from node.i18n import gettext as _

PYTHON_MIN: Final = (3, 11)
DISK_FREE_MIN_BYTES: Final = 1_000_000_000
CLOCK_OFFSET_MAX_S: Final = 5
EARLIEST_PLAUSIBLE_NOW: Final = 1_767_225_600
"""2026-01-01: a clock that shows less was never set."""
ROOTS: Final = ("energy", "market", "metering", "oracles", "dispatch", "node")
"""Our top-level import names: plain words that another distribution might bring along too."""
DISTRIBUTION: Final = "resilia-grid"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    """Stable, for scripts."""
    ok: bool
    text: str
    """What was found."""
    advice: str = ""
    """What to do; empty when all is well."""


def check_python(version: tuple[int, int, int]) -> Finding:
    """Check the interpreter's version."""
    shown = ".".join(map(str, version))
    if version[:2] < PYTHON_MIN:
        return Finding("python", False, f"Python {shown}", _("Install Python 3.11 or later."))
    return Finding("python", True, f"Python {shown}")


def check_book(folder: Path) -> Finding:
    """Check that the order book is compiled, from the source that lies beside it.

    Args:
        folder: The package `market.book`.
    """
    rebuild = _("Build it: python setup.py build_ext --inplace, or reinstall.")
    compiled = [path for path in folder.glob("_book.*") if path.suffix in (".so", ".pyd")]
    if not compiled:
        return Finding("book", False, _("the order book is not compiled"), rebuild)
    sources = [path for path in folder.glob("_book.p*") if path.suffix in (".pyx", ".pxd")]
    newest_source = max((path.stat().st_mtime for path in sources), default=0)
    if max(path.stat().st_mtime for path in compiled) < newest_source:
        return Finding("book", False, _("the compiled order book is older than its source"), rebuild)
    try:
        importlib.import_module("market.book")
    except ImportError as error:
        text = _("the compiled order book does not load: {reason}").format(reason=error)
        return Finding("book", False, text, rebuild)
    return Finding("book", True, _("order book compiled"))


def check_names(owners: dict[str, list[str]]) -> Finding:
    """Check that no other distribution brings packages of the same names.

    Args:
        owners: Distributions by top-level import name, as `importlib.metadata.packages_distributions` gives them.
    """
    strangers = {
        name: others
        for name in ROOTS
        if (others := sorted({each for each in owners.get(name, []) if each.lower().replace("_", "-") != DISTRIBUTION}))
    }
    if strangers:
        shown = ", ".join(f"{name} ({', '.join(others)})" for name, others in strangers.items())
        return Finding(
            "names",
            False,
            _("other packages use our import names: {names}").format(names=shown),
            _("Install RESILIA-GRID into a virtual environment of its own."),
        )
    return Finding("names", True, _("import names are ours alone"))


def check_disk(folder: Path) -> Finding:
    """Check that the disk has room."""
    free = shutil.disk_usage(_existing(folder)).free
    text = _("{free} MB free at {folder}").format(free=number(free // 1_000_000), folder=_existing(folder))
    if free < DISK_FREE_MIN_BYTES:
        return Finding("disk", False, text, _("Make room: a node that can not write stops."))
    return Finding("disk", True, text)


def check_sqlite(folder: Path) -> Finding:
    """Check that SQLite writes as safely on this disk as the node needs: write-ahead log, synchronous writes."""
    try:
        with tempfile.TemporaryDirectory(dir=_existing(folder), prefix=".doctor-") as scratch:
            connection = sqlite3.connect(Path(scratch) / "scratch.sqlite")
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            connection.execute("PRAGMA synchronous=FULL")
            level = connection.execute("PRAGMA synchronous").fetchone()[0]
            connection.close()
    except (OSError, sqlite3.Error) as error:
        text = _("no database can be made at {folder}: {reason}").format(folder=_existing(folder), reason=error)
        return Finding("sqlite", False, text, _("Choose a folder that you may write to."))
    text = f"SQLite {sqlite3.sqlite_version}, journal_mode={mode}, synchronous={level}"
    if (mode, level) != ("wal", 2):
        return Finding("sqlite", False, text, _("Put the folder on a local disk: wal and 2 (FULL) are needed."))
    return Finding("sqlite", True, text)


def check_node(node: NodeClient) -> tuple[Finding, JsonObject | None]:
    """Check that the node answers; return its status as well."""
    try:
        status: JsonObject = node.call("energy_getStatus")
    except Failure as failure:
        return Finding("node", False, failure.message.rstrip("."), failure.advice), None
    return Finding("node", True, _("{name} answers at {url}").format(name=status["name"], url=node.url)), status


def check_chain(node: NodeClient, status: JsonObject) -> Finding:
    """Check that the chain answers, and is the chain and at the head that the status says."""
    try:
        chain_id = int(node.call("eth_chainId"), 16)
        block = node.call("eth_getBlockByNumber", hex(status["head"]["number"]), False)
    except (Failure, TypeError, ValueError) as error:
        text = _("the chain does not answer: {reason}").format(reason=error)
        return Finding("chain", False, text, _("Look into the node's log; a restart resumes where it stopped."))
    head = f"#{number(status['head']['number'])}"
    if chain_id != status["chainId"] or block is None or block["hash"] != status["head"]["hash"]:
        text = _("the node and its chain disagree about head {head}").format(head=head)
        return Finding("chain", False, text, _("Restart the node; if it stays so, restore a backup."))
    return Finding("chain", True, _("chain {chain} at head {head}").format(chain=chain_id, head=head))


def check_clock(now: int, status: JsonObject | None) -> Finding:
    """Check this machine's clock, against the node's when there is one that keeps real time.

    Args:
        now: This machine's time, UTC epoch seconds.
        status: What the node says of itself; a demo's clock is simulated and compares with nothing.
    """
    set_clock = _("Set the clock: orders are timed to the second. NTP does it by itself.")
    if now < EARLIEST_PLAUSIBLE_NOW:
        return Finding("clock", False, _("the clock shows {time}").format(time=local_time(now, "UTC")), set_clock)
    if status is None or status["demo"]:
        return Finding("clock", True, _("the clock shows {time}").format(time=local_time(now, "UTC")))
    offset_s = abs(now - status["now"])
    text = _("this clock and the node's are {offset} apart").format(offset=duration(offset_s))
    if offset_s > CLOCK_OFFSET_MAX_S:
        return Finding("clock", False, text, set_clock)
    return Finding("clock", True, text)


def check_port(name: str, port: int, *, node_answers: bool) -> Finding:
    """Check that a port is free for a node to come; a node that answers may hold it.

    Args:
        name: "rpc-port" or "web-port".
        port: TCP port on this machine.
        node_answers: Whether a node was reached.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if node_answers:
                return Finding(name, True, _("port {port} is in use, by the node it seems").format(port=port))
            text = _("port {port} can not be used: {reason}").format(port=port, reason=error.strerror)
            advice = _("Stop what uses it, or start the node with --{name}.").format(name=name)
            return Finding(name, False, text, advice)
    return Finding(name, True, _("port {port} is free").format(port=port))


def examine(node: NodeClient, folder: Path, now: int, ports: dict[str, int]) -> list[Finding]:
    """Return the findings of all checks, the machine's first.

    Args:
        node: The node to reach; it need not run.
        folder: Where the node keeps its data, or will.
        now: This machine's time, UTC epoch seconds.
        ports: Ports by name.
    """
    reached, status = check_node(node)
    findings = [
        check_python((sys.version_info.major, sys.version_info.minor, sys.version_info.micro)),
        check_book(Path(__file__).parents[2] / "market" / "book"),
        check_names(dict(importlib.metadata.packages_distributions())),
        check_disk(folder),
        check_sqlite(folder),
        check_clock(now, status),
        *(check_port(name, port, node_answers=reached.ok) for name, port in ports.items()),
        reached,
    ]
    return [*findings, check_chain(node, status)] if status is not None else findings


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    resolved = folder.resolve()
    return next(each for each in (resolved, *resolved.parents) if each.is_dir())
