"""Load curves out of Green Button files (ESPI, an Atom feed in XML). Units: Wh, UTC epoch seconds.

Read with defusedxml: no entities, no document types, nothing fetched. A feed may hold several meter readings; each goes
by the reading type that its links name. What is measured in other units than Wh, such as gas or demand, is passed over.
Refuses feeds without any energy, cumulative values, and flows of no direction.
Source: NAESB REQ.21 (ESPI), espi.xsd 1.1: ReadingType, IntervalBlock, IntervalReading.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from energy.results import Rejected
from metering.files.load_curve import (
    RAW_QUALITY,
    Direction,
    LoadCurve,
    Slot,
    check_slots,
    energies_half_even_wh,
    malformed,
)
from metering.rejections import MeteringReject

FILE_LEN_MAX: Final = 16 << 20
_UNIT_WH: Final = 72
_DELTA: Final = 4
_DIRECTIONS: Final = {1: Direction.IMPORT, 19: Direction.EXPORT}
_MULTIPLIER_MAX: Final = 9
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


@dataclass(slots=True)
class _Entry:
    """One resource in an entry of the feed; some put all days of a month, a block each, into one entry."""

    link: str
    """Its own address."""
    up: str
    related: list[str]
    content: Element


@dataclass(frozen=True, slots=True)
class _Type:
    direction: Direction
    multiplier: int
    """Power of ten that makes Wh of the values."""
    quality: int


@dataclass(slots=True)
class _Series:
    """The intervals of one reading type: start, length, value and quality."""

    kind: _Type
    usage_point: str
    intervals: list[tuple[int, int, int, int]] = field(default_factory=list)


def decode_green_button(data: bytes) -> tuple[LoadCurve, ...] | Rejected:
    """Return the load curves of a feed, one for each meter reading in it, in the feed's sequence."""
    if len(data) > FILE_LEN_MAX:
        return malformed(0, "length")
    try:
        feed = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return malformed(0, "xml")
    entries = [entry for element in feed.iter() if _name(element) == "entry" for entry in _entry(element)]
    try:
        series = _series(entries)
    except ValueError as error:
        return malformed(0, str(error))
    if not series:
        return Rejected(MeteringReject.MISSING_GROUP, {"label": "IntervalBlock", "groups_bad": 0})
    curves = []
    for each in series:
        curve = _curve(each)
        if isinstance(curve, Rejected):
            return curve
        curves.append(curve)
    return tuple(curves)


def _entry(element: Element) -> Iterator[_Entry]:
    links: dict[str, list[str]] = {}
    for child in element:
        if _name(child) == "link":
            links.setdefault(child.get("rel", ""), []).append(child.get("href", ""))
    own, up = (links.get(rel, [""])[0] for rel in ("self", "up"))
    for content in element:
        if _name(content) == "content":
            for resource in content:
                yield _Entry(own, up, links.get("related", []), resource)


def _series(entries: list[_Entry]) -> list[_Series]:
    """Gather the intervals by their meter reading.

    Raises:
        ValueError: a field is not what it should be; its name.
    """
    types = {entry.link: entry.content for entry in entries if _name(entry.content) == "ReadingType"}
    readings = {entry.link: entry for entry in entries if _name(entry.content) == "MeterReading"}
    series: dict[str, _Series | None] = {}
    for entry in entries:
        if _name(entry.content) != "IntervalBlock":
            continue
        owner = entry.up.rpartition("/IntervalBlock")[0]
        if owner not in series:
            kind = _type_of(owner, readings, types)
            series[owner] = None if kind is None else _Series(kind, _usage_point(owner))
        if (each := series[owner]) is not None:
            intervals = (element for element in entry.content if _name(element) == "IntervalReading")
            each.intervals += [_interval(element, each.kind) for element in intervals]
    found = [each for each in series.values() if each is not None]
    if series and not found:
        raise ValueError("uom")
    return found


def _type_of(owner: str, readings: dict[str, _Entry], types: dict[str, Element]) -> _Type | None:
    """Return the type that a meter reading's links name, or the feed's only one; None when it measures no energy."""
    reading = readings.get(owner)
    named = [types[link] for link in reading.related if link in types] if reading else []
    candidates = named or list(types.values())
    if len(candidates) != 1:
        raise ValueError("ReadingType")
    return _type(candidates[0]) if _number(candidates[0], "uom", 0) == _UNIT_WH else None


def _type(content: Element) -> _Type:
    direction = _DIRECTIONS.get(_number(content, "flowDirection", 0))
    multiplier = _number(content, "powerOfTenMultiplier", 0)
    if direction is None:
        raise ValueError("flowDirection")
    if _number(content, "accumulationBehaviour", _DELTA) != _DELTA:
        raise ValueError("accumulationBehaviour")
    if abs(multiplier) > _MULTIPLIER_MAX:
        raise ValueError("powerOfTenMultiplier")
    return _Type(direction, multiplier, _number(content, "defaultQuality", RAW_QUALITY))


def _interval(element: Element, kind: _Type) -> tuple[int, int, int, int]:
    period = next((child for child in element if _name(child) == "timePeriod"), None)
    if period is None:
        raise ValueError("timePeriod")
    quality = next((child for child in element if _name(child) == "ReadingQuality"), None)
    return (
        _number(period, "start"),
        _number(period, "duration"),
        _number(element, "value"),
        kind.quality if quality is None else _number(quality, "quality", kind.quality),
    )


def _curve(series: _Series) -> LoadCurve | Rejected:
    intervals = sorted(series.intervals)
    multiplier = series.kind.multiplier
    scale, denominator = 10 ** max(multiplier, 0), 10 ** max(-multiplier, 0)
    energies = energies_half_even_wh((value * scale for _, _, value, _ in intervals), denominator)
    slots = tuple(
        Slot(start, length_s, energy_wh, quality)
        for (start, length_s, _, quality), energy_wh in zip(intervals, energies, strict=True)
    )
    return check_slots(slots) or LoadCurve(series.usage_point, series.kind.direction, slots)


def _number(element: Element, name: str, default: int | None = None) -> int:
    """Return a number in a field; what is left out has a default, or must be there."""
    for child in element:
        if _name(child) == name:
            text = (child.text or "").strip()
            if not _NUMBER.fullmatch(text):
                raise ValueError(name)
            return int(text)
    if default is None:
        raise ValueError(name)
    return default


def _usage_point(link: str) -> str:
    parts = link.split("/")
    return parts[parts.index("UsagePoint") + 1] if "UsagePoint" in parts[:-1] else ""


def _name(element: Element) -> str:
    """Return an element's name without its namespace, which old files leave out."""
    return str(element.tag).rpartition("}")[2]
