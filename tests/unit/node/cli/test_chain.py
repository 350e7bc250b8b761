import json
from pathlib import Path

import pytest

from energy.identity import hex_text
from node.chain.datadir import init_chain
from node.chain.role import become_follower, note_awaited, read_role
from node.cli.main import main
from tests.support.chain import GENESIS, new_chain, signed
from tests.support.rpc_server import serving


@pytest.fixture
def leader(tmp_path: Path) -> Path:
    """A community's folder with a chain of one block."""
    chain = new_chain(tmp_path / "leader" / "chain")
    chain.submit([signed(0)])
    chain.close()
    return tmp_path / "leader"


def follower(tmp_path: Path, url: str) -> Path:
    """The folder of a follower that has nothing but block 0."""
    init_chain(tmp_path / "follower" / "chain", GENESIS)
    become_follower(tmp_path / "follower" / "chain", url)
    return tmp_path / "follower"


def test_sealers_change_by_two_commands(leader: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chain", "hand-over", "--dir", str(leader), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["head"] == 1
    assert main(["chain", "hand-over", "--dir", str(leader)]) == 78
    behind = follower(tmp_path, "http://127.0.0.1:9")
    assert main(["chain", "take-over", "--dir", str(behind), "--last-block", told["headHash"]]) == 78
    assert "let it catch up first" in capsys.readouterr().err
    assert main(["chain", "take-over", "--dir", str(leader), "--last-block", told["headHash"]]) == 0
    assert "Put the sealing key into keys/sealer.key" in capsys.readouterr().err
    assert read_role(leader / "chain").role == "sealer"


def test_nobody_takes_over_from_a_sealer_that_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"eth_blockNumber": "0x7"}) as there:
        folder = follower(tmp_path, there.url)
        assert main(["chain", "take-over", "--dir", str(folder), "--sealer-is-gone"]) == 78
    assert "answers, at block 7" in capsys.readouterr().err
    assert main(["chain", "take-over", "--dir", str(folder), "--sealer-is-gone"]) == 78
    assert "did not wait for this follower" in capsys.readouterr().err
    note_awaited(folder / "chain", awaited=True)
    (folder / "keys").mkdir()
    (folder / "keys" / "sealer.key").write_text("0x01")
    assert main(["chain", "take-over", "--dir", str(folder), "--sealer-is-gone", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["head"] == 0
    assert "sealer.key" not in told.err


@pytest.mark.parametrize(
    "choice", [[], ["--sealer-is-gone", "--last-block", "0x" + "00" * 32], ["--last-block", "0x1"]]
)
def test_a_take_over_says_what_it_relies_on(leader: Path, choice: list[str]) -> None:
    assert main(["chain", "take-over", "--dir", str(leader), *choice]) == 2


def test_a_standby_without_its_key_begins_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"resilia_getGenesis": GENESIS.to_json()}) as there:
        command = ["chain", "follow", str(tmp_path / "copy"), "--from", there.url]
        assert main([*command, "--standby", str(tmp_path / "copy" / "keys" / "sealer.key")]) == 78
    assert "sealer.key cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()


def test_a_follower_of_another_chain_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"resilia_getGenesis": GENESIS.to_json()}) as there:
        command = ["chain", "follow", str(tmp_path / "copy"), "--from", there.url, "--genesis", hex_text(bytes(32))]
        assert main(command) == 78
    assert "that is another chain" in capsys.readouterr().err
