import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from oracles.evidence_file import EVIDENCE_BYTES_MAX, parse, parse_text, to_document
from oracles.evidence_links import BrokenLink, Fault
from tests.support.evidence import make_evidence

EVIDENCE = make_evidence()
DOCUMENT: dict[str, Any] = to_document(EVIDENCE)
TEXT = json.dumps(DOCUMENT)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    change(document)
    return document


def fault_of(document: object) -> Fault:
    with pytest.raises(BrokenLink) as broken:
        parse(document)
    return broken.value.fault


def test_a_file_gives_back_what_was_put_in() -> None:
    assert parse(DOCUMENT) == EVIDENCE
    assert parse_text(TEXT.encode()) == EVIDENCE


def test_large_integers_travel_as_text() -> None:
    large = replace(EVIDENCE, run=replace(EVIDENCE.run, run_id=2**64 - 1, traded_wh=2**53), chain_id=2**255)
    document: dict[str, Any] = to_document(large)
    assert document["run"]["runId"] == "18446744073709551615"
    assert document["run"]["tradedWh"] == "9007199254740992"
    assert parse(json.loads(json.dumps(document))) == large


@pytest.mark.parametrize("document", [None, 5, "evidence", [], [DOCUMENT]])
def test_what_is_no_object_is_no_evidence(document: object) -> None:
    assert fault_of(document) is Fault.NOT_AN_OBJECT


@pytest.mark.parametrize("document", [{}, DOCUMENT | {"schema": "resilia-evidence/2"}, DOCUMENT | {"schema": None}])
def test_another_schema_is_no_evidence(document: object) -> None:
    assert fault_of(document) is Fault.OTHER_SCHEMA


@pytest.mark.parametrize("key", [key for key in DOCUMENT if key != "schema"])
def test_every_key_is_needed(key: str) -> None:
    assert fault_of(changed(lambda document: document.pop(key))) is Fault.WRONG_KEYS


PLACES: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda document: document,
    lambda document: document["contracts"],
    lambda document: document["certificate"],
    lambda document: document["run"],
    lambda document: document["runSignatures"][0],
    lambda document: document["reading"],
    lambda document: document["attestation"],
    lambda document: document["attestedIn"],
    lambda document: document["settledIn"],
]


@pytest.mark.parametrize("place", PLACES)
def test_no_object_has_a_key_too_many_or_too_few(place: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    assert fault_of(changed(lambda document: place(document).update(more=1))) is Fault.WRONG_KEYS
    if place is not PLACES[0]:
        assert fault_of(changed(lambda document: place(document).popitem())) is Fault.WRONG_KEYS


@pytest.mark.parametrize(
    "value",
    [
        -1,
        2**64,
        2**53,
        "5",
        "05",
        "9007199254740991",
        "09007199254740992",
        "0x5",
        1.0,
        True,
        None,
        [],
        "٩٠٠٧١٩٩٢٥٤٧٤٠٩٩٢",
        "9" * 5_000,
    ],
)
def test_an_integer_has_one_form(value: object) -> None:
    assert fault_of(changed(lambda document: document["run"].update(runId=value))) is Fault.NOT_AN_INTEGER


def test_an_integer_stays_in_its_type() -> None:
    assert fault_of(changed(lambda document: document["certificate"].update(source=256))) is Fault.NOT_AN_INTEGER
    assert fault_of(changed(lambda document: document["reading"].update(quality=65_536))) is Fault.NOT_AN_INTEGER


@pytest.mark.parametrize(
    "value", ["", "0x", "0x" + "0" * 63, "0x" + "0" * 66, "0X" + "0" * 64, "0x" + "A" * 64, "0x" + "g" * 64, 0, None]
)
def test_bytes_have_one_form(value: object) -> None:
    assert fault_of(changed(lambda document: document["run"].update(netsHash=value))) is Fault.NOT_BYTES


@pytest.mark.parametrize("value", ["0x0", "0xABCD", "abcd", "0xab\n"])
def test_bytes_of_any_length_have_one_form(value: str) -> None:
    assert fault_of(changed(lambda document: document["settledIn"].update(headerRlp=value))) is Fault.NOT_BYTES


@pytest.mark.parametrize("value", [None, {}, "0x"])
def test_a_list_is_a_list(value: object) -> None:
    assert fault_of(changed(lambda document: document.update(runSignatures=value))) is Fault.NOT_A_LIST
    assert fault_of(changed(lambda document: document["certificate"].update(proof=value))) is Fault.NOT_A_LIST


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", Fault.NOT_JSON),
        (b"\xff\xfe", Fault.NOT_JSON),
        (TEXT.encode("utf-16"), Fault.NOT_JSON),
        (b"{", Fault.NOT_JSON),
        (TEXT.encode() + b"x", Fault.NOT_JSON),
        (b'{"schema": NaN}', Fault.NOT_JSON),
        (b"[" * 100_000, Fault.NOT_JSON),
        (b'["]",' * 100_000, Fault.NOT_JSON),
        (b"9" * 10_000, Fault.NOT_JSON),
        (TEXT.replace('"number"', '"number": 1, "number"').encode(), Fault.REPEATED_KEY),
        (b" " * EVIDENCE_BYTES_MAX + b"1", Fault.TOO_LARGE),
    ],
)
def test_text_that_is_no_plain_json_is_no_evidence(text: bytes, fault: Fault) -> None:
    with pytest.raises(BrokenLink) as broken:
        parse_text(text)
    assert broken.value.fault is fault


def test_unknown_keys_are_shown_harmlessly() -> None:
    with pytest.raises(BrokenLink) as broken:
        parse(DOCUMENT | {"\x1b[31m" + "k" * 100: 1})
    assert "\x1b" not in str(broken.value)
    assert len(str(broken.value)) < 200
