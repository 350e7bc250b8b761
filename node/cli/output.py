"""What commands print: data on standard output, talk on standard error, so that output can be piped."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def print_json(name: str, data: dict[str, Any]) -> None:
    """Print a document as one line of JSON with its schema first, such as ``resilia/order-list/1``.

    The output is an interface: a key is never renamed without a new schema number.
    """
    print(json.dumps({"schema": f"resilia/{name}/1", **data}, ensure_ascii=False))


def print_line(text: str = "") -> None:
    """Print one line of data."""
    print(text)


def talk(text: str) -> None:
    """Tell the person at the terminal something that is no data."""
    print(text, file=sys.stderr)


@contextmanager
def share_done(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give what shows at a terminal how much of a long command is done, from counts of what is and of all.

    The line is gone at the end. Where nobody looks nothing is written.
    """
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    shown = -1

    def show(done: int, of: int) -> None:
        nonlocal shown
        percent = 100 * done // max(of, 1)
        if percent != shown:
            shown = percent
            print(f"\r{what} {percent}\u00a0%", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def table(headings: Sequence[str], alignment: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain text.

    Args:
        headings: One per column.
        alignment: One character per column: ``<`` for texts, ``>`` for numbers.
        rows: Cells without line breaks, as many as headings.
    """
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, alignment, widths, strict=True)).rstrip()
        for line in lines
    )


def short(hex_text: str | None) -> str:
    """Return the beginning of an address or digest, enough to tell it from its neighbours in a table."""
    return hex_text[:10] if hex_text else "–"
