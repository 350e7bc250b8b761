import pytest

from node.chain.overlay import Overlay
from tests.support.chain import MemoryNodes


def test_reads_fall_through_and_writes_stay_above() -> None:
    stored = MemoryNodes({b"a": b"1", b"b": b"2"})
    overlay = Overlay(stored)
    overlay[b"b"] = b"3"
    assert (overlay[b"a"], overlay[b"b"]) == (b"1", b"3")
    assert (overlay.writes, stored.nodes) == ({b"b": b"3"}, {b"a": b"1", b"b": b"2"})
    assert b"a" in overlay
    assert b"c" not in overlay
    with pytest.raises(KeyError):
        overlay[b"c"]


def _write_and_fail(overlay: Overlay) -> None:
    with overlay.atomic_batch() as batch:
        batch[b"b"] = b"2"
        raise ZeroDivisionError


def test_a_batch_is_applied_whole_or_dropped() -> None:
    overlay = Overlay(MemoryNodes())
    with overlay.atomic_batch() as batch:
        batch[b"a"] = b"1"
        assert b"a" not in overlay
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(overlay)
    assert overlay.writes == {b"a": b"1"}


def test_nothing_is_ever_deleted() -> None:
    overlay = Overlay(MemoryNodes({b"a": b"1"}))
    with pytest.raises(TypeError, match="only grows"):
        del overlay[b"a"]
