"""Where py-evm is loaded, Python's recursion limit no longer keeps the JSON reader from overflowing the stack."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth import EVM_RECURSION_LIMIT

from energy.errors import Corrupt
from energy.identity import Digest
from energy.results import Rejected
from interconnect.audit import BorderAudit
from interconnect.wire import decode
from metering.device_json import leading_object, read_value
from metering.files.enedis_curve import decode_enedis_json
from metering.files.load_curve import Direction
from node.audit.border import follow_journal
from oracles.evidence_file import parse_text
from oracles.evidence_links import BrokenLink

DEEP = "[" * 60_000


@pytest.fixture(autouse=True)
def limit_of_a_node() -> Iterator[None]:
    allowed = sys.getrecursionlimit()
    sys.setrecursionlimit(EVM_RECURSION_LIMIT)
    yield
    sys.setrecursionlimit(allowed)


@pytest.mark.parametrize(
    "read",
    [
        lambda: decode(DEEP.encode()),
        lambda: leading_object('{"a":' + DEEP, 0),
        lambda: parse_text(DEEP.encode()),
    ],
    ids=["message", "ocmf", "evidence"],
)
def test_deep_brackets_of_strangers_are_refused(read: Callable[[], object]) -> None:
    with pytest.raises((ValueError, BrokenLink)):
        read()


def test_deep_brackets_of_devices_and_files_are_nothing() -> None:
    assert read_value(DEEP) is None
    assert isinstance(decode_enedis_json(DEEP.encode(), Direction.IMPORT), Rejected)


def test_deep_brackets_in_a_journal_of_links_are_damage() -> None:
    unasked: Any = None
    with pytest.raises(Corrupt, match="record 1 "):
        follow_journal(BorderAudit(Digest(bytes(32)), {}, {}), unasked, [DEEP.encode()])
