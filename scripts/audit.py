"""What the explorers share: the options of their command lines, how they print rows, and how they end.

Exit codes: 0 all well, 1 the node answered with an error, 2 wrong usage, 3 something does not hold, 4 no node answers,
130 Ctrl-C. Rows go to standard output, remarks to standard error.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum

from scripts.node_rpc import CallFailed, NodeRpc, NoNode

Cell = int | str | bool | None
Row = Mapping[str, Cell]


class ExitCode(IntEnum):
    """How an explorer ends."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DOES_NOT_HOLD = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


def explorer_arguments(module_docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every explorer has."""
    parser = argparse.ArgumentParser(description=module_docstring, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rpc", metavar="URL", help="the node's JSON-RPC; else $RESILIA_RPC, else this machine's 8545")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object with everything")
    form.add_argument("--csv", action="store_true", help="print rows as CSV (RFC 4180)")
    return parser


def run_explorer(explore: Callable[[argparse.Namespace, NodeRpc], list[str]], arguments: argparse.Namespace) -> int:
    """Run an explorer against the chosen node; return its exit code.

    Args:
        explore: Prints what it finds, and returns what does not hold, one sentence each.
        arguments: Of a parser made by `explorer_arguments`.
    """
    try:
        faults = explore(arguments, NodeRpc(arguments.rpc))
        sys.stdout.flush()
    except NoNode as error:
        print(f"{error}\n  Start one with 'resilia demo', or name another with --rpc URL.", file=sys.stderr)
        return ExitCode.UNREACHABLE
    except CallFailed as error:
        print(f"the node answered with an error: {error}", file=sys.stderr)
        return ExitCode.FAILED
    except BrokenPipeError:
        # The reader has seen enough, as in `… | head`; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    for fault in faults:
        print(f"DOES NOT HOLD: {fault}", file=sys.stderr)
    return ExitCode.DOES_NOT_HOLD if faults else ExitCode.OK


def print_rows(rows: Iterable[Row], columns: Sequence[str], *, as_csv: bool) -> None:
    """Print rows as CSV, or as a table with numbers to the right."""
    cells = [[_shown(row[column]) for column in columns] for row in rows]
    if as_csv:
        csv.writer(sys.stdout).writerows([columns, *cells])
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in [list(columns), *cells]:
        padded = [
            cell.rjust(width) if _is_number(cell) else cell.ljust(width)
            for cell, width in zip(line, widths, strict=True)
        ]
        print("  ".join(padded).rstrip())


def print_json(name: str, document: Mapping[str, object]) -> None:
    """Print a document as one line of JSON with its schema first."""
    print(json.dumps({"schema": f"resilia/{name}/1", **document}))


def utc(instant: int) -> str:
    """Return a UTC epoch second as ISO 8601."""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


def instant_argument(text: str) -> int:
    """Return the UTC epoch second in an argument: the number itself, or ISO 8601 with an offset or Z."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        written = None
    if written is None or written.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 2026-10-25T12:30Z or epoch seconds")
    return int(written.timestamp())


def _shown(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "NO"
    return "" if cell is None else str(cell)


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdigit()
