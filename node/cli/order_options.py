"""Options of `resilia order place` for what an order may ask beyond side, energy, price and time: its conditions."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from energy.identity import ZERO_DIGEST, Digest
from market.orders import SelfTrade, TimeInForce
from node.cli.failure import usage_failure
from node.cli.node_client import JsonObject
from node.cli.parsing import parse_energy, parse_instant, parse_interval, parse_price
from node.i18n import gettext as _
from node.orders.names import SELF_TRADE_NAMES

AtTime = Annotated[
    str, typer.Option(metavar="TIME", help="When: 'next', a start such as 2026-10-25T12:30, or epoch seconds.")
]
TimeInForceRule = Annotated[
    str,
    typer.Option(
        "--time-in-force", metavar="RULE", help="good-till-gate (default), immediate-or-cancel or fill-or-kill."
    ),
]
Expiry = Annotated[
    str | None, typer.Option(metavar="TIME", help="Last second at which it may match; else until gate closure.")
]
PostOnly = Annotated[bool, typer.Option("--post-only", help="Refuse it if it would meet another order at once.")]
Show = Annotated[
    str | None, typer.Option("--show", metavar="ENERGY", help="Show no more than so much of it at a time.")
]
SelfTradeMode = Annotated[
    str,
    typer.Option(
        "--self-trade",
        metavar="RULE",
        help="Instead of trading with your own order: cancel-incoming (default), cancel-resting or cancel-both.",
    ),
]
Replace = Annotated[
    str | None,
    typer.Option(
        "--replace", metavar="ORDER", help="Take the place of this order of yours; it counts what that filled."
    ),
]
Partners = Annotated[
    str | None, typer.Option("--partners", metavar="NAME", help="At one price, trade first with orders of this group.")
]

AllOrNone = Annotated[bool, typer.Option("--all-or-none", help="Fill it whole, or let it wait.")]
MinLot = Annotated[str | None, typer.Option("--min-lot", metavar="ENERGY", help="Trade no less than this at a time.")]
MaxCarbon = Annotated[
    int,
    typer.Option(
        "--max-carbon",
        metavar="GRAMS",
        min=0,
        max=2**32 - 1,
        help="Buying: take energy of at most this carbon; selling: promise at most this (g CO2e per kWh).",
    ),
]
GreenPremium = Annotated[
    str | None,
    typer.Option(
        "--green-premium",
        metavar="PRICE",
        help="Take other energy too, if it is cheaper than your limit by this price per kWh.",
    ),
]
ValidFrom = Annotated[
    str | None,
    typer.Option("--valid-from", metavar="TIME", help="First second at which it may match; else at once."),
]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Deliver it in any interval from --interval to the one that starts then, the best first."
    ),
]
Bundle = Annotated[
    int,
    typer.Option(
        metavar="NUMBER", min=0, max=2**64 - 1, help="Trade it only together with your other orders of this number."
    ),
]
BundleLegs = Annotated[
    int, typer.Option("--legs", metavar="COUNT", min=0, max=24, help="How many orders the bundle has.")
]

_TIMES_IN_FORCE = {
    "good-till-gate": TimeInForce.GOOD_TILL_GATE,
    "immediate-or-cancel": TimeInForce.IMMEDIATE_OR_CANCEL,
    "fill-or-kill": TimeInForce.FILL_OR_KILL,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, and not read yet."""

    post_only: bool
    all_or_none: bool
    min_lot: str | None
    max_carbon: int
    green_premium: str | None
    valid_from: str | None
    show: str | None
    self_trade: str
    partners: str | None
    replaces: Digest | None

    def fields(self, time_zone: str) -> dict[str, Any]:
        """Return the fields of the order; a fault in what was typed is a usage failure.

        Args:
            time_zone: The community's, for times without an offset.
        """
        modes = {name: mode for mode, name in SELF_TRADE_NAMES.items()}
        if self.self_trade not in modes:
            raise usage_failure(
                _("{name} is no rule for an order.").format(name=self.self_trade),
                _("Choose one of: {names}.").format(names=", ".join(modes)),
            )
        return {
            "post_only": self.post_only,
            "all_or_none": self.all_or_none,
            "min_lot_wh": parse_energy(self.min_lot) if self.min_lot else 0,
            "max_carbon_g_per_kwh": self.max_carbon,
            "green_premium_ueur_per_kwh": parse_price(self.green_premium) if self.green_premium else 0,
            "valid_from": parse_instant(self.valid_from, time_zone) if self.valid_from else 0,
            "display_wh": parse_energy(self.show) if self.show else 0,
            "self_trade": SelfTrade(modes[self.self_trade]),
            "partner_group": group_of(self.partners) if self.partners else ZERO_DIGEST,
            "replaces": self.replaces or ZERO_DIGEST,
        }


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long an order lasts, over which intervals, and with which others; not read yet."""

    time_in_force: str
    expiry: str | None
    until: str | None
    bundle: int
    legs: int

    def fields(self, status: JsonObject) -> dict[str, Any]:
        """Return the fields of the order; a fault in what was typed is a usage failure.

        Args:
            status: What the node says of itself, with its clock and its intervals.
        """
        if self.time_in_force not in _TIMES_IN_FORCE:
            raise usage_failure(
                _("{name} is no rule for an order.").format(name=self.time_in_force),
                _("Choose one of: {names}.").format(names=", ".join(_TIMES_IN_FORCE)),
            )
        return {
            "time_in_force": _TIMES_IN_FORCE[self.time_in_force],
            "expiry": parse_instant(self.expiry, status["timeZone"]) if self.expiry else 0,
            "last_interval": parse_interval(self.until, status) if self.until else 0,
            "bundle": self.bundle,
            "bundle_legs": self.legs,
        }


def group_of(name: str) -> Digest:
    """Return the number of a group of partners: SHA-256 of its name, so that everybody who knows the name finds it."""
    return Digest(hashlib.sha256(name.encode()).digest())
