"""`resilia audit` and `resilia journal export`: whether a market was run by its rules, for anyone to check.

Neither needs a node: they read the files of one, or copies of them.
"""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from energy.identity import hex_text
from node.cli.border_auditing import audit_border
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, table, talk
from node.cli.parsing import account_of, parse_instant
from node.cli.session import session_of
from node.i18n import energy, local_interval, ngettext, number
from node.i18n import gettext as _

if TYPE_CHECKING:
    from market.audit_findings import Finding
    from node.audit.auditing import MarketAudit

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="Check that a market, and what crossed its border, was run by its rules."
)
journal = typer.Typer(cls=Group, rich_markup_mode=None, help="Hand out the market's journal.")

FINDINGS_SHOWN_MAX = 100

FolderOption = Annotated[
    Path,
    typer.Option("--dir", metavar="DIR", help="Folder with community.json and what else there is of the node's files."),
]
JournalOption = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        metavar="FILE",
        help="This journal, from a node or 'resilia journal export'; else the folder's own.",
    ),
]


@app.command("market", cls=Command)
def audit_market(
    context: typer.Context,
    day: Annotated[str | None, typer.Argument(metavar="DAY", help="Only this day's deliveries: 2026-10-25.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only deliveries from this time on.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only deliveries before this time.")] = None,
    folder: FolderOption = Path("."),
    journal_file: JournalOption = None,
    trades: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trades as published, in lines of JSON; else the node's tables.")
    ] = None,
    receipts: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Receipts in lines of JSON, as the node answered; may be given repeatedly."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another copy of the journal, to compare with.")
    ] = None,
    node: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="The node's account, which must have signed the receipts.")
    ] = None,
) -> int:
    """Replay the market's journal by the rules alone, and name whatever breaks one; if anything does, exit with 3."""
    session = session_of(context)
    from node.audit.auditing import COMMUNITY_FILE, AuditRequest
    from node.audit.auditing import audit_market as audit_files
    from node.coop.community import Community

    zone = Community.load(folder / COMMUNITY_FILE).time_zone
    start, stop = day_range(day, first, end, zone)
    audit = audit_files(
        AuditRequest(
            folder,
            journal=journal_file,
            start=start,
            end=stop,
            trades=trades,
            receipts=receipts or (),
            other_journal=against,
            node=account_of(node) if node else None,
        )
    )
    if not audit.intervals and not audit.findings:
        raise Failure(
            ExitCode.FAILED,
            _("The journal opens no such interval: there is nothing to audit."),
            _("Write a day like 2026-10-25, or a stretch with --from and --to."),
        )
    if session.as_json:
        print_json("market-audit", _document(audit))
    else:
        _show(audit)
    return ExitCode.NOT_VERIFIED if audit.findings else ExitCode.OK


app.command("border", cls=Command)(audit_border)


@journal.command("export", cls=Command)
def export_journal(
    first: Annotated[int, typer.Option("--from", min=1, metavar="NUMBER", help="Only from this record on.")] = 1,
    folder: FolderOption = Path("."),
) -> None:
    """Print the journal's records with their chain hashes, one JSON object a line. Orders in it are pseudonymous."""
    from node.audit.auditing import COMMUNITY_FILE, JOURNAL_FILE
    from node.audit.files import exported, read_journal
    from node.coop.community import Community

    seed = Community.load(folder / COMMUNITY_FILE).digest()
    for document in exported(read_journal(folder / JOURNAL_FILE, seed), seed, first):
        print_line(json.dumps(document))


def day_range(day: str | None, first: str | None, end: str | None, zone: str) -> tuple[int, int | None]:
    """Return the first delivery that counts and the first that does not; a day is one on the community's clock."""
    if day is None:
        return parse_instant(first, zone) if first else 0, parse_instant(end, zone) if end else None
    advice = _("Write a day like 2026-10-25, or a stretch with --from and --to.")
    if first is not None or end is not None:
        raise usage_failure(_("A day leaves no room for --from and --to."), advice)
    try:
        midnight = datetime.combine(date.fromisoformat(day), time.min, ZoneInfo(zone))
    except ValueError:
        raise usage_failure(_("{text} is no day.").format(text=repr(day)), advice) from None
    return int(midnight.timestamp()), int((midnight + timedelta(days=1)).timestamp())


def _show(audit: "MarketAudit") -> None:
    orders = ngettext("{count} order, {cancels} cancelled", "{count} orders, {cancels} cancelled", audit.orders)
    lines = [
        (_("Community"), audit.community.name),
        (_("Journal"), f"#{number(audit.records)} {hex_text(audit.journal_hash)}"),
        (_("Intervals"), number(len(audit.intervals))),
        (_("Orders"), orders.format(count=number(audit.orders), cancels=number(audit.cancels))),
        (_("Trades"), _trades(audit)),
        (_("Receipts"), _receipts(audit)),
        (_("Ratings"), number(audit.ratings)),
        (_("Settled runs"), _("not computed anew") if audit.runs is None else number(audit.runs)),
    ]
    width = max(len(name) for name, _value in lines) + 2
    for name, value in lines:
        print_line(f"{name:{width}}{value}")
    if not audit.findings:
        talk(_("Nothing breaks a rule."))
        return
    print_line()
    headings = [_("Record"), _("Interval"), _("Breach"), _("Facts")]
    print_line(table(headings, "><<<", [_row(each, audit) for each in audit.findings[:FINDINGS_SHOWN_MAX]]))
    count = len(audit.findings)
    talk(ngettext("{count} thing breaks a rule.", "{count} things break a rule.", count).format(count=number(count)))


def _trades(audit: "MarketAudit") -> str:
    found = ngettext("{count} trade, {energy}", "{count} trades, {energy}", audit.trades).format(
        count=number(audit.trades), energy=energy(audit.traded_wh)
    )
    if audit.published_trades is None:
        return found + "; " + _("none were published to compare with")
    return found + "; " + _("{count} published").format(count=number(audit.published_trades))


def _receipts(audit: "MarketAudit") -> str:
    if audit.node is None:
        return _("none given")
    return _("{count}, of node {node}").format(count=number(audit.receipts), node=hex_text(audit.node))


def _row(finding: "Finding", audit: "MarketAudit") -> tuple[str, str, str, str]:
    from node.cli.audit_words import SENTENCES

    community = audit.community
    where = "–"
    if finding.interval is not None:
        where = local_interval(finding.interval, community.market.interval_length_s, community.time_zone)
    facts = " ".join(f"{name}={value}" for name, value in finding.facts.items())
    sentence = _(SENTENCES[finding.breach])
    return (f"#{number(finding.sequence)}" if finding.sequence else "–", where, sentence, facts or "–")


def _document(audit: "MarketAudit") -> dict[str, Any]:
    return {
        "community": audit.community.name,
        "records": audit.records,
        "journalHash": hex_text(audit.journal_hash),
        "intervals": len(audit.intervals),
        "orders": audit.orders,
        "cancels": audit.cancels,
        "trades": audit.trades,
        "tradedWh": audit.traded_wh,
        "publishedTrades": audit.published_trades,
        "receipts": audit.receipts,
        "node": hex_text(audit.node) if audit.node else None,
        "runs": audit.runs,
        "ratings": audit.ratings,
        "holds": not audit.findings,
        "findings": [
            {
                "breach": str(each.breach),
                "sequence": each.sequence,
                "interval": each.interval,
                "facts": dict(each.facts),
            }
            for each in audit.findings
        ],
    }
