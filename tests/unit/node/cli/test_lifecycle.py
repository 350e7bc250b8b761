import json
from pathlib import Path

import pytest

from node.cli.failure import ExitCode
from node.cli.main import main
from node.coop.community import Community


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--speed", "fast"], ExitCode.USAGE),
        (["--speed", "0"], ExitCode.USAGE),
        (["--speed", "-5"], ExitCode.USAGE),
        (["--day", "tomorrow"], ExitCode.USAGE),
        (["--homes", "1"], ExitCode.USAGE),
        (["--homes", "18"], ExitCode.USAGE),
        (["--seed", "-1"], ExitCode.USAGE),
        (["--rpc-port", "65536"], ExitCode.USAGE),
        (["--day", "2016-08-14"], ExitCode.MISCONFIGURED),
        (["--day", "2017-07-31"], ExitCode.MISCONFIGURED),
    ],
)
def test_the_demo_refuses_what_it_can_not_show(
    arguments: list[str], code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--exit", *arguments]) == code
    assert capsys.readouterr().err


def test_founds_a_community_that_a_node_can_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "acacias"
    assert main(["init", str(folder), "--yes", "--tz", "Europe/Paris", "--json"]) == ExitCode.OK
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    community = Community.load(folder / "community.json")
    assert (document["schema"], document["name"], document["members"]) == ("resilia/init/1", "acacias", 0)
    assert (community.name, community.chain_id, community.time_zone) == ("acacias", document["chainId"], "Europe/Paris")
    assert f"resilia node --dir {folder}" in captured.err
    assert "tariffs.csv" in captured.err


def test_init_never_writes_over_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.jpg").write_text("a face")
    assert main(["init", str(tmp_path), "--yes"]) == ExitCode.USAGE
    assert main(["init", str(tmp_path / "photo.jpg"), "--yes"]) == ExitCode.USAGE
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
    assert "never written over" in capsys.readouterr().err


@pytest.mark.parametrize("zone", ["Paris", "../etc/passwd", ""])
def test_init_refuses_what_is_no_time_zone(zone: str, tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "new"), "--yes", "--tz", zone]) == ExitCode.USAGE
    assert not (tmp_path / "new").exists()


def test_a_folder_without_a_community_is_misconfigured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", "--dir", str(tmp_path)]) == ExitCode.MISCONFIGURED
    said = capsys.readouterr().err
    assert said.startswith("Starting the node in")
    assert "resilia init" in said
