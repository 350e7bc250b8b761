"""What a community states of its border, for the auditor of the other end, and how two statements are compared.

A statement names what both ends of a link know anyhow: awards and decisions by digest, runs, what the runs owe; and
certificates that left or came, by digest and nullifier. No home, no curve and no key is in it.
Units: Wh, n€. Refuses: documents of another form, with ValueError.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from energy.identity import Digest, digest_from_hex, hex_text
from interconnect.audit import BorderAudit, LinkBooks
from interconnect.audit_findings import BorderBreach, BorderFinding, finding
from interconnect.records import Export, nullifier, record_digest

SCHEMA: Final = "resilia/border-statement/1"
Statement = Mapping[str, Any]


def statement_of(books: BorderAudit) -> dict[str, Any]:
    """Return what an audited community states of its border."""
    return {
        "schema": SCHEMA,
        "community": hex_text(books.community),
        "links": [_link(each) for _, each in sorted(books.links.items())],
        "exports": [_export(each, each.destination) for each in books.exports],
        "imports": [_export(each, each.origin) for each in books.imports],
    }


def _link(books: LinkBooks) -> dict[str, Any]:
    return {
        "other": hex_text(books.other),
        "awards": [
            {"number": number, "digest": hex_text(record_digest(award)), "outcome": int(books.outcomes.get(number, 0))}
            for number, award in sorted(books.awards.items())
        ],
        "made": [hex_text(record_digest(run)) for _, run in sorted(books.made.items())],
        "settled": [hex_text(record_digest(run)) for _, run in sorted(books.settled.items())],
        "balanceNeur": books.balance_neur,
    }


def _export(export: Export, other: Digest) -> dict[str, Any]:
    return {
        "other": hex_text(other),
        "number": export.number,
        "digest": hex_text(record_digest(export)),
        "nullifier": hex_text(nullifier(export)),
        "quantityWh": export.quantity_wh,
    }


def compare(own: Statement, other: Statement) -> list[BorderFinding]:
    """Return what two statements do not have in common; what is still on its way is no breach.

    Raises:
        ValueError: one of them is no statement.
    """
    try:
        if own["schema"] != SCHEMA or other["schema"] != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        here, there = digest_from_hex(own["community"]), digest_from_hex(other["community"])
        found = [*_links(own, other, there), *_strays(own, other, there), *_strays(other, own, here)]
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"it is no statement of a border: {error!r}") from None
    return found


def _links(own: Statement, other: Statement, there: Digest) -> Iterator[BorderFinding]:
    """Compare the link that both have."""
    ours = next((each for each in own["links"] if each["other"] == other["community"]), None)
    theirs = next((each for each in other["links"] if each["other"] == own["community"]), None)
    if ours is None or theirs is None:
        return
    for one, two in zip(ours["awards"], theirs["awards"], strict=False):  # the longer one has some on their way
        if one["digest"] != two["digest"]:
            yield finding(BorderBreach.DIFFERENT_AWARD, there, None, award=one["number"])
        elif one["outcome"] and two["outcome"] and one["outcome"] != two["outcome"]:
            facts = {"here": one["outcome"], "there": two["outcome"]}
            yield finding(BorderBreach.DIFFERENT_DECISION, there, None, award=one["number"], **facts)
    for settled, made in ((ours["settled"], theirs["made"]), (theirs["settled"], ours["made"])):
        for number, digest in enumerate(settled, start=1):
            if made[number - 1 : number] != [digest]:  # a run is signed only after it was made
                yield finding(BorderBreach.DIFFERENT_RUN, there, None, run=number)
    settled_alike = ours["settled"] == theirs["settled"]
    if settled_alike and ours["balanceNeur"] != theirs["balanceNeur"]:
        facts = {"here_neur": ours["balanceNeur"], "there_neur": theirs["balanceNeur"]}
        yield finding(BorderBreach.DIFFERENT_RUN, there, None, **facts)


def _strays(importer: Statement, origin: Statement, at_fault: Digest) -> Iterator[BorderFinding]:
    """Find certificates that one side took in and that never left the other for it."""
    left = {each["digest"] for each in origin["exports"] if each["other"] == importer["community"]}
    for each in importer["imports"]:
        if each["other"] == origin["community"] and each["digest"] not in left:
            facts = {"number": each["number"], "nullifier": each["nullifier"], "quantity_wh": each["quantityWh"]}
            yield finding(BorderBreach.NEVER_EXPORTED, at_fault, None, **facts)
