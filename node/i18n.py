"""The languages of people: texts from gettext catalogues; numbers, money and times as each language writes them.

English is the language of the sources, so every message is its own key. The other catalogues are plain ``.po`` files,
``node/cli/locales/<language>/<face>.po``, one per face of the node; they are read when first needed and nothing is
ever compiled by hand. The language belongs to the running context: a request does not change another's.

Units: Wh, µ€/kWh, n€, UTC epoch seconds. Shows them exactly, but for `money`, which says how it rounds.
"""

import gettext as standard_gettext
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

LANGUAGES: Final = ("en", "fr")
LOCALES: Final = Path(__file__).parent / "cli" / "locales"

_NO_BREAK_SPACE: Final = "\u00a0"
_language: ContextVar[str] = ContextVar("language", default="en")

# -- LANGUAGE


def language() -> str:
    """Return the language of the running context, one of `LANGUAGES`."""
    return _language.get()


def use_language(name: str) -> None:
    """Speak a language from here on in the running context.

    Raises:
        ValueError: not one of `LANGUAGES`.
    """
    if name not in LANGUAGES:
        raise ValueError(f"the languages are {', '.join(LANGUAGES)}, not {name!r}")
    _language.set(name)


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Speak a language inside a ``with`` block."""
    before = _language.get()
    use_language(name)
    try:
        yield
    finally:
        _language.set(before)


def language_of_environment(environment: Mapping[str, str]) -> str:
    """Return what POSIX locale variables ask for: LC_ALL, else LC_MESSAGES, else LANG; English when in doubt."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(variable)
        if value:
            name = value.replace("-", "_").partition("_")[0].partition(".")[0].lower()
            return name if name in LANGUAGES else "en"
    return "en"


# -- TEXTS


def gettext(message: str) -> str:
    """Return a message in the language of the running context."""
    return _catalogue(_language.get()).gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return the form of a message that goes with a count."""
    return _catalogue(_language.get()).ngettext(singular, plural, count)


def mark(message: str) -> str:
    """Return a message unchanged: marks it for translation where it is written, to be translated where it is shown."""
    return message


@cache
def _catalogue(name: str) -> standard_gettext.NullTranslations:
    catalogue = standard_gettext.NullTranslations()
    for path in sorted((LOCALES / name).glob("*.po")):
        read = _read_catalogue(path)
        read.add_fallback(catalogue)
        catalogue = read
    return catalogue


def _read_catalogue(path: Path) -> standard_gettext.GNUTranslations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with open(path, "rb") as file:
        write_mo(compiled, read_po(file, abort_invalid=True))
    compiled.seek(0)
    return standard_gettext.GNUTranslations(compiled)


# -- NUMBERS


def number(value: int | Decimal, places_min: int = 0, places_max: int = 0) -> str:
    """Return a number with grouped digits, and between `places_min` and `places_max` decimals."""
    from babel.numbers import format_decimal

    decimals = "0" * places_min + "#" * (places_max - places_min)
    return str(format_decimal(value, f"#,##0.{decimals}" if decimals else "#,##0", locale=_language.get()))


def energy(quantity_wh: int) -> str:
    """Return energy in Wh, such as "2,980 Wh"."""
    return f"{number(quantity_wh)}{_NO_BREAK_SPACE}Wh"


def price(ueur_per_kwh: int) -> str:
    """Return a price in cents, such as "11.4 ct/kWh"; exact."""
    return f"{number(Decimal(ueur_per_kwh).scaleb(-4), 1, 4)}{_NO_BREAK_SPACE}ct/kWh"


def money(amount_neur: int, places: int = 2) -> str:
    """Return money in euros, rounded half to even, such as "€1.23" or "1,23 €"."""
    from babel import Locale
    from babel.numbers import format_currency

    euros = Decimal(amount_neur).scaleb(-9).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN) + 0  # never "-0"
    locale = Locale.parse(_language.get())
    pattern = locale.currency_formats["standard"].pattern.replace("0.00", f"0.{'0' * places}")
    return str(format_currency(euros, "EUR", pattern, locale, currency_digits=False))


# -- TIMES


def local_time(instant: int, zone: str) -> str:
    """Return an instant as date and time of a named zone, such as "2026-10-25 02:30 CEST": never ambiguous."""
    return f"{datetime.fromtimestamp(instant, ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


def local_interval(start: int, length_s: int, zone: str) -> str:
    """Return an interval on the clock of a named zone, such as "2026-10-25 12:30–12:45 CET"."""
    begin = datetime.fromtimestamp(start, ZoneInfo(zone))
    end = datetime.fromtimestamp(start + length_s, ZoneInfo(zone))
    begin_zone = "" if begin.tzname() == end.tzname() else f" {begin.tzname()}"
    return f"{begin:%Y-%m-%d %H:%M}{begin_zone}–{end:%H:%M %Z}"


def duration(seconds: int) -> str:
    """Return a stretch of time in the two largest units that matter, such as "3 min 20 s"."""
    days = (seconds // 86_400, gettext("d"))
    parts = [days, (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    shown = [f"{value}{_NO_BREAK_SPACE}{unit}" for value, unit in parts if value]
    return " ".join(shown[:2]) if shown else f"0{_NO_BREAK_SPACE}s"
