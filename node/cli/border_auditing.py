"""`resilia audit border`: whether what crossed to other communities was done by the rules, from the node's own files.

It needs no node; with `--chain` it asks the running one what its contract holds, too.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from energy.identity import Digest, address_from_hex, digest_from_hex, hex_text
from node.cli.failure import ExitCode, usage_failure
from node.cli.files import write_file
from node.cli.node_client import NodeClient
from node.cli.output import print_json, print_line, short, table, talk
from node.cli.session import session_of
from node.i18n import energy, local_interval, money, ngettext, number
from node.i18n import gettext as _

if TYPE_CHECKING:
    from interconnect.audit_findings import BorderFinding
    from node.audit.border import AuditedBorder, OnChain

FINDINGS_SHOWN_MAX: Final = 100


def audit_border(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="The node's folder, or a copy of it.")] = Path(
        "."
    ),
    chain: Annotated[
        bool, typer.Option("--chain", help="Also ask the running node what its contract for other communities holds.")
    ] = False,
    statement: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what this side states, for the auditor of the other side."),
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Statement of a community at the other end; may be given repeatedly."),
    ] = None,
) -> int:
    """Check what crossed to other communities: awards, runs, certificates; if anything breaks a rule, exit with 3."""
    from energy import strict_json
    from node.audit.border import audit_border as audit_folder
    from node.audit.border import hold_chain
    from node.audit.border_statement import compare, statement_of

    session = session_of(context)
    audited = audit_folder(folder)
    if chain:
        audited.findings += hold_chain(audited, _on_chain(session.node()))
    own = statement_of(audited.books)
    for path in against or ():
        try:
            audited.findings += compare(own, strict_json.loads(path.read_bytes()))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise usage_failure(
                _("{path} can not be read: {reason}.").format(path=path, reason=reason),
                _("Have it written on the other side with: resilia audit border --statement FILE"),
            ) from None
    if statement is not None:
        write_file(statement, json.dumps(own, indent=1) + "\n", _("Choose another file."))
    if session.as_json:
        print_json("border-audit", _document(audited))
    else:
        _show(audited)
    return ExitCode.NOT_VERIFIED if audited.findings else ExitCode.OK


def _on_chain(node: NodeClient) -> "OnChain":
    """Read what the contract has logged."""
    from eth_abi.abi import decode
    from eth_utils.abi import event_abi_to_log_topic

    from interconnect.records import EXPORT, Export, record_digest
    from node.audit.border import OnChain
    from node.ledger import artifact

    runs, exports, imports = dict[tuple[Digest, int], Digest](), dict[int, Digest](), list[Digest]()
    gateway = node.call("energy_getStatus")["contracts"].get("gateway")
    events = {
        hex_text(event_abi_to_log_topic(each)): each["name"]
        for each in artifact("Gateway")["abi"]
        if each["type"] == "event"
    }
    wanted = {"address": gateway, "fromBlock": "0x0", "toBlock": "latest"}
    for log in node.call("eth_getLogs", wanted) if gateway else ():
        data, topics = bytes.fromhex(log["data"][2:]), log["topics"]
        match events.get(topics[0]):
            case "RunSettled":
                runs[digest_from_hex(topics[1]), int(topics[2], 16)] = Digest(data[:32])
            case "Exported":
                exports[int(topics[2], 16)] = Digest(data[:32])
            case "Imported":
                kinds = [kind for kind, _name in EXPORT.fields]
                words = zip(kinds, decode(kinds, data), strict=True)
                values: list[Any] = [address_from_hex(each) if kind == "address" else each for kind, each in words]
                imports.append(record_digest(Export(*values)))
            case _:
                pass
    return OnChain(runs, exports, frozenset(imports))


def _show(audited: "AuditedBorder") -> None:
    books = audited.books
    lines = [
        (_("Community"), audited.links.own.name),
        (_("Neighbours"), ", ".join(audited.links.neighbours) or "–"),
        (_("Records"), number(audited.records)),
        (_("Intervals"), number(len(books.cleared))),
        (_("Awards"), number(audited.awards)),
        (_("Link runs"), number(audited.runs)),
        (_("Traded for others"), energy(audited.traded_wh)),
        (_("Readings"), number(audited.readings)),
        (_("Certificates"), _("{left} left, {came} came").format(left=len(books.exports), came=len(books.imports))),
        (_("Owed by neighbours"), money(audited.balance_neur)),
    ]
    width = max(len(name) for name, _value in lines) + 2
    for name, value in lines:
        print_line(f"{name:{width}}{value}")
    if not audited.findings:
        talk(_("Nothing breaks a rule."))
        return
    print_line()
    headings = [_("Community"), _("Interval"), _("Breach"), _("Facts")]
    print_line(table(headings, "<<<<", [_row(each, audited) for each in audited.findings[:FINDINGS_SHOWN_MAX]]))
    count = len(audited.findings)
    talk(ngettext("{count} thing breaks a rule.", "{count} things break a rule.", count).format(count=number(count)))


def _row(finding: "BorderFinding", audited: "AuditedBorder") -> tuple[str, str, str, str]:
    from node.cli.border_words import BORDER_SENTENCES

    community, where = audited.community, "–"
    if finding.interval is not None:
        where = local_interval(finding.interval, community.market.interval_length_s, community.time_zone)
    names = {**audited.links.known, audited.links.own.community: audited.links.own.name}
    facts = " ".join(f"{name}={value}" for name, value in finding.facts.items())
    who = names.get(finding.other) or short(hex_text(finding.other))
    return who, where, _(BORDER_SENTENCES[finding.breach]), facts or "–"


def _document(audited: "AuditedBorder") -> dict[str, Any]:
    books = audited.books
    return {
        "community": hex_text(books.community),
        "name": audited.links.own.name,
        "records": audited.records,
        "intervals": len(books.cleared),
        "awards": audited.awards,
        "runs": audited.runs,
        "tradedWh": audited.traded_wh,
        "readings": audited.readings,
        "exports": len(books.exports),
        "imports": len(books.imports),
        "balanceNeur": audited.balance_neur,
        "holds": not audited.findings,
        "findings": [
            {
                "breach": str(each.breach),
                "other": hex_text(each.other),
                "interval": each.interval,
                "facts": dict(each.facts),
            }
            for each in audited.findings
        ],
    }
