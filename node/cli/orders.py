"""`resilia order`: sign and send orders, take them back, list them.

The key signs on this machine; the node gets the order and the signature. What the node answers is believed only when it
names the order that was signed and its receipt carries the node's own signature.
"""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from energy.identity import Address, Digest, digest_from_hex, hex_text
from market.orders import Order, Side
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.keystore import StoredKey, choose_key, key_folder, unlock
from node.cli.list_options import Latest, Mine, OwnerKey, owner_asked, say_more
from node.cli.node_client import JsonObject, NodeClient
from node.cli.nonces import new_nonce
from node.cli.order_options import (
    AllOrNone,
    Asked,
    AtTime,
    Bounds,
    Bundle,
    BundleLegs,
    Expiry,
    GreenPremium,
    MaxCarbon,
    MinLot,
    Partners,
    PostOnly,
    Replace,
    SelfTradeMode,
    Show,
    TimeInForceRule,
    Until,
    ValidFrom,
)
from node.cli.output import print_json, print_line, short, table, talk
from node.cli.parsing import account_of, parse_energy, parse_interval, parse_price
from node.cli.session import session_of
from node.i18n import duration, energy, local_interval, local_time, mark, price
from node.i18n import gettext as _

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Place, cancel and list orders.")

KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Sign with the key in this keystore file.")
]
AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="ACCOUNT", help="Sign with this account's key in your key folder.")
]
PasswordOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="Take the key's password from the first line of a file; else from $RESILIA_PASSWORD_FILE, else ask.",
    ),
]

_OUTCOMES = {
    "resting": mark("{filled} filled at once, {resting} in the book."),
    "filled": mark("All of it, {filled}, filled at once."),
    "partly-filled-rest-cancelled": mark("{filled} filled at once, the rest cancelled."),
    "cancelled": mark("Nothing to match: cancelled."),
}


@app.command("place", cls=Command)
def place_order(
    context: typer.Context,
    side: Annotated[str, typer.Argument(metavar="buy|sell", help="What you want to do.")],
    quantity: Annotated[str, typer.Argument(metavar="ENERGY", help="How much, such as 500Wh or 0.5kWh.")],
    least: Annotated[
        str | None, typer.Option("--min", metavar="PRICE", help="Sell at this price per kWh or more, such as 9ct.")
    ] = None,
    most: Annotated[
        str | None, typer.Option("--max", metavar="PRICE", help="Buy at this price per kWh or less, such as 12ct.")
    ] = None,
    interval: AtTime = "next",
    time_in_force: TimeInForceRule = "good-till-gate",
    expiry: Expiry = None,
    post_only: PostOnly = False,
    all_or_none: AllOrNone = False,
    min_lot: MinLot = None,
    max_carbon: MaxCarbon = 0,
    green_premium: GreenPremium = None,
    valid_from: ValidFrom = None,
    show: Show = None,
    self_trade: SelfTradeMode = "cancel-incoming",
    replaces: Replace = None,
    partners: Partners = None,
    until: Until = None,
    bundle: Bundle = 0,
    legs: BundleLegs = 0,
    key_file: KeyOption = None,
    account: AccountOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Sign an order and send it to the node. Selling takes --min, buying --max."""
    session = session_of(context)
    direction, limit = _side_and_limit(side, least, most)
    quantity_wh = parse_energy(quantity)
    key = choose_key(key_folder(), key_file, account_of(account) if account else None)
    node = session.node()
    status = node.call("energy_getStatus")
    replaced = _resting_order(node, key.account, replaces) if replaces else None
    asked = Asked(
        post_only, all_or_none, min_lot, max_carbon, green_premium, valid_from, show, self_trade, partners, replaced
    )
    bounds = Bounds(time_in_force, expiry, until, bundle, legs)
    order = Order(
        account=key.account,
        interval=parse_interval(interval, status),
        side=direction,
        quantity_wh=quantity_wh,
        limit_price_ueur_per_kwh=limit,
        nonce=new_nonce(),
        **asked.fields(status["timeZone"]),
        **bounds.fields(status),
    )
    answer = _send_order(node, order, key, password_file)
    if session.as_json:
        print_json("order", {"account": hex_text(key.account), "interval": order.interval, **answer})
    else:
        print_line(answer["orderDigest"])
    talk(_booked_sentence(order, answer, status))


@app.command("cancel", cls=Command)
def cancel_order(
    context: typer.Context,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's digest, or enough of its beginning.")],
    key_file: KeyOption = None,
    account: AccountOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Take what is left of an order out of the book."""
    from node.cli.signing import checked_receipt, settlement_domain
    from node.orders.typed_data import cancel_digest
    from oracles.signatures import sign

    session = session_of(context)
    key = choose_key(key_folder(), key_file, account_of(account) if account else None)
    node = session.node()
    digest = _resting_order(node, key.account, order)
    domain = settlement_domain(node)
    signature = sign(unlock(key, password_file), cancel_digest(domain, key.account, digest))
    request = {"account": hex_text(key.account), "orderDigest": hex_text(digest)}
    answer = node.call("energy_cancelOrder", request, hex_text(signature))
    checked_receipt(domain, answer, digest)
    if session.as_json:
        print_json("order-cancelled", answer)
    else:
        print_line(answer["orderDigest"])
    talk(
        _("Cancelled: order {order}, {quantity} out of the book.").format(
            order=short(answer["orderDigest"]), quantity=energy(answer["cancelledWh"])
        )
    )


@app.command("list", cls=Command)
def list_orders(
    context: typer.Context,
    account: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Only this account's.")] = None,
    mine: Mine = False,
    key_file: OwnerKey = None,
    interval: Annotated[str | None, typer.Option(metavar="TIME", help="Only this interval's; 'next' will do.")] = None,
    state: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="resting, filled, cancelled, expired or unfilled.")
    ] = None,
    limit: Latest = 100,
) -> None:
    """List the latest orders by their place in the journal."""
    session = session_of(context)
    owner = owner_asked(account, mine, key_file)
    node = session.node()
    status = node.call("energy_getStatus")
    filters = {
        "account": owner,
        "interval": parse_interval(interval, status) if interval else None,
        "status": state,
    }
    items, more = node.latest("energy_getOrders", filters, limit)
    if session.as_json:
        print_json("order-list", {"items": items})
        return
    if not items:
        talk(_("There are no such orders."))
        return
    headings = [_("Order"), _("Placed"), _("Interval"), _("Account"), _("Side"), _("Energy"), _("Limit"), _("Filled")]
    print_line(table([*headings, _("Status")], "<<<<<>>><", [_row(item, status) for item in items]))
    if more:
        say_more(limit)


def _row(item: JsonObject, status: JsonObject) -> tuple[str, ...]:
    return (
        short(item["digest"]),
        local_time(item["placedAt"], status["timeZone"]),
        local_interval(item["interval"], status["intervalLengthS"], status["timeZone"]),
        short(item["account"]),
        _side_name(item["side"]),
        energy(item["quantityWh"]),
        price(item["limitPrice"]),
        energy(item["filledWh"]),
        _status_name(item["status"]),
    )


def _side_name(side: str) -> str:
    return {"buy": _("buy"), "sell": _("sell")}.get(side, side)


def _status_name(status: str) -> str:
    names = {
        "resting": _("resting"),
        "filled": _("filled"),
        "cancelled": _("cancelled"),
        "expired": _("expired"),
        "unfilled": _("unfilled"),
    }
    return names.get(status, status)


def _side_and_limit(side: str, least: str | None, most: str | None) -> tuple[Side, int]:
    given, wrong, option = {"sell": (least, most, "--min"), "buy": (most, least, "--max")}.get(side, (None, None, ""))
    if not option:
        raise usage_failure(_("{side} is no side of an order.").format(side=repr(side)), _("Say buy or sell."))
    if given is None or wrong is not None:
        raise usage_failure(
            _("An order to {side} takes its limit price with {option}, and no other.").format(
                side=_side_name(side), option=option
            ),
            _("Write: resilia order place {side} 500Wh {option} 9ct").format(side=side, option=option),
        )
    return (Side.SELL if side == "sell" else Side.BUY), parse_price(given)


def _send_order(node: NodeClient, order: Order, key: StoredKey, password_file: Path | None) -> JsonObject:
    from node.cli.signing import checked_receipt, settlement_domain
    from node.orders.typed_data import order_digest, order_json
    from oracles.signatures import sign

    domain = settlement_domain(node)
    digest = order_digest(domain, order)
    signature = sign(unlock(key, password_file), digest)
    answer: JsonObject = node.call("energy_placeOrder", order_json(order), hex_text(signature))
    checked_receipt(domain, answer, digest)
    return answer


def _booked_sentence(order: Order, answer: JsonObject, status: JsonObject) -> str:
    length_s, zone = status["intervalLengthS"], status["timeZone"]
    template = (
        _("Signed and booked: order {order} sells up to {quantity} in {interval} at {price} or more.")
        if order.side == Side.SELL
        else _("Signed and booked: order {order} buys up to {quantity} in {interval} at {price} or less.")
    )
    booked = template.format(
        order=short(answer["orderDigest"]),
        quantity=energy(order.quantity_wh),
        interval=local_interval(order.interval, length_s, zone),
        price=price(order.limit_price_ueur_per_kwh),
    )
    became = _OUTCOMES[answer["outcome"]]
    outcome = _(became).format(filled=energy(answer["filledWh"]), resting=energy(answer["restingWh"]))
    closes_at = order.interval - status["gateLeadS"]
    gate = _("The gate closes at {time}, in {wait}.").format(
        time=local_time(closes_at, zone), wait=duration(max(0, closes_at - status["now"]))
    )
    return " ".join([booked, outcome, gate])


def _resting_order(node: NodeClient, account: Address, beginning: str) -> Digest:
    """Return the digest of the one resting order of an account that begins like that; a whole digest is taken as is."""
    wanted = f"0x{beginning.lower().removeprefix('0x')}"
    if not re.fullmatch(r"0x[0-9a-f]{1,64}", wanted):
        raise usage_failure(
            _("{text} is no order.").format(text=repr(beginning)),
            _("An order is named by its digest, 0x and 64 hexadecimal digits, or by enough of its first ones."),
        )
    if len(wanted) == 66:
        return digest_from_hex(wanted)
    filters: dict[str, Any] = {"account": hex_text(account), "status": "resting"}
    found = [
        str(item["digest"])
        for item in node.items("energy_getOrders", filters, limit=5_000)
        if item["digest"].startswith(wanted)
    ]
    if len(found) != 1:
        message = _("No resting order of yours begins with {text}.") if not found else _("Several begin with {text}.")
        raise Failure(
            ExitCode.FAILED,
            message.format(text=wanted),
            _("'resilia order list --status resting' shows those that can be cancelled."),
        )
    return digest_from_hex(found[0])
