"""Facts that no meter measures: prices, carbon, weather, as oracles know them at one instant, and how they are signed.

A series is what is known of one kind at one place for consecutive instants behind its round, so that nothing which has
begun is changed by it; later knowledge is another series. Every kind has its unit in its name and its bounds here; all
values are integers. Pure.
Refuses: `OracleReject.FACT_MALFORMED`, `FACT_ABSURD`, `FACT_LATE`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from energy.identity import Digest
from energy.quantities import PRICE_UEUR_PER_KWH_MAX
from energy.results import Rejected
from oracles.hashing import keccak
from oracles.rejections import OracleReject
from oracles.struct_types import StructType

VALUES_MAX: Final = 1_000
PLACE_CHARS_MAX: Final = 64
EARLY_S_MAX: Final = 27
"""How far ahead of another's clock an oracle's may be: 3 % of a quarter-hour, as for meters."""
_VALUE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be known."""

    low: int
    """Least value on record, with some room."""
    high: int
    tolerance: int
    """Farthest that two honest sources are apart; a series may say otherwise."""


KINDS: Final[Mapping[str, Kind]] = {
    "import_price_ueur_per_kwh": Kind(-PRICE_UEUR_PER_KWH_MAX, PRICE_UEUR_PER_KWH_MAX, 0),
    "export_price_ueur_per_kwh": Kind(-PRICE_UEUR_PER_KWH_MAX, PRICE_UEUR_PER_KWH_MAX, 0),
    "carbon_g_per_kwh": Kind(0, 2_000, 10),
    "temp_millic": Kind(-60_000, 60_000, 1_500),
    "rh_permille": Kind(0, 1_000, 100),
    "wind_m_per_h": Kind(0, 410_000, 10_000),
    "sky_clear_permille": Kind(0, 1_000, 300),
}
"""By name. Prices are what the grid's supplier charges and pays, with levies and all; weather is that of a forecast."""

FACTS: Final = StructType(
    "Facts(string kind,string place,uint64 knownAt,uint64 first,uint32 step,bytes values)",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """A series: what was known of a kind at a place."""

    kind: str
    """One of `KINDS`."""
    place: str
    """As the community calls it."""
    known_at: int
    """The round: UTC epoch seconds."""
    first: int
    """Instant of the first value."""
    step_s: int
    """Each value holds so long, and the next follows."""
    values: tuple[int, ...]

    @property
    def end(self) -> int:
        """First second that the series says nothing of."""
        return self.first + self.step_s * len(self.values)

    def by_instant(self) -> dict[int, int]:
        """Return the values by the instants from which they hold."""
        return {self.first + number * self.step_s: value for number, value in enumerate(self.values)}


def facts_hash(facts: Facts) -> Digest:
    """Return the EIP-712 struct hash of a series; its values are packed as ``int64``, big-endian.

    Raises:
        ValueError: a value that its Solidity type cannot hold.
    """
    try:
        packed = b"".join(value.to_bytes(_VALUE_BYTES, "big", signed=True) for value in facts.values)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    return FACTS.hash((facts.kind.encode(), facts.place.encode(), facts.known_at, facts.first, facts.step_s, packed))


def facts_subject(facts: Facts) -> Digest:
    """Return what a guard remembers a series by: of one kind and place there is one for each round."""
    return keccak(keccak(facts.kind.encode()) + keccak(facts.place.encode()))


def check_facts(facts: Facts, now: int, every_s: int) -> Rejected | None:
    """Say why a series can not be signed or adopted now; None when it can.

    Args:
        facts: The series.
        now: The time.
        every_s: Length of a round.
    Returns:
        FACT_MALFORMED, FACT_ABSURD, or FACT_LATE when its round is over or has not begun.
    """
    what: dict[str, int | str] = {"kind": facts.kind, "place": facts.place}
    kind = KINDS.get(facts.kind)
    if kind is None or not 0 < len(facts.place) <= PLACE_CHARS_MAX or not facts.place.isprintable():
        return Rejected(OracleReject.FACT_MALFORMED, {**what, "field": "place" if kind else "kind"})
    if not 0 < len(facts.values) <= VALUES_MAX:
        return Rejected(OracleReject.FACT_MALFORMED, {**what, "field": "values"})
    if (
        facts.step_s <= 0
        or facts.first % facts.step_s
        or facts.first < facts.known_at + every_s
        or facts.known_at % every_s
    ):
        return Rejected(OracleReject.FACT_MALFORMED, {**what, "field": "first"})
    if not facts.known_at - EARLY_S_MAX <= now < facts.known_at + every_s + EARLY_S_MAX:
        return Rejected(OracleReject.FACT_LATE, {**what, "known_at": facts.known_at, "now": now})
    for at, value in facts.by_instant().items():
        if not kind.low <= value <= kind.high:
            return Rejected(OracleReject.FACT_ABSURD, {**what, "at": at})
    return None
