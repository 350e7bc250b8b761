import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from node.cli.failure import ExitCode
from node.cli.main import main


@pytest.fixture
def street(tmp_path: Path) -> Path:
    folder = tmp_path / "my street"
    folder.mkdir()
    (folder / "community.json").write_text("{}")
    return folder


def test_writes_a_unit_that_systemd_takes(
    street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["service", "install", "--dir", str(street), "--json"]) == ExitCode.OK
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    unit = Path(document["unit"])
    assert unit == tmp_path / "config" / "systemd" / "user" / "resilia-my-street.service"
    assert "systemctl --user enable --now resilia-my-street.service" in captured.err
    text = unit.read_text()
    assert f'--dir "{street}"' in text
    assert f"WorkingDirectory={street}\n" in text
    assert "RestartPreventExitStatus=70 78" in text
    if verify := shutil.which("systemd-analyze"):
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
        ended = subprocess.run(
            [verify, "verify", "--user", "--man=no", unit], env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr


def test_prints_it_for_whoever_puts_it_elsewhere(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "install", "--dir", str(street), "--system", "--print"]) == ExitCode.OK
    assert "WantedBy=multi-user.target" in capsys.readouterr().out


def test_a_folder_without_a_community_is_no_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "install", "--dir", str(tmp_path)]) == ExitCode.FAILED
    assert "resilia init" in capsys.readouterr().err
