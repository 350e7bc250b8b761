"""`resilia account`: collateral, limits and positions of a member, for whoever has its key or sits at the node."""

from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from energy.identity import hex_text
from node.cli.keystore import choose_key, key_folder, unlock
from node.cli.node_client import JsonObject, NodeClient
from node.cli.orders import AccountOption, KeyOption, PasswordOption
from node.cli.output import print_json, print_line, table
from node.cli.parsing import account_of, parse_account
from node.cli.session import session_of
from node.i18n import energy, local_interval, mark, money, number
from node.i18n import gettext as _

LOOK_S: Final = 60

_STATES = {"open": mark("open"), "closed": mark("closed"), "settled": mark("settled")}

Of = Annotated[
    str | None,
    typer.Option("--of", metavar="ACCOUNT", help="On the node's own machine: this account, without its key."),
]


def show_account(
    context: typer.Context,
    of: Of = None,
    key_file: KeyOption = None,
    account: AccountOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Show your collateral, what of it is in use, your limits, and your positions that are not settled."""
    session = session_of(context)
    node = session.node()
    if of is not None:
        owner, look = parse_account(of), None
    else:
        key = choose_key(key_folder(), key_file, account_of(account) if account else None)
        owner = hex_text(key.account)
        look = _look(node, key.account, unlock(key, password_file))
    exposure = node.call("energy_getExposure", owner, look)
    positions = node.call("energy_getPositions", owner, None, look)["items"]
    if session.as_json:
        print_json("account", {"exposure": exposure, "positions": positions})
        return
    if exposure is not None:
        print_line(_rating_line(exposure["rating"]))
        print_line(table([_("What"), _("Now"), _("Limit")], "<>>", _exposure_rows(exposure)))
    if positions:
        status = node.call("energy_getStatus")
        headings = [_("Interval"), _("State"), _("Bought"), _("Sold"), _("Open bids"), _("Open asks"), _("Holds")]
        rows = [_position_row(each, status) for each in positions]
        print_line(table(headings, "<<>>>>>", rows))


def _look(node: NodeClient, account: Any, key: bytes) -> JsonObject:
    from node.cli.signing import settlement_domain
    from node.orders.typed_data import look_digest
    from oracles.signatures import sign

    until = node.call("energy_getStatus")["now"] + LOOK_S
    return {
        "until": until,
        "signature": hex_text(sign(key, look_digest(settlement_domain(node), account, until))),
    }


def _rating_line(rating: JsonObject) -> str:
    """Return what the member's conduct asks for, and from what."""
    said = _("Through run {run}, {kept} speak for you, {failed} against you: {percent} % of full collateral is needed.")
    return said.format(
        percent=number(Decimal(rating["collateralPermille"]).scaleb(-1), 0, 1),
        kept=energy(rating["keptWh"]),
        failed=energy(rating["failedWh"]),
        run=number(rating["throughRun"]),
    )


def _exposure_rows(exposure: JsonObject) -> list[tuple[str, str, str]]:
    limits = exposure["limits"]
    return [
        (_("Collateral in use"), money(exposure["inUseNeur"]), money(exposure["collateralNeur"])),
        (_("Open orders"), number(exposure["openOrders"]), _limit(limits["openOrders"], number)),
        (_("Open energy"), energy(exposure["openWh"]), _limit(limits["openWh"], energy)),
        (_("Open money"), money(exposure["openNotionalNeur"]), _limit(limits["openNotionalNeur"], money)),
        (_("Orders this minute"), number(exposure["ordersThisMinute"]), _limit(limits["ordersPerMinute"], number)),
    ]


def _limit(value: int | None, said: Any) -> str:
    return "\N{EN DASH}" if value is None else str(said(value))


def _position_row(position: JsonObject, status: JsonObject) -> tuple[str, ...]:
    return (
        local_interval(position["interval"], status["intervalLengthS"], status["timeZone"]),
        _(_STATES[position["status"]]),
        *(energy(position[name]) for name in ("boughtWh", "soldWh", "openBuyWh", "openSellWh")),
        money(position["worstCaseNeur"]),
    )
