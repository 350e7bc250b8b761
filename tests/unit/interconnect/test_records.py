"""What two communities sign has the digest of the committed vectors, which the contract and viem read too."""

import json
from pathlib import Path
from typing import Any

import pytest

from interconnect.records import (
    Award,
    Decision,
    Export,
    Lease,
    LinkRecord,
    LinkRun,
    Offer,
    record_digest,
    record_values,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "typed_data.json").read_text(encoding="utf-8"))
RECORDS: dict[str, Any] = {each.__name__: each for each in (LinkRun, Export, Lease, Offer, Award, Decision)}


def record(case: dict[str, Any], **changes: Any) -> LinkRecord:
    values = case["values"] | changes
    made: LinkRecord = RECORDS[case["type"]](
        *(bytes.fromhex(v[2:]) if isinstance(v, str) else v for v in values.values())
    )
    return made


@pytest.mark.parametrize("case", VECTORS["linkCases"], ids=lambda case: case["type"])
def test_digest_agrees_with_the_vectors(case: dict[str, Any]) -> None:
    assert "0x" + record_digest(record(case)).hex() == case["digest"]


@pytest.mark.parametrize("case", VECTORS["linkCases"][: len(RECORDS)], ids=lambda case: case["type"])
def test_every_field_is_signed(case: dict[str, Any]) -> None:
    for name, value in case["values"].items():
        changed = value + 1 if isinstance(value, int) else "0x" + ("00" if value[2:4] == "ff" else "ff") + value[4:]
        assert record_digest(record(case, **{name: changed})) != record_digest(record(case)), name
    assert len(record_values(record(case))) == len(case["values"])
