"""`resilia market halt`, `resume` and `flags`: stop an account, let it go on, and see trades that went in a circle.

A member's switch is signed here by its key; the operator's is taken on the node's own machine only.
"""

from pathlib import Path
from typing import Annotated

import typer

from energy.identity import hex_text
from market.surveillance import Circle, SeenTrade, circles
from node.cli.comparison import app
from node.cli.help_pages import Command
from node.cli.keystore import choose_key, key_folder, unlock
from node.cli.market_views import IntervalOption
from node.cli.node_client import JsonObject, NodeClient
from node.cli.nonces import new_nonce
from node.cli.orders import AccountOption, KeyOption, PasswordOption
from node.cli.output import print_json, print_line, short, table, talk
from node.cli.parsing import account_of, parse_account, parse_interval
from node.cli.session import session_of
from node.i18n import energy, local_interval
from node.i18n import gettext as _

__all__ = ["app"]

ByOperator = Annotated[
    str | None,
    typer.Option(
        "--by-operator",
        metavar="ACCOUNT",
        help="As the operator, on the node's own machine: turn this account's switch.",
    ),
]


@app.command("halt", cls=Command)
def halt(
    context: typer.Context,
    by_operator: ByOperator = None,
    key_file: KeyOption = None,
    account: AccountOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Stop your account: its orders leave every open book, and new ones are refused. What is traded stays firm."""
    _turn(context, True, by_operator, key_file, account, password_file)


@app.command("resume", cls=Command)
def resume(
    context: typer.Context,
    by_operator: ByOperator = None,
    key_file: KeyOption = None,
    account: AccountOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Let your account trade again; the operator's switch stays as it is."""
    _turn(context, False, by_operator, key_file, account, password_file)


@app.command("flags", cls=Command)
def flags(context: typer.Context, interval: IntervalOption = None) -> None:
    """Show accounts among whom energy went in a circle, of one interval or of all; by chance it may be honest."""
    session = session_of(context)
    node = session.node()
    status = node.call("energy_getStatus")
    wanted = {"interval": parse_interval(interval, status) if interval else None}
    trades = node.items("energy_getTrades", wanted, limit=1_000_000)
    found = circles(SeenTrade(each["interval"], each["seller"], each["buyer"], each["quantityWh"]) for each in trades)
    if session.as_json:
        print_json("market-flags", {"items": [_json(circle) for circle in found]})
        return
    if not found:
        talk(_("No energy went in a circle."))
        return
    rows = [
        (
            local_interval(circle.interval, status["intervalLengthS"], status["timeZone"]),
            ", ".join(map(short, circle.accounts)),
            energy(circle.traded_wh),
            energy(circle.washed_wh),
        )
        for circle in found
    ]
    print_line(table([_("Interval"), _("Accounts"), _("Traded"), _("Kept by none")], "<<>>", rows))


def _turn(
    context: typer.Context,
    halted: bool,
    by_operator: str | None,
    key_file: Path | None,
    account: str | None,
    password_file: Path | None,
) -> None:
    session = session_of(context)
    node = session.node()
    if by_operator is None:
        answer = _signed_switch(node, halted, key_file, account, password_file)
    else:
        answer = node.call("energy_haltByOperator", parse_account(by_operator), halted)
    _tell(answer, as_json=session.as_json)


def _signed_switch(
    node: NodeClient, halted: bool, key_file: Path | None, account: str | None, password_file: Path | None
) -> JsonObject:
    from node.cli.signing import settlement_domain
    from node.orders.typed_data import halt_digest
    from oracles.signatures import sign

    key = choose_key(key_folder(), key_file, account_of(account) if account else None)
    nonce = new_nonce()
    digest = halt_digest(settlement_domain(node), key.account, halted, nonce)
    wish = {"account": hex_text(key.account), "halted": halted, "nonce": nonce}
    answer: JsonObject = node.call("energy_haltAccount", wish, hex_text(sign(unlock(key, password_file), digest)))
    return answer


def _tell(answer: JsonObject, *, as_json: bool) -> None:
    if as_json:
        print_json("account-switch", answer)
        return
    if answer["haltedByMember"] or answer["haltedByOperator"]:
        said = _("The account {account} is stopped; orders that left the books: {count}.")
    else:
        said = _("The account {account} may trade.")
    talk(said.format(account=short(answer["account"]), count=answer["cancelledOrders"]))


def _json(circle: Circle) -> JsonObject:
    return {
        "interval": circle.interval,
        "accounts": list(circle.accounts),
        "tradedWh": circle.traded_wh,
        "washedWh": circle.washed_wh,
    }
