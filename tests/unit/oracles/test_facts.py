from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import hex_text
from energy.results import Accepted, Rejected
from oracles.facts import EARLY_S_MAX, KINDS, VALUES_MAX, Facts, check_facts, facts_hash
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.hashing import keccak
from oracles.rejections import OracleReject
from oracles.signatures import address_of, recover
from oracles.signers import KeySigner
from oracles.typed_data import digest
from tests.support.evidence import ORACLE_KEYS
from tests.support.oracles import DOMAIN

EVERY_S = 3_600
ROUND = 1_751_371_200
CARBON = Facts("carbon_g_per_kwh", "FR", ROUND, ROUND + EVERY_S, 3_600, (52, 49, 47))


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[GuardedSigner]:
    with closing(GuardStore(tmp_path / "oracle.signed", address_of(ORACLE_KEYS[0]))) as store:
        yield GuardedSigner(KeySigner(ORACLE_KEYS[0]), store)


def test_every_kind_has_its_unit_in_its_name() -> None:
    units = ("_ueur_per_kwh", "_g_per_kwh", "_millic", "_permille", "_m_per_h")
    assert all(name.endswith(units) for name in KINDS)
    assert all(each.low < each.high and each.tolerance >= 0 for each in KINDS.values())


def test_the_hash_is_that_of_eip_712() -> None:
    types: dict[str, Any] = {
        "Facts": [
            {"name": "kind", "type": "string"},
            {"name": "place", "type": "string"},
            {"name": "knownAt", "type": "uint64"},
            {"name": "first", "type": "uint64"},
            {"name": "step", "type": "uint32"},
            {"name": "values", "type": "bytes"},
        ]
    }
    domain = {
        "name": DOMAIN.name,
        "version": DOMAIN.version,
        "chainId": DOMAIN.chain_id,
        "verifyingContract": hex_text(DOMAIN.verifying_contract),
    }
    cold = replace(CARBON, kind="temp_millic", place="Sète", values=(-3_250, 0))
    packed = (-3_250).to_bytes(8, "big", signed=True) + bytes(8)
    message = {"kind": "temp_millic", "place": "Sète", "knownAt": ROUND, "first": ROUND + EVERY_S, "step": 3_600}
    signable = encode_typed_data(domain, types, message | {"values": packed})
    expected = keccak(b"\x19" + signable.version + signable.header + signable.body)
    assert digest(DOMAIN, facts_hash(cold)) == expected
    with pytest.raises(ValueError, match="big"):
        facts_hash(replace(CARBON, values=(2**63,)))


@pytest.mark.parametrize(
    ("change", "now", "code", "field"),
    [
        ({}, ROUND, None, ""),
        ({}, ROUND - EARLY_S_MAX, None, ""),
        ({}, ROUND + EVERY_S - 1, None, ""),
        ({}, ROUND - EARLY_S_MAX - 1, OracleReject.FACT_LATE, ""),
        ({}, ROUND + EVERY_S + EARLY_S_MAX, OracleReject.FACT_LATE, ""),
        ({"kind": "carbon"}, ROUND, OracleReject.FACT_MALFORMED, "kind"),
        ({"place": ""}, ROUND, OracleReject.FACT_MALFORMED, "place"),
        ({"place": "F\n"}, ROUND, OracleReject.FACT_MALFORMED, "place"),
        ({"values": ()}, ROUND, OracleReject.FACT_MALFORMED, "values"),
        ({"values": (1,) * (VALUES_MAX + 1)}, ROUND, OracleReject.FACT_MALFORMED, "values"),
        ({"first": ROUND}, ROUND, OracleReject.FACT_MALFORMED, "first"),  # what has begun is not changed
        ({"first": ROUND + EVERY_S + 1}, ROUND, OracleReject.FACT_MALFORMED, "first"),
        ({"step_s": 0}, ROUND, OracleReject.FACT_MALFORMED, "first"),
        ({"known_at": ROUND + 1}, ROUND + 1, OracleReject.FACT_MALFORMED, "first"),
        ({"values": (52, -1)}, ROUND, OracleReject.FACT_ABSURD, ""),
        ({"values": (52, 2_001)}, ROUND, OracleReject.FACT_ABSURD, ""),
    ],
)
def test_what_is_late_absurd_or_no_series_is_refused(
    change: dict[str, Any], now: int, code: OracleReject | None, field: str
) -> None:
    refusal = check_facts(replace(CARBON, **change), now, EVERY_S)
    assert (refusal.code if refusal else None) == code
    assert (refusal.facts.get("field", "") if refusal else "") == field


def test_values_stand_behind_each_other() -> None:
    assert CARBON.by_instant() == {ROUND + 3_600: 52, ROUND + 7_200: 49, ROUND + 10_800: 47}
    assert CARBON.end == ROUND + 14_400


def test_o1_one_series_of_a_kind_and_place_per_round(guard: GuardedSigner) -> None:
    answer = guard.sign_facts(DOMAIN, CARBON)
    assert isinstance(answer, Accepted)
    assert recover(digest(DOMAIN, facts_hash(CARBON)), answer.events[0]) == guard.address
    assert guard.sign_facts(DOMAIN, CARBON) == answer
    for second in (replace(CARBON, values=(52, 49, 48)), replace(CARBON, values=(52, 49)), replace(CARBON, step_s=900)):
        refused = guard.sign_facts(DOMAIN, second)
        assert isinstance(refused, Rejected)
        assert refused.code is OracleReject.EQUIVOCATION
        assert refused.facts["kind"] == "FACTS"
    later = replace(CARBON, known_at=ROUND + EVERY_S, first=ROUND + 2 * EVERY_S, values=(1,))
    for other in (later, replace(CARBON, place="DE"), replace(CARBON, kind="sky_clear_permille")):
        assert isinstance(guard.sign_facts(DOMAIN, other), Accepted)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5), st.data())
def test_another_value_has_another_hash(values: list[int], data: st.DataObject) -> None:
    told = replace(CARBON, values=tuple(values))
    place = data.draw(st.integers(0, len(values) - 1))
    changed = list(values)
    changed[place] = values[place] - 1 if values[place] > 0 else values[place] + 1
    assert facts_hash(told) != facts_hash(replace(told, values=tuple(changed)))
