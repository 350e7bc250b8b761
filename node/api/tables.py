"""The lists that people browse: which columns a table shows, and the same rows as CSV.

Units: in the column titles of the page and in the keys of the CSV. CSV is RFC 4180 in UTF-8 with times in UTC; for
``locale=fr`` it has the semicolons and the byte-order mark that a French Excel expects.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from node.api.wording import (
    CommunityClock,
    euros,
    exact_energy,
    exact_price,
    mean_price,
    named,
    short_hex,
)
from node.coop.proposal_words import STATE_WORDS
from node.i18n import gettext, mark, number
from node.views.crossing_words import CROSSING_WORDS, WAY_WORDS
from node.views.rows import Row

Value = int | str | None

INSTANT_KEYS: Final = frozenset(
    {
        "start",
        "interval",
        "matchedAt",
        "placedAt",
        "firstInterval",
        "lastInterval",
        "timestamp",
        "lastSeen",
        "end",
        "votesUntil",
    }
)
"""Keys whose values are UTC epoch seconds."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as the page shows it."""

    text: str
    full: str | None = None
    """The whole of what `text` shortens."""
    link: str | None = None
    """An address on this page's own server."""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom cells are written."""

    clock: CommunityClock
    length_s: int
    labels: Mapping[str, str]
    """Local names of accounts, by address; empty where pseudonyms must stay pseudonyms."""


Show = Callable[[Value, Reader], Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table on the page."""

    title: str
    key: str
    show: Show


@dataclass(frozen=True, slots=True)
class Table:
    """One list."""

    name: str
    """Its address and the key of its data."""
    title: str
    about: str
    """One sentence below the title."""
    columns: Sequence[Column]

    def rows(self, items: Iterable[Row], reader: Reader) -> list[list[Cell]]:
        """Return the cells of some items."""
        return [[column.show(item[column.key], reader) for column in self.columns] for item in items]


# -- HOW VALUES ARE SHOWN


def _numeric(words: Callable[[int | None], str]) -> Show:
    def show(value: Value, reader: Reader) -> Cell:
        return Cell(words(None if value is None else int(value)), numeric=True)

    return show


def _stamp(value: Value, reader: Reader) -> Cell:
    return Cell("–" if value is None else reader.clock.stamp(int(value)))


def _proposal_state(value: Value, reader: Reader) -> Cell:
    return Cell(gettext(STATE_WORDS[str(value)]))


def _crossing_state(value: Value, reader: Reader) -> Cell:
    return Cell(gettext(CROSSING_WORDS[str(value)]))


def _way(value: Value, reader: Reader) -> Cell:
    return Cell(gettext(WAY_WORDS[str(value)]))


def _count(value: Value, reader: Reader) -> Cell:
    return Cell("–" if value is None else number(int(value)), numeric=True)


def _hex(value: Value, reader: Reader) -> Cell:
    return Cell(short_hex(None if value is None else str(value)), full=None if value is None else str(value))


def _account(value: Value, reader: Reader) -> Cell:
    address = str(value)
    return Cell(reader.labels.get(address, short_hex(address)), full=address, link=f"/accounts/{address}")


def _text(value: Value, reader: Reader) -> Cell:
    return Cell("–" if value is None else str(value))


def _name(value: Value, reader: Reader) -> Cell:
    return Cell(named(str(value)))


def _transaction(value: Value, reader: Reader) -> Cell:
    cell = _hex(value, reader)
    return cell if value is None else replace(cell, link=f"/transactions/{value}")


def _block_number(value: Value, reader: Reader) -> Cell:
    return Cell(number(int(value or 0)), link=f"/blocks/{value}", numeric=True)


def _certificate(value: Value, reader: Reader) -> Cell:
    return Cell(number(int(value or 0)), link=f"/certificates/{value}", numeric=True)


_energy = _numeric(exact_energy)
_price = _numeric(exact_price)
_mean_price = _numeric(mean_price)
_euros = _numeric(euros)
_amount = _numeric(lambda neur: euros(neur, 4))

# -- THE TABLES

INTERVALS: Final = Table(
    "intervals",
    mark("Intervals"),
    mark("Each delivery interval with what was traded, metered and certified."),
    (
        Column(mark("Start"), "start", _stamp),
        Column(mark("State"), "status", _name),
        Column(mark("Trades"), "trades", _count),
        Column(mark("Traded"), "tradedWh", _energy),
        Column(mark("Mean price"), "meanPrice", _mean_price),
        Column(mark("Import"), "importWh", _energy),
        Column(mark("Export"), "exportWh", _energy),
        Column(mark("Certified"), "certifiedWh", _energy),
        Column(mark("Run"), "runId", _count),
        Column(mark("Attested in"), "attestedIn", _transaction),
    ),
)
TRADES: Final = Table(
    "trades",
    mark("Trades"),
    mark("Every match, at the price of the order that was first in the book."),
    (
        Column(mark("For"), "interval", _stamp),
        Column(mark("No."), "number", _count),
        Column(mark("Matched"), "matchedAt", _stamp),
        Column(mark("Energy"), "quantityWh", _energy),
        Column(mark("Price"), "price", _price),
        Column(mark("Amount"), "amountNeur", _amount),
        Column(mark("Seller"), "seller", _account),
        Column(mark("Buyer"), "buyer", _account),
    ),
)
ORDERS: Final = Table(
    "orders",
    mark("Orders"),
    mark("Every accepted order, and what has become of it."),
    (
        Column(mark("Placed"), "placedAt", _stamp),
        Column(mark("For"), "interval", _stamp),
        Column(mark("Side"), "side", _name),
        Column(mark("Energy"), "quantityWh", _energy),
        Column(mark("Filled"), "filledWh", _energy),
        Column(mark("Limit"), "limitPrice", _price),
        Column(mark("State"), "status", _name),
        Column(mark("Ended"), "endedAt", _stamp),
        Column(mark("Account"), "account", _account),
        Column(mark("Digest"), "digest", _hex),
    ),
)
CERTIFICATES: Final = Table(
    "certificates",
    mark("Certificates"),
    mark("Community certificates of origin: one range of metered export each, checkable by anyone."),
    (
        Column(mark("No."), "number", _certificate),
        Column(mark("Interval"), "interval", _stamp),
        Column(mark("Energy"), "quantityWh", _energy),
        Column(mark("Source"), "source", _name),
        Column(mark("Owner"), "owner", _account),
        Column(mark("State"), "state", _name),
        Column(mark("Run"), "runId", _count),
        Column(mark("Leaf"), "leaf", _hex),
    ),
)
CROSSINGS: Final = Table(
    "crossings",
    mark("Certificates across the border"),
    mark("Certificates that left for other communities or came from them, each once."),
    (
        Column(mark("Interval"), "interval", _stamp),
        Column(mark("Way"), "way", _way),
        Column(mark("Community"), "community", _text),
        Column(mark("No."), "number", _count),
        Column(mark("Energy"), "quantityWh", _energy),
        Column(mark("State"), "state", _crossing_state),
        Column(mark("Recipient"), "recipient", _hex),
        Column(mark("Nullifier"), "nullifier", _hex),
    ),
)
RUNS: Final = Table(
    "runs",
    mark("Settlement runs"),
    mark("Each run settles some intervals in one transaction; its payments sum to zero."),
    (
        Column(mark("Run"), "runId", _count),
        Column(mark("First interval"), "firstInterval", _stamp),
        Column(mark("Last interval"), "lastInterval", _stamp),
        Column(mark("Traded"), "tradedWh", _energy),
        Column(mark("Certified"), "certifiedWh", _energy),
        Column(mark("Accounts"), "accounts", _count),
        Column(mark("Sum"), "netSumNeur", _euros),
        Column(mark("Block"), "blockNumber", _block_number),
        Column(mark("Transaction"), "transaction", _transaction),
    ),
)
BLOCKS: Final = Table(
    "blocks",
    mark("Blocks"),
    mark("The community's chain, newest block first."),
    (
        Column(mark("Block"), "number", _block_number),
        Column(mark("Time"), "timestamp", _stamp),
        Column(mark("Transactions"), "transactions", _count),
        Column(mark("Gas"), "gasUsed", _count),
        Column(mark("Hash"), "hash", _hex),
    ),
)

LEAGUE: Final = Table(
    "league",
    mark("League"),
    mark("Who traded how much with neighbours, by account."),
    (
        Column(mark("Account"), "account", _account),
        Column(mark("Kind"), "kind", _name),
        Column(mark("Trades"), "trades", _count),
        Column(mark("Sold"), "soldWh", _energy),
        Column(mark("Earned"), "earnedNeur", _euros),
        Column(mark("Bought"), "boughtWh", _energy),
        Column(mark("Paid"), "paidNeur", _euros),
    ),
)
DAYS: Final = Table(
    "days",
    mark("Days"),
    mark("The community's totals for each local day."),
    (
        Column(mark("Day"), "day", _text),
        Column(mark("Trades"), "trades", _count),
        Column(mark("Traded"), "tradedWh", _energy),
        Column(mark("Turnover"), "turnoverNeur", _euros),
        Column(mark("Import"), "importWh", _energy),
        Column(mark("Local"), "localWh", _energy),
        Column(mark("Certified"), "certifiedWh", _energy),
        Column(mark("Saved"), "savedNeur", _euros),
        Column(mark("Carbon, g CO₂e"), "gridCarbonG", _count),
    ),
)
OUTLOOK: Final = Table(
    "outlook",
    mark("Until tomorrow night"),
    mark("The grid's tariffs and carbon, and what neighbours usually pay at that time of day."),
    (
        Column(mark("Start"), "start", _stamp),
        Column(mark("Usual price"), "usualPrice", _mean_price),
        Column(mark("Grid's price"), "importTariff", _price),
        Column(mark("Grid pays"), "exportTariff", _price),
        Column(mark("Carbon, g CO₂e/kWh"), "carbonGPerKwh", _count),
    ),
)
STORAGE: Final = Table(
    "storage",
    mark("Storage plan"),
    mark("What the community's storage means to do, step by step; planned anew before each gate."),
    (
        Column(mark("Start"), "start", _stamp),
        Column(mark("Charges"), "chargeWh", _energy),
        Column(mark("Gives"), "dischargeWh", _energy),
        Column(mark("Holds at the end"), "storedWh", _energy),
        Column(mark("Worth of energy"), "worth", _mean_price),
        Column(mark("End"), "end", _stamp),
    ),
)
BOOK: Final = Table(
    "book",
    mark("Book of the next interval"),
    mark("What is offered and wanted, the dearest first."),
    (
        Column(mark("Side"), "side", _name),
        Column(mark("Price"), "price", _price),
        Column(mark("Energy"), "quantityWh", _energy),
        Column(mark("Orders"), "orders", _count),
    ),
)
PROPOSALS: Final = Table(
    "proposals",
    mark("Proposals"),
    mark("What members propose and decide, one vote each; the chain counts."),
    (
        Column(mark("What"), "description", _text),
        Column(mark("State"), "state", _proposal_state),
        Column(mark("For"), "for", _count),
        Column(mark("Against"), "against", _count),
        Column(mark("Abstained"), "abstain", _count),
        Column(mark("Needs"), "quorum", _count),
        Column(mark("Votes until"), "votesUntil", _stamp),
        Column(mark("By"), "proposer", _account),
    ),
)
METERS: Final = Table(
    "meters",
    mark("Meters"),
    mark("When each meter was last heard."),
    (
        Column(mark("Meter"), "label", _text),
        Column(mark("Kind"), "kind", _text),
        Column(mark("State"), "state", _name),
        Column(mark("Last seen"), "lastSeen", _stamp),
    ),
)


def titles(table: Table) -> list[str]:
    """Return the column titles in the reader's language."""
    return [gettext(column.title) for column in table.columns]


# -- CSV


def csv_head(keys: Sequence[str], french: bool) -> str:
    """Return the first line of a CSV file."""
    return ("\ufeff" if french else "") + _csv_text([list(keys)], french)


def csv_rows(keys: Sequence[str], items: Iterable[Row], french: bool) -> str:
    """Return the lines of some items; times as ISO 8601 in UTC, what is not known as nothing."""
    return _csv_text([[_csv_value(key, item[key]) for key in keys] for item in items], french)


def _csv_text(lines: Iterable[Sequence[Value]], french: bool) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=";" if french else ",").writerows(lines)
    return text.getvalue()


def _csv_value(key: str, value: Value) -> Value:
    if key in INSTANT_KEYS and value is not None:
        return f"{datetime.fromtimestamp(int(value), UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value
