import json
from pathlib import Path

import pytest

from node.cli.failure import ExitCode
from node.cli.main import main
from node.settings import SETTINGS


def test_shows_each_setting_and_where_it_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "node.toml").write_text("web_port = 80\n")
    monkeypatch.setenv("RESILIA_NODE_RPC_PORT", "81")
    assert main(["config", "show", "--origin", "--dir", str(tmp_path)]) == ExitCode.OK
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["web_port"] == ["80", f"{tmp_path / 'node.toml'},", "line", "1"]
    assert lines["rpc_port"] == ["81", "RESILIA_NODE_RPC_PORT"]
    assert lines["auditors"] == ["–", "usual"]
    assert main(["config", "show", "--json", "--dir", str(tmp_path)]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "resilia/config-show/1"
    assert document["settings"]["rpc_port"] == {"value": 81, "origin": "RESILIA_NODE_RPC_PORT"}


def test_a_typing_mistake_ends_with_the_code_of_a_wrong_set_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "node.toml").write_text("web_prot = 80\n")
    assert main(["config", "show", "--dir", str(tmp_path)]) == ExitCode.MISCONFIGURED
    assert "no setting 'web_prot'" in capsys.readouterr().err


@pytest.mark.parametrize("language", ["en", "fr"])
def test_explains_every_setting(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "explain", "--lang", language]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert all(name in shown.splitlines() for name in SETTINGS)
    assert main(["config", "explain", "webhooks", "--json", "--lang", language]) == ExitCode.OK
    (name,) = json.loads(capsys.readouterr().out)["settings"]
    assert name == "webhooks"
    assert main(["config", "explain", "colour"]) == ExitCode.USAGE


def test_every_word_is_the_readers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--origin", "--dir", str(tmp_path), "--lang", "fr"]) == ExitCode.OK
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["await_standby"] == ["non", "habituel"]
