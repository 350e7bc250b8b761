"""Reports of cuts outlast a restart, and what the journal replays is not counted again."""

from pathlib import Path

from interconnect.modes import HearingRules, Watch
from interconnect.station import Coupled
from node.interconnect.reports import Reports

ALONE = Coupled(900, 90_000, 0, None, lapsed_wh=300)


def _cut_at_100(path: Path) -> tuple[Reports, Watch]:
    watch = Watch(HearingRules(silence_s=60, steady_s=0))
    reports = Reports(path)
    reports.begin(watch)
    watch.hear(0)
    watch.step(0, grid_there=True)
    reports.step(watch, 0, is_open=False)
    watch.step(100, grid_there=True)
    reports.step(watch, 100, is_open=False)
    return reports, watch


def test_cut_is_told_from_its_beginning_until_nothing_is_open(tmp_path: Path) -> None:
    reports, watch = _cut_at_100(tmp_path / "reports.json")
    reports.follow(ALONE)
    watch.hear(200)
    watch.step(200, grid_there=True)
    reports.step(watch, 200, is_open=True)
    (report,) = reports.to_json()
    assert (report["mode"], report["beganAt"], report["healedAt"], report["convergedAt"]) == ("alone", 100, 200, None)
    reports.step(watch, 230, is_open=False)
    reports.follow(ALONE)
    (report,) = reports.to_json()
    assert (report["convergedAt"], report["intervals"], report["lapsedWh"]) == (230, 1, 300)


def test_restart_goes_on_with_the_open_report_and_counts_no_replay(tmp_path: Path) -> None:
    before, _ = _cut_at_100(tmp_path / "reports.json")
    before.follow(ALONE)
    before.step(Watch(), 110, is_open=False)
    reports, watch = Reports(tmp_path / "reports.json"), Watch()
    reports.follow(ALONE)  # the journal's
    reports.begin(watch)
    reports.follow(ALONE)
    (report,) = reports.to_json()
    assert (report["beganAt"], report["intervals"]) == (100, 2)
