"""Which facts an oracle knows and from where: `facts.toml`, in the node's folder and in that of each oracle.

    every_s = 3600                     # a round: what is known then is compared
    ahead_h = 36                       # how far ahead

    [series.carbon]                    # any name
    kind = "carbon_g_per_kwh"          # one of `oracles.facts.KINDS`
    place = "FR"                       # any name, the same with every oracle
    step_s = 3600
    source = "file:carbon.csv"         # or "mqtt://HOST:PORT/TOPIC", "https://…", or the name of an adapter

A series may also say ``tolerance`` (in the unit of its kind), ``fresh_s`` (what came longer ago is not believed),
``hold_s`` (how long a value holds behind its instant), ``factor`` and ``offset`` (kind = factor × source + offset),
``token_file``, and of JSON ``items``, ``at`` and ``value``, or ``times`` and ``values`` (JSON pointers); an adapter has
a table ``query`` with its own names. Paths are relative to the file's folder.
Refuses: unknown names, missing ones, a wrong kind (`Misconfigured`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from energy.errors import Misconfigured
from node.facts.adapters import ADAPTERS, Shape
from node.integrations.home_assistant import broker_of
from oracles.facts import KINDS, PLACE_CHARS_MAX, VALUES_MAX

FACTS_FILE: Final = "facts.toml"
EVERY_S: Final = 3_600
AHEAD_H: Final = 36
_TOP: Final = frozenset({"every_s", "ahead_h", "series"})
_NEEDED: Final = frozenset({"kind", "place", "step_s", "source"})
_NUMBERS: Final = frozenset({"tolerance", "fresh_s", "hold_s"})
_POINTERS: Final = ("items", "at", "value", "times", "values")
_KNOWN: Final = _NEEDED | _NUMBERS | {"factor", "offset", "token_file", "query", *_POINTERS}


@dataclass(frozen=True, slots=True)
class Series:
    """One of them."""

    name: str
    """For people."""
    kind: str
    place: str
    step_s: int
    source: str
    """`file:…`, `mqtt://…`, or a URL."""
    tolerance: int
    fresh_s: int
    hold_s: int
    factor: Decimal
    offset: Decimal
    shape: Shape
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """Kind and place, which tell series apart."""
        return self.kind, self.place

    def grid(self, after: int, ahead_s: int) -> tuple[int, int, int]:
        """Return the first instant that a round is about, the step, and how many instants follow each other.

        Args:
            after: End of the round: what is adopted in it is about later instants only.
            ahead_s: How far to look.
        """
        first = -(-after // self.step_s) * self.step_s
        return first, self.step_s, min(max(ahead_s // self.step_s, 1), VALUES_MAX)


@dataclass(frozen=True, slots=True)
class FactSettings:
    """What a file says."""

    every_s: int
    ahead_s: int
    series: tuple[Series, ...]

    def round_of(self, now: int) -> int:
        """Return the round that holds at an instant."""
        return now - now % self.every_s


def load_facts(path: Path) -> FactSettings | None:
    """Read the file; None when there is none.

    Raises:
        Misconfigured: says which name is wrong, and what would be right.
    """
    if not path.exists():
        return None
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path} can not be read: {error}") from error
    try:
        if unknown := set(document) - _TOP:
            raise ValueError(f"has an unknown {min(unknown)}")
        tables = document.get("series", {})
        if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
            raise ValueError("has tables [series.NAME]")
        every_s = _number("every_s", document.get("every_s", EVERY_S), 60, 86_400)
        ahead_s = _number("ahead_h", document.get("ahead_h", AHEAD_H), 1, 240) * 3_600
        series = tuple(_series(path.parent, name, table) for name, table in tables.items())
        if len({each.key for each in series}) != len(series):
            raise ValueError("has two series of one kind and place")
    except (ArithmeticError, KeyError, OSError, TypeError, ValueError) as error:
        raise Misconfigured(f"{path} {error}") from error
    return FactSettings(every_s, ahead_s, series)


def _series(folder: Path, name: str, table: dict[str, Any]) -> Series:
    for wrong in sorted((set(table) - _KNOWN) | (_NEEDED - set(table))):
        raise ValueError(f"[series.{name}] {'has an unknown' if wrong in table else 'lacks'} {wrong}")
    kind = KINDS.get(table["kind"])
    if kind is None:
        raise ValueError(f"[series.{name}] kind must be one of {', '.join(KINDS)}")
    place = table["place"]
    if not isinstance(place, str) or not 0 < len(place) <= PLACE_CHARS_MAX or not place.isprintable():
        raise ValueError(f"[series.{name}] place must be a short text")
    step_s = _number(f"[series.{name}] step_s", table["step_s"], 60, 86_400)
    given = {pointer: str(table[pointer]) for pointer in _POINTERS if pointer in table}
    source, factor, offset, shape, headers = str(table["source"]), Decimal(1), Decimal(0), Shape(**given), {}
    if (adapter := ADAPTERS.get(source)) is not None:
        if table["kind"] not in adapter.kinds:
            raise ValueError(f"[series.{name}] {source} tells {', '.join(adapter.kinds)}")
        part = adapter.kinds[table["kind"]]
        source, factor, offset = adapter.url(table.get("query", {})), part.factor, part.offset
        shape, headers = part.shape, dict(adapter.headers)
        if adapter.token_header:
            token = (folder / table["token_file"]).read_text(encoding="utf-8").strip()
            if not token.isascii() or not token.isprintable():
                raise ValueError(f"[series.{name}] token_file holds what no token has: printable ASCII on one line")
            headers[adapter.token_header] = token
    elif not source.startswith(("file:", "mqtt://", "https://", "http://127.0.0.1:")):
        names = ", ".join(ADAPTERS)
        raise ValueError(f"[series.{name}] source is file:NAME, mqtt://HOST:PORT/TOPIC, https://… or one of {names}")
    _check_address(name, source)
    return Series(
        name,
        table["kind"],
        place,
        step_s,
        source,
        _number(f"[series.{name}] tolerance", table.get("tolerance", kind.tolerance), 0, 10**9),
        _number(f"[series.{name}] fresh_s", table.get("fresh_s", 86_400), 60, 30 * 86_400),
        _number(f"[series.{name}] hold_s", table.get("hold_s", max(step_s, 3_600)), 1, 30 * 86_400),
        _decimal(f"[series.{name}] factor", table.get("factor", factor)),
        _decimal(f"[series.{name}] offset", table.get("offset", offset)),
        shape,
        headers,
    )


def _check_address(name: str, source: str) -> None:
    """Refuse what could never be asked: a task that listens would end where nobody looks."""
    if source.startswith("mqtt:"):
        broker_of(source)
        if not urlsplit(source).path.strip("/"):
            raise ValueError(f"[series.{name}] source names no topic: mqtt://HOST:PORT/TOPIC")
    elif source.startswith("http"):
        try:
            address = httpx.URL(source)
        except httpx.InvalidURL as error:
            raise ValueError(f"[series.{name}] source is no address: {error}") from None
        if not address.host or not (address.port is None or 0 < address.port < 65_536):
            raise ValueError(f"[series.{name}] source is no address: https://HOST/PATH")


def _decimal(what: str, value: str | int | Decimal) -> Decimal:
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{what} must be a number")
    return number


def _number(what: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{what} must be a whole number from {low} to {high}")
    return value
