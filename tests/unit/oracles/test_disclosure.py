"""A disclosure opens what was asked, proves it, and holds nothing of anybody else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from oracles.disclosure import Disclosure, OpenedReading, from_document, to_document
from oracles.merkle import MerkleTree, leaf, salt
from oracles.typed_data import reading_hash
from tests.support.evidence import CHAIN_ID, METERS, READINGS_CONTRACT, SALT_KEY, make_reading

READINGS = [make_reading(meter, import_wh=100 + place) for place, meter in enumerate(METERS)]
SALTS = [salt(SALT_KEY, each.meter) for each in READINGS]
TREE = MerkleTree([leaf(reading_hash(each), own) for each, own in zip(READINGS, SALTS, strict=True)])
OPENED = OpenedReading(READINGS[2], SALTS[2], TREE.proof(2), TREE.root)
DOCUMENT = to_document(Disclosure(CHAIN_ID, READINGS_CONTRACT, (OPENED,)))


def test_what_was_opened_comes_back_and_holds() -> None:
    found = from_document(json.loads(json.dumps(DOCUMENT)))
    assert found == Disclosure(CHAIN_ID, READINGS_CONTRACT, (OPENED,))
    assert found.opened[0].holds


def test_nothing_of_anybody_else_is_in_it() -> None:
    text = json.dumps(DOCUMENT)
    for place, reading in enumerate(READINGS):
        others = (reading.meter.hex(), SALTS[place].hex(), reading_hash(reading).hex())
        assert any(each in text for each in others) == (place == 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item["reading"].update(importWh=item["reading"]["importWh"] + 1),
        lambda item: item.update(salt="0x" + "11" * 32),
        lambda item: item.update(proof=item["proof"][:-1]),
        lambda item: item.update(root="0x" + "22" * 32),
    ],
)
def test_what_was_changed_does_not_hold(change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    change(document["readings"][0])
    assert not from_document(document).opened[0].holds


@pytest.mark.parametrize(
    "document",
    [
        {},
        {**DOCUMENT, "schema": "other"},
        {**DOCUMENT, "readings": [{"reading": {}}]},
        {**DOCUMENT, "readings": [{**json.loads(json.dumps(DOCUMENT))["readings"][0], "salt": "salt"}]},
        {**DOCUMENT, "readings": 5},
    ],
)
def test_what_is_no_disclosure_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        from_document(document)
