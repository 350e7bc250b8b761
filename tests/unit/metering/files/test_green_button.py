import pytest

from energy.results import Rejected
from metering.files.green_button import decode_green_button
from metering.files.load_curve import Direction, LoadCurve, Slot
from tests.support.meters import NOON

POINT = "https://utility.example/espi/1_1/resource/Subscription/5/UsagePoint/17"


def entry(own: str, up: str, content: str, *related: str) -> str:
    links = f'<link rel="self" href="{own}"/><link rel="up" href="{up}"/>'
    links += "".join(f'<link rel="related" href="{href}"/>' for href in related)
    return f"<entry>{links}<content>{content}</content></entry>"


def reading_type(direction: int, multiplier: int = 0, *, name: str = "1", uom: int = 72, behaviour: int = 4) -> str:
    fields = f"<accumulationBehaviour>{behaviour}</accumulationBehaviour><flowDirection>{direction}</flowDirection>"
    fields += f"<powerOfTenMultiplier>{multiplier}</powerOfTenMultiplier><uom>{uom}</uom>"
    espi = 'xmlns="http://naesb.org/espi"'
    return entry(f"https://utility.example/ReadingType/{name}", "", f"<ReadingType {espi}>{fields}</ReadingType>")


def block(reading: str, *values: int, quality: str = "") -> str:
    intervals = "".join(
        f"<IntervalReading>{quality}<timePeriod><duration>900</duration><start>{NOON + 900 * place}</start>"
        f"</timePeriod><value>{value}</value></IntervalReading>"
        for place, value in enumerate(values)
    )
    up = f"{POINT}/MeterReading/{reading}/IntervalBlock"
    return entry(f"{up}/1", up, f'<IntervalBlock xmlns="http://naesb.org/espi">{intervals}</IntervalBlock>')


def meter_reading(reading: str, name: str) -> str:
    own = f"{POINT}/MeterReading/{reading}"
    return entry(own, f"{POINT}/MeterReading", "<MeterReading/>", f"https://utility.example/ReadingType/{name}")


def feed(*entries: str) -> bytes:
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'.encode()


def curves_of(data: bytes) -> tuple[LoadCurve, ...]:
    outcome = decode_green_button(data)
    assert not isinstance(outcome, Rejected), outcome
    return outcome


def test_a_feed_of_one_reading() -> None:
    assert curves_of(feed(reading_type(1), block("1", 100, 200))) == (
        LoadCurve("17", Direction.IMPORT, (Slot(NOON, 900, 100), Slot(NOON + 900, 900, 200))),
    )


def test_each_reading_goes_by_the_type_that_its_links_name() -> None:
    types = reading_type(1, name="in"), reading_type(19, name="out"), reading_type(1, uom=169, name="gas")
    data = feed(*types, meter_reading("1", "out"), meter_reading("2", "in"), block("1", 5), block("2", 7, 8))
    assert [(curve.direction, curve.energy_wh) for curve in curves_of(data)] == [
        (Direction.EXPORT, 5),
        (Direction.IMPORT, 15),
    ]


def test_what_measures_no_energy_is_passed_over() -> None:
    types = reading_type(1, name="in"), reading_type(1, uom=169, name="gas"), reading_type(1, uom=38, name="demand")
    readings = meter_reading("1", "gas"), meter_reading("2", "in"), meter_reading("3", "demand")
    (curve,) = curves_of(feed(*types, *readings, block("1", 5), block("2", 7, 8), block("3", 9)))
    assert (curve.direction, curve.energy_wh) == (Direction.IMPORT, 15)


def test_an_entry_may_hold_many_blocks() -> None:
    later = block("1", 3).replace(f"<start>{NOON}<", f"<start>{NOON + 1_800}<")
    both = block("1", 5, 7).replace("</content></entry>", later[later.index("<IntervalBlock") :])
    assert [slot.energy_wh for slot in curves_of(feed(reading_type(1), both))[0].slots] == [5, 7, 3]


@pytest.mark.parametrize(("multiplier", "energies"), [(3, [5_000, 7_000]), (-1, [0, 1]), (0, [5, 7])])
def test_values_are_scaled_and_their_rest_carried(multiplier: int, energies: list[int]) -> None:
    (curve,) = curves_of(feed(reading_type(1, multiplier), block("1", 5, 7)))
    assert [slot.energy_wh for slot in curve.slots] == energies


def test_a_quality_is_kept() -> None:
    (curve,) = curves_of(
        feed(reading_type(1), block("1", 5, quality="<ReadingQuality><quality>8</quality></ReadingQuality>"))
    )
    assert curve.slots[0].quality == 8


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<feed>",
        b"\xff\xfe",
        feed(),
        feed(reading_type(1)),
        feed(block("1", 5)),
        feed(reading_type(1, name="a"), reading_type(1, name="b"), block("1", 5)),
        feed(reading_type(4), block("1", 5)),
        feed(reading_type(1, uom=38), block("1", 5)),
        feed(reading_type(1, behaviour=3), block("1", 5)),
        feed(reading_type(1, 12), block("1", 5)),
        feed(reading_type(1), block("1", -5)),
        feed(reading_type(1), block("1", 5), block("1", 5)),
        feed(reading_type(1), block("1", 5)).replace(b"<value>5<", b"<value>5.0<"),
        feed(reading_type(1), block("1", 5)).replace(b"<value>5</value>", b""),
        feed(reading_type(1), block("1", 5)).replace(b"duration>900", b"duration>0"),
        feed(reading_type(1), block("1", 5)).replace(b"timePeriod>", b"period>"),
    ],
)
def test_what_is_not_exactly_so_is_refused(data: bytes) -> None:
    assert isinstance(decode_green_button(data), Rejected)


@pytest.mark.parametrize(
    "document_type",
    [
        b'<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
        b'<!DOCTYPE feed SYSTEM "file:///etc/passwd">',
    ],
)
def test_entities_and_document_types_are_refused(document_type: bytes) -> None:
    data = feed(reading_type(1), block("1", 5))
    assert isinstance(decode_green_button(data.replace(b"<feed", document_type + b"<feed", 1)), Rejected)
