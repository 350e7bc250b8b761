import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from node.cli import health
from node.cli.failure import ExitCode
from node.cli.health import (
    check_book,
    check_chain,
    check_clock,
    check_disk,
    check_names,
    check_node,
    check_port,
    check_python,
    check_sqlite,
)
from node.cli.main import main
from node.cli.node_client import NodeClient
from tests.support import small_node
from tests.support.rpc_server import serving

HEAD = {"hash": small_node.status()["head"]["hash"]}
CHAIN_ID = hex(small_node.DOMAIN.chain_id)


def test_python_must_be_new_enough() -> None:
    assert check_python((3, 11, 0)).ok
    finding = check_python((3, 10, 14))
    assert (finding.ok, "3.11" in finding.advice) == (False, True)


def book_folder(folder: Path, **written_at: int) -> Path:
    for name, instant in written_at.items():
        path = folder / f"_book.{name}"
        path.touch()
        os.utime(path, (instant, instant))
    return folder


def test_the_book_must_be_compiled_after_its_source_was_written(tmp_path: Path) -> None:
    assert check_book(book_folder(tmp_path, pyx=5, pxd=5, so=6)).ok
    assert "older" in check_book(book_folder(tmp_path, pxd=7)).text


def test_a_book_without_compiled_code_is_named(tmp_path: Path) -> None:
    finding = check_book(book_folder(tmp_path, pyx=5, pyi=5))
    assert (finding.ok, "build_ext" in finding.advice) == (False, True)


def test_the_book_of_this_checkout_loads() -> None:
    assert check_book(Path(health.__file__).parents[2] / "market" / "book").ok


def test_names_that_others_use_are_named() -> None:
    assert check_names({"node": ["resilia-grid"], "market": ["resilia_grid", "resilia-grid"]}).ok
    finding = check_names({"node": ["resilia-grid", "node"], "yaml": ["PyYAML"]})
    assert not finding.ok
    assert finding.text.endswith("node (node)")


def test_the_disk_must_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_disk(tmp_path / "not" / "yet").ok
    monkeypatch.setattr(health, "DISK_FREE_MIN_BYTES", 2**62)
    assert not check_disk(tmp_path).ok


def test_sqlite_must_write_safely_and_leaves_nothing_behind(tmp_path: Path) -> None:
    finding = check_sqlite(tmp_path)
    assert (finding.ok, "journal_mode=wal, synchronous=2" in finding.text) == (True, True)
    assert list(tmp_path.iterdir()) == []


def test_the_clock_must_be_set_and_agree_with_the_nodes() -> None:
    real = small_node.status() | {"demo": False, "now": 1_800_000_000}
    assert not check_clock(1_000, None).ok
    assert check_clock(1_800_000_000, None).ok
    assert check_clock(1_800_000_005, real).ok
    assert "6\u00a0s apart" in check_clock(1_800_000_006, real).text
    assert not check_clock(1_799_999_994, real).ok
    assert check_clock(1_800_000_000, small_node.status()).ok, "the clock of a demo is simulated"


def test_a_port_is_free_or_the_nodes() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not check_port("rpc-port", port, node_answers=False).ok
        assert "--rpc-port" in check_port("rpc-port", port, node_answers=False).advice
        assert check_port("rpc-port", port, node_answers=True).ok
    assert check_port("rpc-port", port, node_answers=False).ok


def test_a_node_that_does_not_answer_is_a_finding() -> None:
    finding, status = check_node(NodeClient("http://127.0.0.1:9"))
    assert (finding.ok, status) == (False, None)
    assert "resilia demo" in finding.advice


@pytest.mark.parametrize(
    ("answers", "ok"),
    [
        ({"eth_chainId": CHAIN_ID, "eth_getBlockByNumber": HEAD}, True),
        ({"eth_chainId": "0x1", "eth_getBlockByNumber": HEAD}, False),
        ({"eth_chainId": CHAIN_ID, "eth_getBlockByNumber": {"hash": "0x00"}}, False),
        ({"eth_chainId": CHAIN_ID, "eth_getBlockByNumber": None}, False),
        ({"eth_chainId": None, "eth_getBlockByNumber": HEAD}, False),
        ({}, False),
    ],
)
def test_node_and_chain_must_agree(answers: dict[str, Any], ok: bool) -> None:
    with serving(answers) as server:
        assert check_chain(NodeClient(server.url), small_node.status()).ok is ok


def test_doctor_lists_all_findings_and_fails_when_one_is_bad(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"energy_getStatus": small_node.status(), "eth_chainId": CHAIN_ID, "eth_getBlockByNumber": HEAD}
    arguments = ["doctor", "--dir", str(tmp_path), "--rpc-port", "0", "--web-port", "0"]
    with serving(answers) as server:
        assert main([*arguments, "--rpc", server.url]) == ExitCode.OK
    assert all(line.startswith("ok ") for line in capsys.readouterr().out.splitlines())
    assert main([*arguments, "--rpc", "http://127.0.0.1:9", "--json"]) == ExitCode.FAILED
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["ok"]) == ("resilia/doctor/1", False)
    assert [item["name"] for item in document["items"] if not item["ok"]] == ["node"]
