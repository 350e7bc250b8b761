"""Whoever changes one digit of an evidence file is found out, whatever the digit, and nothing crashes the check."""

import json
import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.evidence import LinkName, verify, verify_text
from oracles.evidence_file import to_document
from tests.support.evidence import make_evidence, sealer

DIGITS = "0123456789abcdef"
DIGITS_APART = 8
"""Of each value the first and the last digit, and every so many between: one document has some 11 000 digits."""
VARIANTS = ("two blocks", "one block")


@cache
def text_of(variant: str) -> str:
    return json.dumps(to_document(make_evidence(same_block=variant == "one block")))


@cache
def places_of_values(variant: str) -> list[range]:
    """Return where the digits of each value stand: of integers, and of hexadecimal text behind its 0x."""
    values = re.finditer(r'(?<=: )\d+|(?<="0x)[0-9a-f]+(?=")', text_of(variant))
    return [range(value.start(), value.end()) for value in values]


@cache
def places_of(variant: str) -> list[int]:
    return [place for places in places_of_values(variant) for place in places]


def broken_by(variant: str, place: int, replacement: str) -> list[LinkName]:
    text = text_of(variant)
    changed = text[:place] + replacement + text[place + 1 :]
    return [link.name for link in verify_text(changed.encode()) if not link.ok]


def test_untouched_evidence_holds() -> None:
    for variant in VARIANTS:
        assert all(link.ok for link in verify_text(text_of(variant).encode(), trusted_sealer=sealer()))


def test_one_other_digit_in_every_value_breaks_a_link() -> None:
    text = text_of("two blocks")
    for places in places_of_values("two blocks"):
        for place in {places[0], places[-1], *places[::DIGITS_APART]}:
            assert broken_by("two blocks", place, "1" if text[place] != "1" else "2"), text[place - 40 : place + 1]


@given(variant=st.sampled_from(VARIANTS), which=st.integers(min_value=0), digit=st.sampled_from(DIGITS + 'ABCDEFx-" '))
def test_any_other_character_in_a_value_breaks_a_link(variant: str, which: int, digit: str) -> None:
    places = places_of(variant)
    place = places[which % len(places)]
    if text_of(variant)[place] != digit:
        assert broken_by(variant, place, digit)


@given(variant=st.sampled_from(VARIANTS), data=st.data())
def test_a_character_less_or_more_breaks_a_link(variant: str, data: st.DataObject) -> None:
    text = text_of(variant)
    place = data.draw(st.sampled_from(places_of(variant)))
    inserted = data.draw(st.sampled_from(DIGITS))
    for changed in (text[:place] + text[place + 1 :], text[:place] + inserted + text[place:]):
        if changed != text:
            assert not all(link.ok for link in verify_text(changed.encode()))


def leaves_of(document: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to every value of a document, lists and objects among them."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(document, dict):
        inner = list(document.items())
    elif isinstance(document, list):
        inner = list(enumerate(document))
    return [path, *(way for key, value in inner for way in leaves_of(value, (*path, key)))][0 if path else 1 :]


PATHS = leaves_of(json.loads(text_of("two blocks")))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary(max_size=8).map(lambda b: "0x" + b.hex()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_no_value_can_be_left_out_or_doubled(path: tuple[str | int, ...]) -> None:
    for edit in ("drop", "double"):
        document: Any = json.loads(text_of("two blocks"))
        holder = document
        for key in path[:-1]:
            holder = holder[key]
        if edit == "drop":
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.append(holder[-1])
        else:
            holder["again"] = holder[path[-1]]
        result = verify(document)
        signatures_dropped = edit == "drop" and "Signatures" in str(path[0]) and len(path) == 2
        assert signatures_dropped or not all(link.ok for link in result)


@given(path=st.sampled_from(PATHS), value=ANYTHING)
def test_any_value_anywhere_is_judged_and_never_crashes(path: tuple[str | int, ...], value: object) -> None:
    document: Any = json.loads(text_of("two blocks"))
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if holder[path[-1]] != value or type(holder[path[-1]]) is not type(value):
        holder[path[-1]] = value
        assert not all(link.ok for link in verify(document))


@given(document=ANYTHING)
def test_any_document_is_judged_and_never_crashes(document: object) -> None:
    assert not verify(document)[0].ok


@given(text=st.binary(max_size=200))
def test_any_bytes_are_judged_and_never_crash(text: bytes) -> None:
    assert not verify_text(text)[0].ok
