import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.cli.failure import ExitCode
from node.cli.main import main
from tests.support.speaking_meter import speaking_sml

MEMBERS = 'label,serial,meter_source,note\nAda,1,csv:meters.csv,"a, b"\nBob,2,csv:meters.csv,\n'


@pytest.fixture
def sml_source() -> Iterator[str]:
    with speaking_sml() as source:
        yield source


def test_watch_shows_registers_as_they_come(sml_source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", "watch", sml_source, "--count", "2"]) == ExitCode.OK
    shown = capsys.readouterr()
    assert shown.out.count("imported 5,000,000\u00a0Wh  exported 20\u00a0Wh  -1,193 W") == 2
    assert shown.err == "2 good telegrams, 0 refused\n"


def test_watch_in_json_is_one_document_a_line(sml_source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", "watch", sml_source, "--count", "1", "--json"]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "resilia/meter-sample/1"
    assert (document["importIndexWh"], document["powerW"], document["clockDegraded"]) == (5_000_000, -1_193, True)


def test_watch_tells_why_nothing_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", "watch", "sml:missing", "--dir", str(tmp_path), "--count", "1"]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "COMM_LOST" in shown.out
    assert shown.err == "0 good telegrams, 1 refused\n"


def test_pair_shows_and_saves_nothing_by_itself(sml_source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", "pair", sml_source]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "Serial number: 0A01454D480000CACF7E" in shown.out
    assert "time of arrival counts" in shown.err


def test_pair_saves_for_one_member(
    sml_source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    members = tmp_path / "members.csv"
    members.write_text(MEMBERS)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert main(["meter", "pair", sml_source, "--members", str(members), "--label", "Ada"]) == ExitCode.OK
    assert members.read_text() == MEMBERS
    assert main(["meter", "pair", sml_source, "--members", str(members), "--label", "Ada", "--yes"]) == ExitCode.OK
    assert f'Ada,0A01454D480000CACF7E,{sml_source},"a, b"' in members.read_text()
    assert main(["meter", "pair", sml_source, "--members", str(members), "--label", "Bob", "--yes"]) == ExitCode.FAILED
    assert "another member has this meter" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["watch", "gas:/dev/null"], ExitCode.MISCONFIGURED),
        (["simulate", "gas"], ExitCode.USAGE),
        (["simulate", "linky", "--serial", "short"], ExitCode.USAGE),
        (["pair", "sml:missing", "--label", "Ada"], ExitCode.USAGE),
        (["pair", "sml:missing", "--wait", "1"], ExitCode.FAILED),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], code: ExitCode, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", *arguments]) == code
    assert capsys.readouterr().err.startswith("resilia: ")
