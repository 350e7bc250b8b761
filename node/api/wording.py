"""How the page writes quantities: in the reader's language and, for times, on the community's clock.

Units: Wh, µ€/kWh, n€, UTC epoch seconds. Shows a dash for what is not known yet.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date

from node.i18n import energy, gettext, language, mark, money, number, price

DASH: Final = "–"
NO_BREAK_SPACE: Final = "\u00a0"
KWH_FROM_WH: Final = 10_000
"""From here on totals are shown in kWh with one decimal."""
GRAMS_PER_KG: Final = 1_000

NAMES: Final = {
    "open": mark("open"),
    "closed": mark("closed"),
    "attested": mark("attested"),
    "settled": mark("settled"),
    "active": mark("active"),
    "stored": mark("stored"),
    "solar": mark("solar"),
    "storage": mark("storage"),
    "wind": mark("wind"),
    "biogas": mark("biogas"),
    "waste_heat": mark("waste heat"),
    "hydrogen": mark("hydrogen"),
    "unknown": mark("of unknown origin"),
    "buy": mark("buy"),
    "sell": mark("sell"),
    "ok": mark("heard"),
    "silent": mark("silent"),
    "waiting": mark("not heard yet"),
    "home": mark("home"),
    "supplier": mark("supplier"),
    "fees": mark("common purse"),
    "placed": mark("placed"),
    "matched": mark("matched"),
    "certified": mark("certified"),
    "resting": mark("resting"),
    "filled": mark("filled"),
    "cancelled": mark("cancelled"),
    "expired": mark("expired"),
    "unfilled": mark("unfilled"),
    "purchase": mark("bought from neighbours"),
    "sale": mark("sold to neighbours"),
    "supply": mark("bought from the supplier"),
    "surplus": mark("sold to the supplier"),
    "shortfall": mark("sold and not delivered"),
    "unused": mark("bought and not drawn"),
    "charge": mark("grid tariffs and levies"),
    "charge_income": mark("grid tariffs and levies, received"),
    "wedge": mark("difference of prices"),
    "wedge_income": mark("difference of prices, received"),
    "shared_taken": mark("taken from neighbours afterwards"),
    "shared_given": mark("given to neighbours afterwards"),
    "correction_due": mark("correction, owed"),
    "correction_credit": mark("correction, paid back"),
    "shortfall_covered": mark("sold, not delivered, covered by neighbours"),
    "unused_given": mark("bought, not drawn, given to neighbours"),
    "erased": mark("erased lines, their sum"),
}
"""Names of states and sources, as the projection writes them."""


@dataclass(frozen=True, slots=True)
class CommunityClock:
    """The wall clock of the community's time zone."""

    zone_name: str
    """IANA name, always shown beside times."""

    @property
    def zone(self) -> ZoneInfo:
        """Its rules."""
        return ZoneInfo(self.zone_name)

    def time(self, instant: int) -> str:
        """Return hours and minutes, such as "12:30"."""
        return f"{datetime.fromtimestamp(instant, self.zone):%H:%M}"

    def span(self, start: int, length_s: int) -> str:
        """Return an interval's hours and minutes, such as "12:30–12:45"."""
        return f"{self.time(start)}{DASH}{self.time(start + length_s)}"

    def long_date(self, instant: int) -> str:
        """Return the date in words, such as "17 May 2017"."""
        return format_date(datetime.fromtimestamp(instant, self.zone), "long", locale=_locale())

    def weekday(self, instant: int) -> str:
        """Return the local day of the week, such as "Wednesday"."""
        return format_date(datetime.fromtimestamp(instant, self.zone), "EEEE", locale=_locale())

    def stamp(self, instant: int) -> str:
        """Return date, time and offset, such as "2017-05-17 12:30 CEST": never ambiguous."""
        return f"{datetime.fromtimestamp(instant, self.zone):%Y-%m-%d %H:%M %Z}"

    def later(self, instant: int, before: int) -> str:
        """Return what of a time is not clear after another one: hours and minutes on the same local day."""
        return self.time(instant) if self.iso_date(instant) == self.iso_date(before) else self.stamp(instant)

    def day(self, instant: int) -> tuple[int, int]:
        """Return the first second of the local day of an instant, and of the next: 23, 24 or 25 hours apart."""
        today = datetime.fromtimestamp(instant, self.zone).date()
        return self.midnight(today), self.midnight(today + timedelta(days=1))

    def month_name(self, instant: int) -> str:
        """Return the local month of an instant, such as "2017-05"."""
        return f"{datetime.fromtimestamp(instant, self.zone):%Y-%m}"

    def month(self, instant: int) -> str:
        """Return the local month of an instant in words, such as "May 2017"."""
        return format_date(datetime.fromtimestamp(instant, self.zone), "LLLL y", locale=_locale())

    def days(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return the bounds of every local day from that of one instant to that of another."""
        found = [self.day(first)]
        while found[-1][1] <= last:
            found.append(self.day(found[-1][1]))
        return found

    def iso_date(self, instant: int) -> str:
        """Return the local date, such as "2017-05-17"."""
        return f"{datetime.fromtimestamp(instant, self.zone):%Y-%m-%d}"

    def midnight(self, day: date) -> int:
        """Return the first second of a local day."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())


def energy_total(quantity_wh: int | None) -> str:
    """Return energy in Wh, or in kWh with one decimal when it is much."""
    if quantity_wh is None:
        return DASH
    if abs(quantity_wh) < KWH_FROM_WH:
        return energy(quantity_wh)
    return f"{number(Decimal(quantity_wh).scaleb(-3), 1, 1)}{NO_BREAK_SPACE}kWh"


def exact_energy(quantity_wh: int | None) -> str:
    """Return energy in Wh."""
    return DASH if quantity_wh is None else energy(quantity_wh)


def exact_price(ueur_per_kwh: int | None) -> str:
    """Return a price in ct/kWh, all digits."""
    return DASH if ueur_per_kwh is None else price(ueur_per_kwh)


def mean_price(ueur_per_kwh: int | None) -> str:
    """Return a mean price in ct/kWh with two decimals, rounded half to even."""
    if ueur_per_kwh is None:
        return DASH
    return f"{number(Decimal(ueur_per_kwh).scaleb(-4), 2, 2)}{NO_BREAK_SPACE}ct/kWh"


def euros(amount_neur: int | None, places: int = 2) -> str:
    """Return money in euros with some decimals, rounded half to even."""
    return DASH if amount_neur is None else money(amount_neur, places)


def due(amount_neur: int) -> str:
    """Return a bill's total in words: to get, or to pay."""
    if amount_neur < 0:
        return gettext("to pay: {amount}").format(amount=euros(-amount_neur))
    return gettext("to get: {amount}").format(amount=euros(amount_neur))


def plain_cents(ueur_per_kwh: int) -> str:
    """Return a price in ct/kWh as somebody types it: no unit, no grouping."""
    return number(Decimal(ueur_per_kwh).scaleb(-4), 1, 4)


def share(part: int, whole: int) -> str:
    """Return a share in percent with one decimal, rounded half to even; a dash for a share of nothing."""
    if not whole:
        return DASH
    percent = (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f"{number(percent, 1, 1)}{NO_BREAK_SPACE}%"


def carbon(mass_g: int) -> str:
    """Return a mass of CO2 equivalents in g, or in kg with one decimal when it is much."""
    if mass_g < GRAMS_PER_KG:
        return f"{number(mass_g)}{NO_BREAK_SPACE}g CO₂e"
    return f"{number(Decimal(mass_g).scaleb(-3), 1, 1)}{NO_BREAK_SPACE}kg CO₂e"


def named(name: str) -> str:
    """Return the reader's word for a state or a source; itself when there is none."""
    return gettext(NAMES[name]) if name in NAMES else name


def short_hex(text: str | None) -> str:
    """Return the ends of an address or digest, such as "0x9c2f…04e1"."""
    if text is None:
        return DASH
    return text if len(text) <= 14 else f"{text[:6]}…{text[-4:]}"


def _locale() -> str:
    return {"en": "en_GB"}.get(language(), language())
