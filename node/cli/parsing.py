"""What people type, into exact integers: energy, prices, intervals, accounts.

Units: Wh, µ€/kWh, UTC epoch seconds. A comma is as good as a point, and a blank before the unit does no harm.
Refuses: amounts without a unit, finer than the unit below holds, times that a time zone has twice or never. Nothing
is rounded.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from energy.identity import Address, address_from_hex, hex_text
from energy.quantities import ENERGY_WH_MAX, PRICE_UEUR_PER_KWH_MAX, ueur_from_eur_text, wh_from_kwh_text
from node.cli.failure import ExitCode, Failure, usage_failure
from node.i18n import duration, local_interval
from node.i18n import gettext as _

_AMOUNT: Final = re.compile(r"(-?\d{1,15}(?:[.,]\d{1,9})?)\s*([^\d\s]*)", re.ASCII)
_WH_SHIFTS: Final = {"wh": -3, "kwh": 0}
"""Unit of energy, and the power of ten that makes kWh of it."""
_EUR_SHIFTS: Final = {"": 0, "€": 0, "eur": 0, "ct": -2, "c": -2, "u": -6, "µ€": -6}
"""Unit of a price per kWh, and the power of ten that makes € of it."""


def parse_energy(text: str) -> int:
    """Return the Wh in a text such as "500Wh" or "0.5kWh"; at least 1."""
    advice = _("Write it like 500Wh or 0.5kWh, in whole watt-hours.")
    number, unit = _split(text, advice)
    if unit not in _WH_SHIFTS:
        raise usage_failure(_("{text} is no energy: the unit is missing or unknown.").format(text=repr(text)), advice)
    try:
        quantity_wh = wh_from_kwh_text(_shifted(number, _WH_SHIFTS[unit]))
    except ValueError:
        raise usage_failure(_("{text} is no whole number of watt-hours.").format(text=repr(text)), advice) from None
    if not 1 <= quantity_wh <= ENERGY_WH_MAX:
        raise usage_failure(_("{text} is out of range for energy.").format(text=repr(text)), advice)
    return quantity_wh


def parse_price(text: str) -> int:
    """Return the µ€/kWh in a text such as "9ct", "0.09" (euros) or "90000u" (µ€), each per kWh; may be negative."""
    advice = _("Write it per kWh, like 9ct, 0.09 (euros) or 90000u (millionths of a euro).")
    number, unit = _split(text, advice)
    if unit not in _EUR_SHIFTS:
        raise usage_failure(_("{text} is no price: its unit is unknown.").format(text=repr(text)), advice)
    try:
        price_ueur_per_kwh = ueur_from_eur_text(_shifted(number, _EUR_SHIFTS[unit]))
    except ValueError:
        raise usage_failure(_("{text} is finer than a millionth of a euro.").format(text=repr(text)), advice) from None
    if abs(price_ueur_per_kwh) > PRICE_UEUR_PER_KWH_MAX:
        raise usage_failure(_("{text} is out of range for a price.").format(text=repr(text)), advice)
    return price_ueur_per_kwh


def parse_account(text: str) -> str:
    """Return an address as the node writes it, in lower case."""
    return hex_text(account_of(text))


def account_of(text: str) -> Address:
    """Return the address in a ``0x`` text."""
    try:
        return address_from_hex(text)
    except ValueError:
        raise usage_failure(
            _("{text} is no account.").format(text=repr(text)),
            _("An account is 0x and 40 hexadecimal digits; 'resilia key list' shows yours."),
        ) from None


def parse_instant(text: str, time_zone: str) -> int:
    """Return the UTC epoch second in an ISO 8601 text, or in the number itself.

    A time without an offset is on the clock of the community's time zone.
    """
    if re.fullmatch(r"\d{1,12}", text, re.ASCII):
        return int(text)
    advice = _("Write it like 2026-10-25T12:30, on the clock of {zone}, or with an offset like +01:00 or Z.").format(
        zone=time_zone
    )
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise usage_failure(_("{text} is no time.").format(text=repr(text)), advice) from None
    if written.tzinfo is None:
        written = written.replace(tzinfo=ZoneInfo(time_zone))
        if written.utcoffset() != written.replace(fold=1).utcoffset():
            raise usage_failure(
                _("The clock of {zone} shows {text} twice or never.").format(zone=time_zone, text=text), advice
            )
    seconds = (written.astimezone(UTC) - datetime.fromtimestamp(0, UTC)).total_seconds()
    if seconds < 0 or seconds != int(seconds):
        raise usage_failure(_("{text} is no whole second after 1970.").format(text=repr(text)), advice)
    return int(seconds)


def parse_month(text: str) -> int:
    """Return the UTC epoch second at which a month begins, written as in 2026-11."""
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text, re.ASCII):
        raise usage_failure(_("{text} is no month.").format(text=repr(text)), _("Write it as in 2026-11."))
    return int(datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC).timestamp())


def parse_interval(text: str, status: dict[str, Any]) -> int:
    """Return the start of the interval that is meant: "next" for the one whose gate closes next, else its first second.

    Args:
        text: "next", ISO 8601 or epoch seconds.
        status: What `energy_getStatus` answers.
    """
    if text == "next":
        if status["nextGate"] is None:
            raise Failure(
                ExitCode.FAILED,
                _("No interval is open for orders now."),
                _("'resilia status' shows when the node opens the next one."),
            )
        return int(status["nextGate"]["interval"])
    start, length_s = parse_instant(text, status["timeZone"]), int(status["intervalLengthS"])
    if start % length_s:
        near = local_interval(start - start % length_s, length_s, status["timeZone"])
        raise usage_failure(
            _("No interval starts at {text}.").format(text=text),
            _("Intervals last {length}; that time lies in {interval}.").format(
                length=duration(length_s), interval=near
            ),
        )
    return start


def _split(text: str, advice: str) -> tuple[str, str]:
    parts = _AMOUNT.fullmatch(text.strip())
    if parts is None:
        raise usage_failure(_("{text} is not a number with a unit.").format(text=repr(text)), advice)
    return parts[1].replace(",", "."), parts[2].lower()


def _shifted(number: str, powers_of_ten: int) -> str:
    return f"{number}e{powers_of_ten}"
