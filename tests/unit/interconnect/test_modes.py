import pytest

from interconnect.modes import HearingRules, Mode, Watch


def watch() -> Watch:
    return Watch(HearingRules(silence_s=60, steady_s=30))


def heard(until: int) -> Watch:
    found = watch()
    for now in range(0, until + 1, 10):
        found.hear(now)
        found.step(now, grid_there=True)
    return found


def test_zone_is_alone_until_its_parent_was_heard_for_long_enough() -> None:
    assert heard(20).mode is Mode.ALONE
    assert heard(30).mode is Mode.TOGETHER


def test_silence_is_a_cut() -> None:
    found = heard(100)
    assert found.step(160, grid_there=True) is Mode.TOGETHER
    assert found.step(161, grid_there=True) is Mode.ALONE


def test_grid_and_link_are_lost_apart_and_together() -> None:
    found = heard(100)
    assert found.step(110, grid_there=False) is Mode.ISLAND
    assert found.step(200, grid_there=False) is Mode.ISLAND_ALONE
    assert found.step(210, grid_there=True) is Mode.ALONE
    assert [change.mode for change in found.changes] == [Mode.TOGETHER, Mode.ISLAND, Mode.ISLAND_ALONE, Mode.ALONE]


def test_flapping_link_does_not_couple() -> None:
    found = heard(100)
    found.step(300, grid_there=True)
    for start in range(300, 1_000, 100):
        found.hear(start)
        assert found.step(start, grid_there=True) is Mode.ALONE
        assert found.step(start + 20, grid_there=True) is Mode.ALONE
        found.step(start + 61, grid_there=True)


def test_clock_that_goes_back_changes_nothing() -> None:
    found = heard(100)
    assert found.step(5, grid_there=True) is Mode.TOGETHER
    found.hear(5)
    assert found.heard_at == 100


@pytest.mark.parametrize(
    ("mode", "offers", "supplier"),
    [
        (Mode.TOGETHER, True, True),
        (Mode.ALONE, False, True),
        (Mode.ISLAND, False, False),
        (Mode.ISLAND_ALONE, False, False),
    ],
)
def test_mode_says_what_goes_on(mode: Mode, offers: bool, supplier: bool) -> None:
    assert (mode.offers, mode.has_supplier) == (offers, supplier)
