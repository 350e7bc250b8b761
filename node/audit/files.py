"""What an auditor is given in files: journals, published trades, receipts.

Lines of JSON, as `resilia trades --json`, `resilia order place --json`, `resilia journal export` and the node's answers
write them; a journal may also be the node's own `journal.log`.
Refuses, as `Misconfigured`, files that are missing or are something else: that is a mistake, not a proof.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from energy import strict_json
from energy.errors import Misconfigured
from energy.identity import Address, address_from_hex, digest_from_hex, hex_text
from market.audit_receipts import Receipt
from market.audit_trades import PublishedTrade
from market.events import Outcome
from market.journal import chain_hash
from node.storage.log import replay

_OUTCOMES: Final = {outcome.name.lower().replace("_", "-"): outcome for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt as a member keeps it."""

    receipt: Receipt
    signature: bytes
    node: Address
    """Who is said to have signed it."""


def read_journal(path: Path, seed: bytes) -> list[bytes]:
    """Return the records of a journal, from the first.

    Args:
        path: A node's `journal.log`, or what `resilia journal export` wrote from record 1 on.
        seed: Start of its hash chain: the digest of the community's agreement.
    Raises:
        Misconfigured: no such file, no journal, or that of another community.
        Corrupt: a `journal.log` that is damaged in its middle.
    """
    try:
        with open(path, "rb") as file:
            is_export = file.read(1) == b"{"
    except OSError as error:
        raise Misconfigured(f"{path} can not be read: {error.strerror}") from error
    try:
        records = _exported_records(path) if is_export else replay(path, seed)[1]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{path} is no journal: {error}") from error
    if not records:
        raise Misconfigured(f"{path} holds no journal")
    return records


def exported(records: list[bytes], seed: bytes, first: int) -> Iterator[dict[str, Any]]:
    """Yield the records from a place on as JSON documents, each with the chain hash behind it."""
    chain = seed
    for sequence, record in enumerate(records, start=1):
        chain = chain_hash(chain, record)
        if sequence >= first:
            yield {"sequence": sequence, "journalHash": hex_text(chain), "record": hex_text(record)}


def read_trades(path: Path) -> list[PublishedTrade]:
    """Return the trades in a file: one a line, or in `items` of a list.

    Raises:
        Misconfigured: no such file, or it holds something else.
    """
    try:
        return [_trade(item) for item in _documents(path)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{path} is no list of trades: {error}") from error


def read_receipts(path: Path) -> list[SignedReceipt]:
    """Return the receipts in a file: one a line, as the node answered them.

    Raises:
        Misconfigured: no such file, or it holds something else.
    """
    try:
        return [_receipt(item) for item in _documents(path)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{path} is no list of receipts: {error}") from error


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines; a list's items and a JSON-RPC answer's result in their place."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Misconfigured(f"{path} can not be read: {error.strerror}") from error
    for line in lines:
        if not line.strip():
            continue
        document = strict_json.loads(line)
        document = document.get("result", document)
        yield from document.get("items", [document])


def _exported_records(path: Path) -> list[bytes]:
    items = list(_documents(path))
    if items and items[0]["sequence"] != 1:
        raise ValueError(f"it starts at record {items[0]['sequence']}, but what comes before decides too")
    return [bytes.fromhex(item["record"].removeprefix("0x")) for item in items]


def _trade(item: dict[str, Any]) -> PublishedTrade:
    return PublishedTrade(
        _integer(item, "interval"),
        _integer(item, "number"),
        _integer(item, "matchedAt"),
        _integer(item, "price"),
        _integer(item, "quantityWh"),
        digest_from_hex(item["buyOrder"]),
        digest_from_hex(item["sellOrder"]),
        address_from_hex(item["buyer"]),
        address_from_hex(item["seller"]),
        _integer(item, "amountNeur"),
        _integer(item, "price") - _integer(item, "sellerPrice") if "sellerPrice" in item else 0,
    )


def _receipt(item: dict[str, Any]) -> SignedReceipt:
    receipt = Receipt(
        _integer(item, "sequence"),
        digest_from_hex(item["journalHash"]),
        digest_from_hex(item["orderDigest"]),
        int(_OUTCOMES[item["outcome"]]),
        _integer(item, "acceptedAt"),
    )
    signature = bytes.fromhex(item["receiptSignature"].removeprefix("0x"))
    return SignedReceipt(receipt, signature, address_from_hex(item["node"]))


def _integer(item: dict[str, Any], name: str) -> int:
    value = item[name]
    if type(value) is not int:
        raise ValueError(f"{name} must be an integer, not {value!r}")
    return value
