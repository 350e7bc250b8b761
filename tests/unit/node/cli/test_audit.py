import json
import shutil
from pathlib import Path

import pytest

from interconnect.audit_findings import BorderBreach
from market.audit_findings import Breach
from node.cli.audit_words import SENTENCES
from node.cli.border_words import BORDER_SENTENCES
from node.cli.failure import ExitCode
from node.cli.main import main
from tests.support.audited_folder import make_folder, records_of, with_command, write_journal


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit") / "node"
    make_folder(folder)
    return folder


@pytest.fixture
def forged(honest: Path, tmp_path: Path) -> Path:
    """A folder in whose journal a sale was made dearer."""
    folder = Path(shutil.copytree(honest, tmp_path / "node"))
    records = records_of(folder)
    records[6] = with_command(records[6], limit_price_ueur_per_kwh=95_000)
    write_journal(folder / "journal.log", records)
    return folder


def test_every_breach_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Breach)
    assert len(set(SENTENCES.values())) == len(Breach)


def test_an_honest_market_ends_with_0(honest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipts = honest / "receipts.jsonl"
    assert main(["audit", "market", "--dir", str(honest), "--receipts", str(receipts)]) == ExitCode.OK
    captured = capsys.readouterr()
    lines = {line.split("  ")[0]: line for line in captured.out.replace("\u00a0", " ").splitlines()}
    assert lines["Orders"].endswith("5 orders, 1 cancelled")
    assert lines["Trades"].endswith("3 trades, 520 Wh; 3 published")
    assert "6, of node 0x" in lines["Receipts"]
    assert lines["Settled runs"].endswith(" 1")
    assert captured.err == "Nothing breaks a rule.\n"


def test_a_dishonest_one_ends_with_3_and_says_what_and_where(forged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "market", "--dir", str(forged)]) == ExitCode.NOT_VERIFIED
    captured = capsys.readouterr()
    (line,) = (line for line in captured.out.splitlines() if "signed" in line)
    assert line.split()[0] == "#7"
    assert "2017-05-02 09:00–09:15 CEST" in line
    assert "The order's fields are not those that its member signed." in line
    assert "break a rule." in captured.err


def test_findings_are_told_in_french(forged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "market", "--dir", str(forged), "--lang", "fr"]) == ExitCode.NOT_VERIFIED
    captured = capsys.readouterr()
    assert "Les champs de l’ordre ne sont pas ceux que le membre a signés." in captured.out
    assert "enfreignent une règle." in captured.err


def test_findings_are_data_too(forged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "audit", "market", "--dir", str(forged), "2017-05-02"]) == ExitCode.NOT_VERIFIED
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "resilia/market-audit/1"
    assert (document["holds"], document["intervals"], document["publishedTrades"]) == (False, 2, 3)
    found = {finding["breach"]: finding for finding in document["findings"]}
    assert found["forged-order"]["sequence"] == 7
    assert found["not-at-resting-price"]["facts"]["resting_price"] == 95_000
    assert {"wrong-run-orders", "wrong-run-trades"} <= set(found)


def test_two_journals_are_compared(honest: Path, forged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    against = ["--against", str(forged / "journal.log")]
    assert main(["audit", "market", "--dir", str(honest), *against]) == ExitCode.NOT_VERIFIED
    assert "The node showed two journals that differ at this record." in capsys.readouterr().out


def test_an_exported_journal_is_audited_like_the_nodes_own(
    honest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "export", "--dir", str(honest)]) == ExitCode.OK
    export = tmp_path / "journal.jsonl"
    export.write_text(capsys.readouterr().out)
    shutil.copy(honest / "community.json", tmp_path)
    arguments = ["--dir", str(tmp_path), "--journal", str(export), "--receipts", str(honest / "receipts.jsonl")]
    assert main(["audit", "market", *arguments, "--json"]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["holds"], document["receipts"], document["runs"], document["publishedTrades"]) == (
        True,
        6,
        None,
        None,
    )

    assert main(["journal", "export", "--dir", str(honest), "--from", "13"]) == ExitCode.OK
    last = json.loads(capsys.readouterr().out)
    assert (last["sequence"], last["journalHash"]) == (13, document["journalHash"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["2017-13-01"], ExitCode.USAGE),
        (["2017-05-02", "--from", "2017-05-02T10:00"], ExitCode.USAGE),
        (["--from", "tomorrow"], ExitCode.USAGE),
        (["--node", "me"], ExitCode.USAGE),
        (["2017-05-03"], ExitCode.FAILED),
        (["--trades", "nowhere"], ExitCode.MISCONFIGURED),
        (["--dir", "nowhere"], ExitCode.MISCONFIGURED),
        (["2017-05-02"], ExitCode.OK),
        (["--from", "2017-05-02T09:15", "--to", "2017-05-02T09:16"], ExitCode.OK),
        (["--to", "2017-05-02T09:00"], ExitCode.FAILED),
    ],
)
def test_a_range_is_on_the_communitys_clock_and_mistakes_are_no_proofs(
    honest: Path, arguments: list[str], code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "market", "--dir", str(honest), *arguments]) == code
    assert (capsys.readouterr().out == "") == (code != ExitCode.OK)


def test_every_breach_of_a_border_has_its_sentence() -> None:
    assert set(BORDER_SENTENCES) == set(BorderBreach)
    assert len(set(BORDER_SENTENCES.values())) == len(BorderBreach)
