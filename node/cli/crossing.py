"""`resilia cert export`, `import`, `claim` and `crossed`: certificates of origin that change community.

Export is the owner's call of the contracts: the certificate becomes a token, the `Gateway` may move it, and lets it go
for good under the next number. The community's attestors sign that, and the signed document is what the other side
takes in, once; between neighbours it also travels over the link by itself. Whom it was let go for claims it there, for
what was consumed, by a call of that side's `Gateway`: once, for ever.
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from node.cli.chain_sender import ask, call_data, send
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.files import write_file
from node.cli.keystore import StoredKey, choose_key, key_folder, unlock
from node.cli.node_client import JsonObject, NodeClient
from node.cli.orders import AccountOption, KeyOption, PasswordOption
from node.cli.output import print_json, print_line, short, table, talk
from node.cli.parsing import account_of, parse_account
from node.cli.session import session_of
from node.i18n import energy, local_interval
from node.i18n import gettext as _
from node.views.crossing_words import CROSSING_WORDS, WAY_WORDS

SIGNED_WAIT_S: Final = 60


def export_certificate(
    context: typer.Context,
    certificate: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the certificate.")],
    to: Annotated[
        str, typer.Option("--to", metavar="COMMUNITY", help="A linked community's name, or its 0x and 64 digits.")
    ],
    recipient: Annotated[str, typer.Option(metavar="ACCOUNT", help="Who gets it there.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, not to standard output.")
    ] = None,
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Let a certificate of yours leave for another community for good, and write its signed document."""
    session = session_of(context)
    node = session.node()
    status = node.call("energy_getStatus")
    destination, recipient = _community(status, to), parse_account(recipient)
    evidence = node.call("energy_getEvidence", certificate)
    if evidence is None:
        raise Failure(
            ExitCode.FAILED,
            _("There is no settled certificate {number}.").format(number=certificate),
            _("'resilia cert list' shows those that there are."),
        )
    number = _export_of(node, evidence["certificate"], destination, recipient)
    if number is None:
        key = choose_key(key_folder(), key_file, account_of(account) if account else None)
        number = _let_go(node, status, evidence, (destination, recipient), key, password_file)
    document = _signed(node, number)
    if output is None:
        print_line(json.dumps(document, indent=1))
        return
    write_file(output, json.dumps(document, indent=1) + "\n", _("Choose another file with -o FILE."))
    talk(_("Written to {path}. Take it in on the other side with: resilia cert import {path}").format(path=output))


def import_certificate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Document from 'resilia cert export'.")],
) -> None:
    """Take a certificate in that another community has let go to this one, once."""
    session = session_of(context)
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise usage_failure(
            _("{path} can not be read: {reason}.").format(path=file, reason=getattr(error, "strerror", None) or error),
            _("Have it written on the other side with: resilia cert export NUMBER --to COMMUNITY -o FILE"),
        ) from None
    taken = session.node().call("energy_importCertificate", document)
    if session.as_json:
        print_json("certificate-import", taken)
        return
    said = _("{energy} of {community} are taken in for {account}; the chain has them in a moment.")
    print_line(
        said.format(energy=energy(taken["quantityWh"]), community=_other(taken), account=short(taken["recipient"]))
    )


def claim_certificate(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number at its origin; see 'cert crossed'.")],
    origin: Annotated[
        str, typer.Option("--from", metavar="COMMUNITY", help="Where it came from: its name, or its 32 bytes.")
    ],
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Claim a certificate of yours that came from another community for what you consumed, for ever."""
    session = session_of(context)
    node = session.node()
    status = node.call("energy_getStatus")
    item = _held(node, _community(status, origin), number)
    key = choose_key(key_folder(), key_file, account_of(account) if account else None)
    advice = _("Only {account}, whom it was let go for, claims it, and once.").format(account=item["recipient"])
    data = call_data("Gateway", "claimImport", item["nullifier"])
    transaction = send(node, unlock(key, password_file), str(status["contracts"]["gateway"]), data, advice)
    if session.as_json:
        print_json("certificate-claim", {**item, "state": "claimed", "transaction": transaction})
        return
    said = _("{energy} of {community} are claimed for {account}; nobody can claim or move them any more.")
    print_line(said.format(energy=energy(item["quantityWh"]), community=_other(item), account=short(item["recipient"])))


def list_crossed(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1_000, metavar="COUNT", help="At most so many.")] = 100,
) -> None:
    """List the latest certificates that left for other communities, or came from them."""
    session = session_of(context)
    node = session.node()
    items = node.call("energy_getCrossings", limit)
    if session.as_json:
        print_json("certificate-crossings", {"items": items})
        return
    if not items:
        talk(_("No certificate has crossed the border."))
        return
    status = node.call("energy_getStatus")
    headings = [_("Way"), _("Community"), _("No."), _("Interval"), _("Energy"), _("State"), _("Recipient")]
    print_line(table(headings, "<<><><<", [_row(item, status) for item in items]))


def _community(status: JsonObject, text: str) -> str:
    """Return the community that a person means, as 32 bytes in hexadecimal text."""
    known = {each["name"]: each["community"] for each in (status["link"] or {"communities": ()})["communities"]}
    if text in known:
        return str(known[text])
    digits = text.lower().removeprefix("0x")
    if len(digits) == 64 and set(digits) <= set("0123456789abcdef"):
        return "0x" + digits
    raise usage_failure(
        _("{text} is no community that this one knows.").format(text=repr(text)),
        _("Known are: {names}. Of another one, give what 'resilia link card' prints as its community there.").format(
            names=", ".join(sorted(known)) or "–"
        ),
    )


def _held(node: NodeClient, origin: str, number: int) -> JsonObject:
    """Return an import that can be claimed, by its origin and its number there."""
    came = [each for each in node.call("energy_getCrossings") if each["way"] == "import"]
    found: list[JsonObject] = [each for each in came if (each["other"], each["number"]) == (origin, number)]
    held = [each for each in found if each["state"] == "held"]
    if held:
        return held[0]
    if not found:
        message = _("No certificate {number} has come from there.").format(number=number)
    else:
        message = _("The certificate can not be claimed: {state}.").format(state=_(CROSSING_WORDS[found[0]["state"]]))
    advice = _("'resilia cert crossed' shows those that came and what became of them.")
    raise Failure(ExitCode.FAILED, message, advice, {"error": "NOT_HELD"})


def _export_of(node: NodeClient, certificate: JsonObject, destination: str, recipient: str) -> int | None:
    """Return the number under which a certificate has left to somebody already, or None."""
    names = ("device", "interval", "fromWh", "toWh")
    for each in node.call("energy_getCrossings"):
        if each["way"] == "export" and all(each[name] == certificate[name] for name in names):
            if (each["other"], each["recipient"]) == (destination, recipient):
                return int(each["number"])
            raise Failure(
                ExitCode.FAILED,
                _("The certificate has left already, for {account} in {community}.").format(
                    account=short(each["recipient"]), community=_other(each)
                ),
                _("A certificate leaves once; 'resilia cert crossed' shows where it went."),
                {"error": "EXPORTED", "number": each["number"]},
            )
    return None


def _let_go(
    node: NodeClient,
    status: JsonObject,
    evidence: JsonObject,
    whither: tuple[str, str],
    key: StoredKey,
    password_file: Path | None,
) -> int:
    """Materialise, approve and export, each where it is not done yet; return the export's number."""
    contracts, certificate = status["contracts"], evidence["certificate"]
    if "gateway" not in contracts:
        raise Failure(
            ExitCode.FAILED,
            _("The community has no contract for other communities."),
            _("It comes with a community that is founded with 'resilia init --link NAME'."),
        )
    private_key = unlock(key, password_file)
    gateway, certificates = str(contracts["gateway"]), str(contracts["certificates"])
    advice = _("Only its owner exports a certificate, when its run is final, and once.")
    opened = tuple(certificate[name] for name in certificate if name not in ("salt", "proof"))
    leaf = ask(node, certificates, "Certificates", "leafOfCertificate", opened, certificate["salt"])
    bundle = int(leaf, 16)
    if int(ask(node, certificates, "Certificates", "balanceOf", key.account, bundle), 16) == 0:
        made = call_data("Certificates", "materialise", evidence["run"]["runId"], opened, *_opening(certificate))
        send(node, private_key, certificates, made, advice)
    if int(ask(node, certificates, "Certificates", "isApprovedForAll", key.account, gateway), 16) == 0:
        send(node, private_key, certificates, call_data("Certificates", "setApprovalForAll", gateway, True), advice)
    left = send(node, private_key, gateway, call_data("Gateway", "exportBundle", bundle, *whither), advice)
    receipt = node.call("eth_getTransactionReceipt", left)
    # Exported(destination, number, …) is the contract's only log with two indexed words.
    (exported,) = [log for log in receipt["logs"] if log["address"] == gateway and len(log["topics"]) == 3]
    return int(exported["topics"][2], 16)


def _opening(certificate: JsonObject) -> tuple[Any, Any]:
    return certificate["salt"], certificate["proof"]


def _signed(node: NodeClient, number: int) -> JsonObject:
    """Return the signed document of an export, when the node has seen it on its chain."""
    for _attempt in range(SIGNED_WAIT_S):
        document: JsonObject | None = node.call("energy_getExport", number)
        if document is not None:
            return document
        time.sleep(1)
    raise Failure(
        ExitCode.FAILED,
        _("The certificate has left under number {number}, and its document is not there yet.").format(number=number),
        _("Give the same command again in a while: it goes on where it ended."),
    )


def _row(item: JsonObject, status: JsonObject) -> tuple[str, ...]:
    return (
        _(WAY_WORDS[item["way"]]),
        _other(item),
        str(item["number"]),
        local_interval(item["interval"], status["intervalLengthS"], status["timeZone"]),
        energy(item["quantityWh"]),
        _(CROSSING_WORDS[item["state"]]),
        short(item["recipient"]),
    )


def _other(item: JsonObject) -> str:
    return str(item["otherName"] or short(item["other"]))
