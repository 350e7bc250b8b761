import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Digest
from interconnect.curves import STEPS_MAX, Curve, Step
from interconnect.records import Award, Decision, Offer, Outcome
from interconnect.wire import MESSAGE_BYTES_MAX, Message, decode, encode, message
from tests.support.zone_records import export

LINK = Digest(b"l" * 32)
OFFER = Offer(LINK, 900, 1, Digest(b"c" * 32), 600)
AWARD = Award(LINK, 1, 900, Digest(b"o" * 32), -5, -1_000, 2**60)
CURVE = Curve((Step(1_000, 5),), (Step(-1_000, 7),))
MESSAGES = [
    message("offer", OFFER, [b"\1" * 65], CURVE),
    message("award", AWARD, [b"\1" * 65]),
    message("decision", Decision(LINK, 1, Digest(b"a" * 32), Outcome.VOID), [b"\1" * 65]),
    message("export", export().export, export().signatures),
    Message("clash", (export(1).export, export(2).export), (export(1).signatures, export(2).signatures)),
]


@pytest.mark.parametrize("sent", MESSAGES, ids=lambda sent: sent.kind)
def test_message_comes_back_as_it_was(sent: Message) -> None:
    found = decode(encode(sent))
    assert found == sent
    assert [type(record) for record in found.records] == [type(record) for record in sent.records]


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw | {"more": 1},
        lambda raw: raw | {"kind": "lease"},
        lambda raw: raw | {"kind": "shout"},
        lambda raw: raw | {"records": raw["records"] * 2},
        lambda raw: raw | {"records": [raw["records"][0][:-1]]},
        lambda raw: raw | {"records": [[1, *raw["records"][0][1:]]]},
        lambda raw: raw | {"records": [["0x" + "6c" * 31, *raw["records"][0][1:]]]},
        lambda raw: raw | {"records": [[raw["records"][0][0], 900.0, *raw["records"][0][2:]]]},
        lambda raw: raw | {"records": [[raw["records"][0][0], True, *raw["records"][0][2:]]]},
        lambda raw: raw | {"records": [[raw["records"][0][0], 2**64, *raw["records"][0][2:]]]},
        lambda raw: raw | {"records": [[raw["records"][0][0], -1, *raw["records"][0][2:]]]},
        lambda raw: raw | {"signatures": []},
        lambda raw: raw | {"signatures": [["zz"]]},
        lambda raw: raw | {"curve": {"asks": [[1, 1.5]], "bids": []}},
        lambda raw: raw | {"curve": {"asks": [[1, 0]], "bids": []}},
        lambda raw: raw | {"curve": {"asks": [[n, 1] for n in range(STEPS_MAX + 1)], "bids": []}},
        lambda raw: raw | {"curve": {"asks": []}},
        lambda raw: raw | {"curve": 5},
        lambda raw: [raw],
        lambda raw: None,
    ],
)  # fmt: skip
def test_anything_else_is_refused(change: object) -> None:
    assert callable(change)
    raw = change(json.loads(encode(MESSAGES[0])))
    with pytest.raises(ValueError):
        decode(json.dumps(raw, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"kind":NaN}', encode(MESSAGES[0]) + b" ", b"[" * 5_000, b" " * (MESSAGE_BYTES_MAX + 1)],
)
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


@given(st.integers(0, len(encode(MESSAGES[0])) - 1), st.integers(0, 255))
def test_byte_that_changes_is_refused_or_another_message(position: int, value: int) -> None:
    data = bytearray(encode(MESSAGES[0]))
    data[position] = value
    with suppress(ValueError):
        assert encode(decode(bytes(data))) == bytes(data)
