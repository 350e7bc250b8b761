import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from energy.identity import hex_text
from node.cli.failure import ExitCode
from node.cli.main import main
from oracles.evidence_file import to_document
from oracles.evidence_links import LinkName
from tests.support import small_node
from tests.support.evidence import make_evidence, sealer
from tests.support.rpc_server import serving


@pytest.fixture
def document() -> dict[str, Any]:
    return dict(to_document(make_evidence()))


@pytest.fixture
def evidence_file(document: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(document))
    return path


def test_lists_certificates(capsys: pytest.CaptureFixture[str]) -> None:
    items = small_node.page(small_node.certificate(2, 412, 500, state="stored"), small_node.certificate(1, 0, 412))
    with serving({"energy_getStatus": small_node.status(), "energy_getCertificates": items}) as server:
        arguments = ["cert", "list", "--owner", small_node.MEMBER, "--run", "3", "--interval", "2017-05-17T12:30Z"]
        assert main([*arguments, "--rpc", server.url]) == ExitCode.OK
        wanted = {
            "owner": small_node.MEMBER,
            "interval": small_node.INTERVAL,
            "runId": 3,
            "newestFirst": True,
            "limit": 101,
        }
        assert server.calls[-1] == ("energy_getCertificates", [wanted])
        _heading, first, second = capsys.readouterr().out.splitlines()
        assert "412\u00a0Wh" in first
        assert "stored" in second
        assert main(["cert", "list", "--json", "--rpc", server.url]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {
        "schema": "resilia/certificate-list/1",
        "items": items["items"][::-1],
    }


def test_shows_one_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"energy_getStatus": small_node.status(), "energy_getCertificate": small_node.certificate(1_842, 0, 412)}
    with serving(answers) as server:
        assert main(["cert", "show", "1842", "--lang", "fr", "--rpc", server.url]) == ExitCode.OK
        captured = capsys.readouterr()
        assert "[0, 412)\u00a0Wh" in captured.out
        assert "solaire" in captured.out
        assert "resilia cert evidence 1842" in captured.err
        assert main(["cert", "show", "1842", "--json", "--rpc", server.url]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["number"] == 1_842


@pytest.mark.parametrize("verb", ["show", "evidence"])
def test_an_unknown_certificate_is_a_failure(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getCertificate": None, "energy_getEvidence": None}) as server:
        assert main(["cert", verb, "9", "--rpc", server.url]) == ExitCode.FAILED
    assert "no settled certificate 9" in capsys.readouterr().err


def test_evidence_that_is_fetched_verifies(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fetched.json"
    with serving({"energy_getEvidence": document}) as server:
        assert main(["cert", "evidence", "1", "-o", str(path), "--rpc", server.url]) == ExitCode.OK
        assert capsys.readouterr().out == ""
        assert main(["cert", "evidence", "1", "--rpc", server.url]) == ExitCode.OK
    printed = capsys.readouterr().out
    assert printed == path.read_text()
    assert main(["cert", "verify", str(path)]) == ExitCode.OK
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
    assert main(["cert", "verify", "-"]) == ExitCode.OK


def test_evidence_is_not_written_where_that_is_impossible(document: dict[str, Any], tmp_path: Path) -> None:
    with serving({"energy_getEvidence": document}) as server:
        path = tmp_path / "no" / "such" / "folder.json"
        assert main(["cert", "evidence", "1", "-o", str(path), "--rpc", server.url]) == ExitCode.FAILED


def test_verification_names_every_link(evidence_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cert", "verify", str(evidence_file), "--sealer", hex_text(sealer())]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    checked = [line for line in lines if line.startswith("ok ")]
    assert [line.split()[1].rstrip(":") for line in checked] == [name.value for name in LinkName]
    assert all(line.startswith("--   not checked") for line in lines[len(checked) :])
    assert not any("--sealer" in line for line in lines)


def test_one_changed_digit_fails_with_the_name_of_the_link(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document["certificate"]["toWh"] += 1
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(document))
    assert main(["cert", "verify", str(path)]) == ExitCode.NOT_VERIFIED
    captured = capsys.readouterr()
    assert "FAIL certificate-leaf" in captured.out
    assert "certificate-leaf" in captured.err
    assert main(["cert", "verify", str(path), "--lang", "fr"]) == ExitCode.NOT_VERIFIED
    assert "ne mènent pas à la racine" in capsys.readouterr().out
    assert main(["cert", "verify", str(path), "--json"]) == ExitCode.NOT_VERIFIED
    document, error = map(json.loads, capsys.readouterr().out.splitlines())
    assert (document["schema"], document["ok"]) == ("resilia/evidence-check/1", False)
    assert "certificate-leaf" in error["detail"]["broken"]


def test_another_sealer_or_block_is_not_verified(evidence_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cert", "verify", str(evidence_file), "--sealer", "0x" + "11" * 20]) == ExitCode.NOT_VERIFIED
    assert main(["cert", "verify", str(evidence_file), "--block-hash", "0x" + "11" * 32]) == ExitCode.NOT_VERIFIED
    assert "run-block" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"schema": "resilia-evidence/1"}'])
def test_what_is_no_evidence_is_not_verified(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text(text)
    assert main(["cert", "verify", str(path)]) == ExitCode.NOT_VERIFIED


def test_wrong_usage_of_verify(evidence_file: Path, tmp_path: Path) -> None:
    assert main(["cert", "verify", str(tmp_path / "missing")]) == ExitCode.USAGE
    assert main(["cert", "verify", str(evidence_file), "--sealer", "0x12"]) == ExitCode.USAGE
    assert main(["cert", "verify", str(evidence_file), "--block-hash", "12"]) == ExitCode.USAGE
