import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.strict_json import DEPTH_MAX, BadJson, dumps, loads

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_reads_what_it_writes(value: object) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"{", "character"),
        (b"", "character 0"),
        (b"[1,]", "character"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "too large"),
        (b'{"method":"eth_chainId","method":"chain_setTime"}', "'method' stands twice"),
        (b'{"a":{"b":1,"b":2}}', "'b' stands twice"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b"[" + b"9" * 5_000 + b"]", "digits"),
        (b"[" * 50_000, "nested deeper"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "nested deeper"),
        (b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1), "nested deeper"),
    ],
)
def test_refuses_what_readers_could_disagree_on(raw: bytes, problem: str) -> None:
    with pytest.raises(BadJson, match=problem):
        loads(raw)


def test_reads_the_deepest_nesting_that_is_allowed() -> None:
    text = b"[" * DEPTH_MAX + b"]" * DEPTH_MAX
    assert loads(text) == json.loads(text)


@given(st.binary(max_size=60))
def test_never_fails_otherwise(raw: bytes) -> None:
    with suppress(BadJson):
        loads(raw)
