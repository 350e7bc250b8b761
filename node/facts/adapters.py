"""Where public services keep a fact in their JSON: shapes by JSON pointer (RFC 6901), and ready ones for some services.

Nothing is asked of a service that `facts.toml` does not name. Each has its own terms of use, which whoever names it has
read. Sources: the services' own documents; the tests hold each shape against a local server that speaks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Shape:
    """Where instants and values are: in each of some ``items``, or in two arrays."""

    items: str = ""
    """Pointer to the list; the whole document when empty."""
    at: str = "/at"
    """Pointer within an item to its instant: epoch seconds or milliseconds, or ISO 8601 (UTC without a zone)."""
    value: str = "/value"
    """Pointer within an item to its value."""
    times: str = ""
    """Pointer to an array of instants; takes the place of the other three."""
    values: str = ""
    """Pointer to the array of values beside it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind in a service's answer: kind = factor × value + offset."""

    shape: Shape
    factor: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Adapter:
    """One public service."""

    template: str
    """URL with ``{name}`` for what the table ``query`` says."""
    kinds: Mapping[str, Part]
    headers: Mapping[str, str] = field(default_factory=dict)
    token_header: str = ""
    """Header that carries the token of ``token_file``."""

    def url(self, query: Mapping[str, Any]) -> str:
        """Return the URL for some places.

        Raises:
            ValueError: a name is missing or unknown.
        """
        values = {name: quote(str(value), safe="") for name, value in query.items()}
        try:
            url = self.template.format_map(values)
        except KeyError as error:
            raise ValueError(f"query lacks {error.args[0]}") from None
        if unknown := [name for name in values if f"{{{name}}}" not in self.template]:
            raise ValueError(f"query has an unknown {unknown[0]}")
        return url


_EUR_PER_MWH: Final = Decimal(1_000)
"""µ€/kWh in one €/MWh."""
_PRICES: Final = ("import_price_ueur_per_kwh", "export_price_ueur_per_kwh")
_DETAILS: Final = "/data/instant/details"


def _open_meteo(variable: str) -> Shape:
    return Shape(times="/hourly/time", values=f"/hourly/{variable}")


def _met(variable: str) -> Shape:
    return Shape("/properties/timeseries", "/time", f"{_DETAILS}/{variable}")


ADAPTERS: Final[Mapping[str, Adapter]] = {
    "energy-charts": Adapter(
        "https://api.energy-charts.info/price?bzn={bzn}",
        {name: Part(Shape(times="/unix_seconds", values="/price"), _EUR_PER_MWH) for name in _PRICES},
    ),
    "awattar": Adapter(
        "https://api.awattar.{country}/v1/marketdata",
        {name: Part(Shape("/data", "/start_timestamp", "/marketprice"), _EUR_PER_MWH) for name in _PRICES},
    ),
    "carbonintensity-gb": Adapter(
        "https://api.carbonintensity.org.uk/intensity/{{now}}/fw48h",
        {"carbon_g_per_kwh": Part(Shape("/data", "/from", "/intensity/forecast"))},
    ),
    "electricitymaps": Adapter(
        "https://api.electricitymap.org/v3/carbon-intensity/forecast?zone={zone}",
        {"carbon_g_per_kwh": Part(Shape("/forecast", "/datetime", "/carbonIntensity"))},
        token_header="auth-token",
    ),
    "open-meteo": Adapter(
        "https://api.open-meteo.com/v1/forecast?latitude={latitude}&longitude={longitude}&timeformat=unixtime"
        "&forecast_days=4&hourly=temperature_2m,relative_humidity_2m,wind_speed_10m,cloud_cover",
        {
            "temp_millic": Part(_open_meteo("temperature_2m"), Decimal(1_000)),
            "rh_permille": Part(_open_meteo("relative_humidity_2m"), Decimal(10)),
            "wind_m_per_h": Part(_open_meteo("wind_speed_10m"), Decimal(1_000)),
            "sky_clear_permille": Part(_open_meteo("cloud_cover"), Decimal(-10), Decimal(1_000)),
        },
    ),
    "met-norway": Adapter(
        "https://api.met.no/weatherapi/locationforecast/2.0/compact?lat={latitude}&lon={longitude}",
        {
            "temp_millic": Part(_met("air_temperature"), Decimal(1_000)),
            "rh_permille": Part(_met("relative_humidity"), Decimal(10)),
            "wind_m_per_h": Part(_met("wind_speed"), Decimal(3_600)),
            "sky_clear_permille": Part(_met("cloud_area_fraction"), Decimal(-10), Decimal(1_000)),
        },
        {"user-agent": "resilia-grid"},
    ),
}
"""By name. In a URL ``{{now}}`` is the time when it is asked."""


def pointed(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer points at; None when there is nothing.

    Raises:
        ValueError: no pointer.
    """
    if not pointer:
        return document
    if not pointer.startswith("/"):
        raise ValueError(f"a JSON pointer begins with /, unlike {pointer!r}")
    for token in pointer[1:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document
