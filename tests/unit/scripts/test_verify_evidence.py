import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oracles.evidence import verify_text
from oracles.evidence_file import to_document
from oracles.evidence_links import PROVES, Fault
from scripts import verify_evidence
from scripts.verify_evidence import describe, main
from tests.support.evidence import make_evidence, sealer

EVIDENCE = make_evidence()
GOOD = json.dumps(to_document(EVIDENCE), indent=1)
BAD = GOOD.replace('"toWh": 480', '"toWh": 481')
TEXTS = {name.value: text for name, text in PROVES.items()} | {fault.name: fault.value for fault in Fault}


@pytest.fixture
def good(tmp_path: Path) -> str:
    (tmp_path / "good.json").write_text(GOOD)
    return str(tmp_path / "good.json")


@pytest.fixture
def bad(tmp_path: Path) -> str:
    (tmp_path / "bad.json").write_text(BAD)
    return str(tmp_path / "bad.json")


def test_good_evidence_gives_0_and_every_link(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([good, "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 13 + ["not"] * 4
    assert "ok     coverage                its 380 Wh lie within what meter 0x0303" in "\n".join(lines)


def test_one_watt_hour_more_gives_3_and_the_broken_links(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([bad, "--lang", "en"]) == 3
    failed = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]
    assert failed == ["certificate-leaf", "coverage"]


def test_one_bad_file_among_good_ones_gives_3(good: str, bad: str) -> None:
    assert main([good, bad, good]) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '"evidence"', '{"schema": "other"}', "\x00"])
def test_what_is_no_evidence_gives_3(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text(text)
    assert main([str(tmp_path / "file"), "--lang", "en"]) == 3
    assert capsys.readouterr().out.startswith("FAIL   schema")


@pytest.mark.parametrize(
    "arguments", [[], ["missing.json"], ["--sealer", "0x12", "x"], ["--block-hash", "12", "x"], ["--lang", "de", "x"]]
)
def test_wrong_usage_gives_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_what_the_reader_knows_is_checked_and_no_longer_remarked(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([good, "--lang", "en", "--sealer", "0x" + sealer().hex()]) == 0
    assert main([good, "--lang", "en", "--block-hash", "0x" + EVIDENCE.settled_in.block_hash.hex()]) == 0
    assert "--sealer" not in capsys.readouterr().out
    assert main([good, "--lang", "en", "--sealer", "0x" + "01" * 20]) == 3
    assert "not by the sealer you gave" in capsys.readouterr().out
    assert main([good, "--lang", "en", "--block-hash", "0x" + "01" * 32]) == 3


def test_json_is_one_object_per_file(good: str, bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([good, bad, "--json", "--lang", "en"]) == 3
    results: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(result["file"], result["ok"]) for result in results] == [(good, True), (bad, False)]
    assert results[1]["links"][1] == {
        "name": "certificate-leaf",
        "ok": False,
        "fault": "NOT_UNDER_ROOT",
        "detail": "record, salt and proof do not lead to the root 0x" + EVIDENCE.run.certificates_root.hex(),
    }
    assert len(results[0]["notChecked"]) == 4


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert main(["-"]) == 0


@pytest.mark.parametrize(("variable", "value", "expected"), [("LANG", "fr_FR.UTF-8", "ÉCHEC"), ("LC_ALL", "C", "FAIL")])
def test_the_language_is_that_of_the_environment(
    bad: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    expected: str,
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    main([bad])
    assert expected in capsys.readouterr().out


def test_every_text_has_its_french_with_the_same_facts() -> None:
    assert verify_evidence._FRENCH.keys() == TEXTS.keys()
    for name, english in TEXTS.items():
        assert placeholders(verify_evidence._FRENCH[name]) == placeholders(english), name


def test_both_languages_tell_every_link() -> None:
    for text in (GOOD, BAD):
        for link in verify_text(text.encode()):
            assert describe(link, "en") == link.detail
            assert "{" not in describe(link, "fr")


def test_it_runs_alone_and_with_few_imports(good: str) -> None:
    program = (
        "import sys; from scripts.verify_evidence import main; code = main(sys.argv[1:]);"
        "heavy = {'eth', 'trie', 'rlp', 'web3', 'eth_account', 'node', 'market'} & sys.modules.keys();"
        "sys.exit(code or ', '.join(sorted(heavy)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", program, good], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def placeholders(template: str) -> set[str]:
    return {part.split("}")[0] for part in template.split("{")[1:]}
