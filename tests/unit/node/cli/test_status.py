import json

import pytest

from node.cli.failure import ExitCode
from node.cli.main import main
from tests.support import small_node
from tests.support.rpc_server import serving


def test_says_how_the_node_is_doing(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status()}) as server:
        assert main(["status", "--rpc", server.url]) == ExitCode.OK
    shown = capsys.readouterr().out.replace("\u00a0", " ")
    assert shown.startswith("DEMO: these homes are simulated.\n")
    assert "2017-05-17 05:30–05:45 PDT closes in 5 min; 2 open" in shown
    assert "#3, settled through 2017-05-17 04:45 PDT" in shown
    assert "2 meters:" in shown
    assert [line.split()[0] for line in shown.splitlines()[-2:]] == ["H01", "H02"]
    assert "not since the start" in shown.splitlines()[-1]


def test_says_so_when_nothing_is_there_yet(capsys: pytest.CaptureFixture[str]) -> None:
    new = small_node.status() | {"demo": False, "nextGate": None, "lastRun": None, "meters": []}
    with serving({"energy_getStatus": new}) as server:
        assert main(["status", "--rpc", server.url]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "DEMO" not in shown
    assert all(text in shown for text in ("none is open", "none yet", "No meters."))


def test_as_json_the_status_is_what_the_node_says(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status()}) as server:
        assert main(["status", "--json", "--rpc", server.url]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"schema": "resilia/status/1", **small_node.status()}


def test_states_of_meters_are_said_in_the_readers_language(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status()}) as server:
        assert main(["status", "--lang", "fr", "--rpc", server.url]) == ExitCode.OK
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[-2:]] == ["entendu", "muet"]
