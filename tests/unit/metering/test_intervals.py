import pytest

from metering.intervals import Deltas, IndexAt, advance, boundary_reached, deltas, interpolate_down

TOP = 10**9
BOUNDARY = 1_741_348_800


@pytest.mark.parametrize(
    ("before_wh", "after_wh", "wh"), [(5, 5, 0), (5, 12, 7), (TOP - 1, 0, 1), (TOP - 3, 4, 7), (0, TOP - 1, TOP - 1)]
)
def test_advance(before_wh: int, after_wh: int, wh: int) -> None:
    assert advance(before_wh, after_wh, TOP) == wh


def test_deltas_keep_import_and_export_apart() -> None:
    assert deltas(IndexAt(0, 10, TOP - 1), IndexAt(900, 17, 1), TOP) == Deltas(import_wh=7, export_wh=2)


@pytest.mark.parametrize(
    ("before_s", "after_s", "index"),
    [
        (-900, 0, (200, 80)),
        (-60, 60, (150, 40)),
        (-1, 60, (101, 1)),
        (-60, 1, (198, 78)),
        (-61, 1, None),
        (-1, 61, None),
        (-900, 900, (200, 80)),
        (1, 60, None),
        (0, 60, None),
    ],
    ids=[
        "sample on the boundary",
        "both as far as they may be",
        "rounded down, near",
        "rounded down, far",
        "before is too far",
        "after is too far",
        "the next boundary, exactly",
        "no boundary between",
        "boundary was reached before",
    ],
)
def test_boundary_reached(before_s: int, after_s: int, index: tuple[int, int] | None) -> None:
    before = IndexAt(BOUNDARY + before_s, 100, 0)
    after = IndexAt(BOUNDARY + after_s, 200, 80)
    reached = boundary_reached(before, after, 900, TOP)
    if index is None:
        assert reached is None
    else:
        assert reached == IndexAt(after.at - after.at % 900, *index)


def test_a_first_sample_settles_only_the_boundary_it_lies_on() -> None:
    on_it, past_it = IndexAt(BOUNDARY, 1, 2), IndexAt(BOUNDARY + 1, 1, 2)
    assert boundary_reached(None, on_it, 900, TOP) is on_it
    assert boundary_reached(None, past_it, 900, TOP) is None


def test_interpolation_goes_over_the_top() -> None:
    assert interpolate_down(IndexAt(0, TOP - 4, TOP - 1), IndexAt(10, 6, 9), 5, TOP) == IndexAt(5, 1, 4)


@pytest.mark.parametrize("at", [0, 10, -1, 11])
def test_interpolation_stays_between(at: int) -> None:
    with pytest.raises(ValueError, match="between"):
        interpolate_down(IndexAt(0, 1, 1), IndexAt(10, 2, 2), at, TOP)
