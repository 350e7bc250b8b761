"""`resilia cert`: certificates of origin, and the proofs that they rest on.

Verification needs neither node nor network: `verify` reads evidence files only.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energy.identity import Address, Digest, address_from_hex, digest_from_hex
from node.cli.crossing import claim_certificate, export_certificate, import_certificate, list_crossed
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.files import write_file
from node.cli.help_pages import Command, Group
from node.cli.list_options import Latest, Mine, OwnerKey, owner_asked, say_more
from node.cli.node_client import JsonObject
from node.cli.output import print_json, print_line, short, table, talk
from node.cli.parsing import parse_interval
from node.cli.session import session_of
from node.i18n import energy, local_interval, ngettext, number
from node.i18n import gettext as _

if TYPE_CHECKING:
    from oracles.evidence_links import Link

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look at certificates of origin, fetch and check their proof.")

NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the certificate.")]


@app.command("list", cls=Command)
def list_certificates(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Only those of this account.")] = None,
    mine: Mine = False,
    key_file: OwnerKey = None,
    interval: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only of this interval: 2026-10-25T12:30, or epoch seconds.")
    ] = None,
    run: Annotated[int | None, typer.Option(metavar="NUMBER", help="Only of this settlement run.")] = None,
    limit: Latest = 100,
) -> None:
    """List the latest certificates by number."""
    session = session_of(context)
    owner = owner_asked(owner, mine, key_file)
    node = session.node()
    status = node.call("energy_getStatus")
    filters = {
        "owner": owner,
        "interval": parse_interval(interval, status) if interval else None,
        "runId": run,
    }
    items, more = node.latest("energy_getCertificates", filters, limit)
    if session.as_json:
        print_json("certificate-list", {"items": items})
        return
    if not items:
        talk(_("There are no such certificates."))
        return
    headings = [_("No."), _("Run"), _("Interval"), _("Energy"), _("Source"), _("State"), _("Device"), _("Owner")]
    print_line(table(headings, ">><><<<<", [_row(item, status) for item in items]))
    if more:
        say_more(limit)


@app.command("show", cls=Command)
def show_certificate(context: typer.Context, certificate: NumberArgument) -> None:
    """Show one certificate."""
    session = session_of(context)
    node = session.node()
    item = node.call("energy_getCertificate", certificate)
    if item is None:
        raise _no_certificate(certificate)
    if session.as_json:
        print_json("certificate", item)
        return
    status = node.call("energy_getStatus")
    carbon = _("not known") if item["source"] == "unknown" else f"{number(item['carbonGPerKwh'])}\u00a0g/kWh"
    lines = [
        (_("Certificate"), str(item["number"])),
        (_("Energy"), energy(item["quantityWh"])),
        (_("Interval"), local_interval(item["interval"], status["intervalLengthS"], status["timeZone"])),
        (_("Range"), f"[{number(item['fromWh'])}, {number(item['toWh'])})\u00a0Wh"),
        (_("Source"), _source_name(item["source"])),
        (_("State"), _state_name(item["state"])),
        (_("Carbon"), carbon),
        (_("Device"), item["device"]),
        (_("Owner"), item["owner"]),
        (_("Run"), str(item["runId"])),
        (_("Leaf"), item["leaf"]),
    ]
    width = max(len(name) for name, _value in lines)
    print_line("\n".join(f"{name:<{width}}  {value}" for name, value in lines))
    talk(_("Its proof: resilia cert evidence {number}").format(number=certificate))


@app.command("evidence", cls=Command)
def fetch_evidence(
    context: typer.Context,
    certificate: NumberArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, not to standard output.")
    ] = None,
) -> None:
    """Fetch the evidence of a certificate: a file that anybody can check without this node."""
    document = session_of(context).node().call("energy_getEvidence", certificate)
    if document is None:
        raise _no_certificate(certificate)
    text = json.dumps(document, indent=1)
    if output is None:
        print_line(text)
        return
    write_file(output, text + "\n", _("Choose another file with -o FILE."))
    talk(_("Written to {path}. Check it with: resilia cert verify {path}").format(path=output))


app.command("export", cls=Command)(export_certificate)
app.command("import", cls=Command)(import_certificate)
app.command("claim", cls=Command)(claim_certificate)
app.command("crossed", cls=Command)(list_crossed)


@app.command("verify", cls=Command)
def verify_evidence(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Evidence file; - for standard input.")],
    sealer: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Account that seals the community's blocks, if you know it.")
    ] = None,
    block_hash: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="Hash of the block of the settlement run, from a source that you trust."),
    ] = None,
) -> None:
    """Check an evidence file, link by link. Needs neither node nor network; exit code 3 if a link is broken."""
    from oracles.evidence import verify_text

    session = session_of(context)
    trusted_sealer, trusted_block = _trust(sealer, block_hash)
    links = verify_text(_read(file), trusted_sealer=trusted_sealer, trusted_block_hash=trusted_block)
    broken = [link for link in links if not link.ok]
    if session.as_json:
        print_json(
            "evidence-check",
            {
                "ok": not broken,
                "links": [{"name": link.name.value, "ok": link.ok, "detail": link.detail} for link in links],
            },
        )
    else:
        for link in links:
            print_line(f"{'ok  ' if link.ok else 'FAIL'} {_link_sentence(link)}")
        for remark in _not_checked(trusted_sealer, trusted_block):
            print_line(f"--   {remark}")
    if broken:
        raise Failure(
            ExitCode.NOT_VERIFIED,
            ngettext("A link is broken: {names}.", "{count} links are broken: {names}.", len(broken)).format(
                count=len(broken), names=", ".join(link.name.value for link in broken)
            ),
            _("Do not rely on this file; fetch the evidence again from a node that you trust."),
            {"broken": [link.name.value for link in broken]},
        )


def _row(item: JsonObject, status: JsonObject) -> tuple[str, ...]:
    return (
        str(item["number"]),
        str(item["runId"]),
        local_interval(item["interval"], status["intervalLengthS"], status["timeZone"]),
        energy(item["quantityWh"]),
        _source_name(item["source"]),
        _state_name(item["state"]),
        short(item["device"]),
        short(item["owner"]),
    )


def _source_name(source: str) -> str:
    names = {
        "unknown": _("of unknown origin"),
        "solar": _("solar"),
        "storage": _("storage"),
        "wind": _("wind"),
        "biogas": _("biogas"),
        "waste heat": _("waste heat"),
        "hydrogen": _("hydrogen"),
    }
    return names.get(source.replace("_", " ").replace("-", " ").lower(), source)


def _state_name(state: str) -> str:
    return {"active": _("active"), "stored": _("stored")}.get(state, state)


def _no_certificate(certificate: int) -> Failure:
    return Failure(
        ExitCode.FAILED,
        _("There is no settled certificate {number}.").format(number=certificate),
        _("'resilia cert list' shows those that there are."),
    )


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(
            ExitCode.USAGE,
            _("{path} can not be read: {reason}.").format(path=file, reason=error.strerror),
            _("Fetch evidence with: resilia cert evidence NUMBER -o FILE"),
        ) from None


def _trust(sealer: str | None, block_hash: str | None) -> tuple[Address | None, Digest | None]:
    try:
        return (
            address_from_hex(sealer) if sealer else None,
            digest_from_hex(block_hash) if block_hash else None,
        )
    except ValueError:
        raise usage_failure(
            _("A trusted sealer is 0x and 40 hexadecimal digits, a block hash 0x and 64."),
            _("Get them from somewhere else than the file itself: the town hall's board, another node."),
        ) from None


def _link_sentence(link: "Link") -> str:
    from oracles.evidence_links import PROVES

    return f"{link.name.value}: {_(link.fault or PROVES[link.name]).format(**link.facts)}"


def _not_checked(sealer: Address | None, block_hash: Digest | None) -> list[str]:
    remarks = [
        _("not checked: that the meter is honest, and that its oracles and attestors are the community's."),
        _("not checked: that the certificate was not claimed since."),
    ]
    if sealer is None and block_hash is None:
        remarks.append(
            _("not checked: that the sealer is the community's; give it with --sealer, or a block with --block-hash.")
        )
    return remarks
