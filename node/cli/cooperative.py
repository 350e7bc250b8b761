"""`resilia coop`: what members propose and decide, one vote each; the chain counts, and anybody carries out.

Proposing and voting need a member's key; what was decided is queued and executed by whoever likes to.
"""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from energy.identity import hex_text
from node.cli.chain_sender import send
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.keystore import choose_key, key_folder, unlock
from node.cli.node_client import JsonObject, NodeClient
from node.cli.orders import AccountOption, KeyOption, PasswordOption
from node.cli.output import print_json, print_line, short, table, talk
from node.cli.parsing import account_of
from node.cli.session import session_of
from node.coop.decision_words import sentence, with_cooperative
from node.coop.proposal_words import STATE_WORDS
from node.i18n import gettext as _
from node.i18n import local_time

app = typer.Typer(
    cls=Group, rich_markup_mode=None, help="Propose, vote and decide as members of the cooperative, one vote each."
)

VOTES: Final = {"against": 0, "for": 1, "abstain": 2}
ARTIFACTS: Final = {"token": "CommunityToken"}
"""Compiled contract of a name in the node's status, where that is not the name with a capital."""

ProposalArgument = Annotated[
    str, typer.Argument(metavar="PROPOSAL", help="The proposal's number, or enough of its beginning.")
]


@app.command("list", cls=Command)
def list_proposals(context: typer.Context) -> None:
    """List the newest proposals with their votes."""
    session = session_of(context)
    node = session.node()
    items, zone = node.call("energy_getProposals"), node.call("energy_getStatus")["timeZone"]
    if session.as_json:
        print_json("proposal-list", {"items": items})
        return
    if not items:
        talk(_("Nothing was proposed yet. Begin with: resilia coop propose CONTRACT FUNCTION ARGUMENTS"))
        return
    headings = [_("No."), _("State"), _("For"), _("Against"), _("Needs"), _("Until"), _("What")]
    print_line(table(headings, "<<>>><<", [_row(item, zone) for item in items]))


@app.command("decisions", cls=Command)
def list_decisions(context: typer.Context) -> None:
    """Show how many must sign, and what was decided about members, meters, keys and terms."""
    session = session_of(context)
    node = session.node()
    found = node.call("energy_getDecisions")
    if session.as_json:
        print_json("decision-list", found)
        return
    status = node.call("energy_getStatus")
    zone, named = status["timeZone"], with_cooperative(status["contracts"], short)
    print_line(sentence({"decision": "QuorumsSet", "facts": found}, zone, named))
    rows = [(local_time(item["at"], zone), sentence(item, zone, named)) for item in found["items"]]
    print_line(table([_("Decided"), _("What")], "<<", rows))


@app.command("terms", cls=Command)
def show_terms(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Tariffs, charges or limits, as they are to hold.")
    ] = None,
) -> None:
    """List the terms that were decided; or show the hash of a file of them, and how to propose it to the members."""
    if file is None:
        _list_terms(context)
        return
    from node.coop import charges
    from node.coop.agreed_terms import LIMIT_COLUMNS, LIMIT_NAMES, limits_of
    from node.coop.tariffs import TariffSchedule
    from oracles.hashing import keccak

    try:
        content = file.read_bytes()
    except OSError:
        content = b""
    first = tuple(content.decode("utf-8-sig", "replace").partition("\n")[0].strip().split(","))
    if first not in (TariffSchedule.COLUMNS, charges.COLUMNS, LIMIT_COLUMNS):
        raise usage_failure(
            _("{file} is no file of tariffs, charges or limits.").format(file=file),
            _("Its first line must be that of tariffs.csv or charges.csv, or limit,value; see docs/MARKET_RULES.md."),
        )
    if first == TariffSchedule.COLUMNS:
        TariffSchedule.load(file)
    if first == LIMIT_COLUMNS:
        try:
            limits_of(content.decode("utf-8-sig"))
        except ValueError:
            raise usage_failure(
                _("{file} names something that is no limit, or has no whole number.").format(file=file),
                _("Limits are: {names}.").format(names=", ".join(LIMIT_NAMES)),
            ) from None
    digest = hex_text(keccak(content))
    if session_of(context).as_json:
        print_json("coop-terms", {"terms": digest})
        return
    print_line(digest)
    talk(_("Propose it with: resilia coop propose registry announceTerms {terms} VALID_FROM LINK").format(terms=digest))


def _list_terms(context: typer.Context) -> None:
    session = session_of(context)
    node = session.node()
    found, zone = node.call("energy_getDecisions")["items"], node.call("energy_getStatus")["timeZone"]
    announced = [each["facts"] for each in found if each["decision"] == "TermsAnnounced"]
    if session.as_json:
        print_json("terms-list", {"items": announced})
        return
    if not announced:
        talk(_("No terms were decided yet: those of the founding hold."))
        return
    rows = [(local_time(each["validFrom"], zone), each["terms"], each["link"]) for each in announced]
    print_line(table([_("From"), _("Hash"), _("Link")], "<<<", rows))


@app.command("propose", cls=Command)
def propose(
    context: typer.Context,
    contract: Annotated[str, typer.Argument(metavar="CONTRACT", help="Name of a contract from 'resilia status'.")],
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="What it is to do, such as admitMember.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGUMENTS", help="With which values; lists and records as JSON.")
    ] = None,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why, for everybody to read on the chain.")] = "",
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Propose that the community's contracts do something, as a member."""
    from eth_abi.abi import encode

    node = session_of(context).node()
    contracts = node.call("energy_getStatus")["contracts"]
    _cooperative(contracts)
    if contract not in contracts:
        raise usage_failure(
            _("The community has no contract {name}.").format(name=repr(contract)),
            _("Choose one of: {names}.").format(names=", ".join(contracts)),
        )
    data = call_data(contract, function, arguments or ())
    kinds = ["address[]", "uint256[]", "bytes[]", "string"]
    wanted = encode(kinds, [[contracts[contract]], [0], [data], why])
    _send(context, "propose(address[],uint256[],bytes[],string)", wanted, account, key_file, password_file)


@app.command("vote", cls=Command)
def vote(
    context: typer.Context,
    proposal: ProposalArgument,
    choice: Annotated[str, typer.Argument(metavar="for|against|abstain", help="What you want.")],
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Vote on an open proposal: once, as a member."""
    from eth_abi.abi import encode

    if choice not in VOTES:
        raise usage_failure(
            _("{choice} is no vote.").format(choice=repr(choice)),
            _("Choose one of: {names}.").format(names=", ".join(VOTES)),
        )
    found = _find(session_of(context).node(), proposal, "active")
    wanted = encode(["uint256", "uint8"], [int(found["id"], 16), VOTES[choice]])
    _send(context, "castVote(uint256,uint8)", wanted, account, key_file, password_file)


@app.command("queue", cls=Command)
def queue(
    context: typer.Context,
    proposal: ProposalArgument,
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Let an accepted proposal wait for its time: whoever disagrees can leave before."""
    found = _find(session_of(context).node(), proposal, "succeeded")
    _send(context, "queue(address[],uint256[],bytes[],bytes32)", _whole(found), account, key_file, password_file)


@app.command("execute", cls=Command)
def execute(
    context: typer.Context,
    proposal: ProposalArgument,
    account: AccountOption = None,
    key_file: KeyOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Carry out a proposal whose time has come."""
    found = _find(session_of(context).node(), proposal, "queued")
    _send(context, "execute(address[],uint256[],bytes[],bytes32)", _whole(found), account, key_file, password_file)


def call_data(contract: str, function: str, arguments: Sequence[str]) -> bytes:
    """Return the bytes of a call from the texts of its arguments.

    Args:
        contract: Name in the node's status.
        function: Of that contract.
        arguments: An address, a number, true or false, 0x bytes, a text; lists and records as JSON lists.
    Raises:
        Failure: the contract has no such function that changes something, or a text is not what it takes.
    """
    from eth_abi.abi import encode
    from eth_abi.exceptions import EncodingError
    from eth_utils.abi import abi_to_signature, function_abi_to_4byte_selector

    from node.api.decoding import type_of

    name = ARTIFACTS.get(contract, contract.capitalize())
    abi = json.loads(files("contracts.artifacts").joinpath(f"{name}.json").read_text())["abi"]
    known = [each for each in abi if each["type"] == "function" and each["stateMutability"] == "nonpayable"]
    entry = next((each for each in known if each["name"] == function), None)
    if entry is None:
        raise usage_failure(
            _("{contract} has no function {name}.").format(contract=name, name=repr(function)),
            _("Choose one of: {names}.").format(names=", ".join(sorted({each["name"] for each in known}))),
        )
    kinds = [type_of(each) for each in entry["inputs"]]
    try:
        values = [_value(each["type"], text) for each, text in zip(entry["inputs"], arguments, strict=True)]
        return bytes(function_abi_to_4byte_selector(entry)) + encode(kinds, values)
    except (EncodingError, ValueError, TypeError, OverflowError):
        raise usage_failure(
            _("These are not the values that {signature} takes.").format(signature=abi_to_signature(entry)),
            _("Give {count} values, of these kinds and in this sequence; lists and records as JSON.").format(
                count=len(entry["inputs"])
            ),
        ) from None


def _value(kind: str, text: str) -> Any:
    """Return the value in a text; a record or list is one of JSON, whose bytes are 0x texts."""
    if kind.endswith("]") or kind.startswith("tuple"):
        return _plain(json.loads(text))
    if kind.startswith(("uint", "int")):
        return int(text)
    if kind == "bool":
        return {"true": True, "false": False}[text] if text in ("true", "false") else text
    if kind.startswith("bytes"):
        return bytes.fromhex(text.removeprefix("0x"))
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    is_bytes = isinstance(value, str) and value.startswith("0x") and len(value) != 42  # what has 42 is an address
    return bytes.fromhex(value[2:]) if is_bytes else value


def _whole(proposal: JsonObject) -> bytes:
    """Return the arguments of a proposal as `queue` and `execute` take them."""
    from eth_abi.abi import encode

    from oracles.hashing import keccak

    calls = proposal["calls"]
    return encode(
        ["address[]", "uint256[]", "bytes[]", "bytes32"],
        [
            [each["address"] for each in calls],
            [int(each["valueWei"]) for each in calls],
            [bytes.fromhex(each["data"][2:]) for each in calls],
            keccak(proposal["description"].encode()),
        ],
    )


def _find(node: NodeClient, text: str, state: str) -> JsonObject:
    """Return the one proposal whose number begins so, and that is in a state."""
    found = [each for each in node.call("energy_getProposals") if each["id"].startswith(text.lower())]
    if len(found) != 1 or not text:
        raise usage_failure(
            _("{text} is not the number of one proposal.").format(text=repr(text)),
            _("'resilia coop list' shows the newest; give enough of a number to tell it from the others."),
        )
    (proposal,) = found
    if proposal["state"] != state:
        raise Failure(
            ExitCode.FAILED,
            _("The proposal is not ready for that: {state}.").format(state=_(STATE_WORDS[proposal["state"]])),
            _("'resilia coop list' shows what can be done when."),
        )
    return dict(proposal)


def _send(
    context: typer.Context, signature: str, arguments: bytes, account: str | None, key_file: Any, password_file: Any
) -> None:
    from oracles.hashing import keccak

    session = session_of(context)
    node = session.node()
    key = choose_key(key_folder(), key_file, account_of(account) if account else None)
    cooperative = _cooperative(node.call("energy_getStatus")["contracts"])
    advice = _("Only members propose, and each votes once; 'resilia coop list' shows what can be done when.")
    data = keccak(signature.encode())[:4] + arguments
    transaction = send(node, unlock(key, password_file), cooperative, data, advice)
    if session.as_json:
        print_json("coop", {"transaction": transaction})
    else:
        print_line(transaction)


def _cooperative(contracts: JsonObject) -> str:
    if "cooperative" not in contracts:
        raise Failure(
            ExitCode.FAILED,
            _("This community was founded without a cooperative."),
            _("contracts/README.md says how its operator hands it over to the members."),
        )
    return str(contracts["cooperative"])


def _row(item: JsonObject, zone: str) -> tuple[str, ...]:
    what = "; ".join(
        f"{each['contract'] or short(each['address'])}.{each['function'] or '?'}"
        f"({', '.join(argument['value'] for argument in each['arguments'])})"
        for each in item["calls"]
    )
    state = _(STATE_WORDS[item["state"]])
    until = item["executableAt"] if item["state"] == "queued" else item["votesUntil"]
    votes = item["votes"]
    return (
        short(item["id"]),
        state,
        str(votes["for"]),
        str(votes["against"]),
        f"{item['quorum']}/{item['members']}",
        local_time(until, zone),
        f"{what} {item['description']}".rstrip(),
    )
