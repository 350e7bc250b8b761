import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from energy.identity import ZERO_DIGEST, Digest
from oracles.records import Certificate, IntervalReadings, Run, history_hash, record_hash

VECTORS: Mapping[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "typed_data.json").read_text())
RECORDS = {"IntervalReadings": IntervalReadings, "Run": Run, "Certificate": Certificate}


def record(kind: str, values: Mapping[str, Any]) -> Any:
    return RECORDS[kind](*(bytes.fromhex(each[2:]) if isinstance(each, str) else each for each in values.values()))


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["cases"] if case["type"] in RECORDS], ids=lambda case: case["type"]
)
def test_records_hash_as_the_vectors(case: Mapping[str, Any]) -> None:
    assert record_hash(record(case["type"], case["values"])).hex() == case["structHash"][2:]


@pytest.mark.parametrize("history", VECTORS["histories"])
def test_histories_are_those_of_the_vectors(history: Mapping[str, Any]) -> None:
    reached = ZERO_DIGEST
    for step in history["steps"]:
        reached = history_hash(reached, record_hash(record("IntervalReadings", step["values"])))
        assert reached == Digest(bytes.fromhex(step["history"][2:]))
