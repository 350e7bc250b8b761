import getpass
import json
import stat
import sys
from pathlib import Path

import pytest

from energy.identity import Address
from node.cli.failure import ExitCode, Failure
from node.cli.keystore import ask_password, choose_key, create_key, key_folder, read_key, stored_keys, unlock
from node.cli.main import main
from oracles.signatures import address_of


def write_password(folder: Path, text: str = "correct horse\n") -> Path:
    path = folder / "password"
    path.write_text(text)
    return path


def test_a_new_key_opens_with_its_password_only(tmp_path: Path) -> None:
    key = create_key(tmp_path / "keys", "alice", "correct horse", scrypt=False)
    assert address_of(unlock(key, write_password(tmp_path))) == key.account
    with pytest.raises(Failure, match="does not open"):
        unlock(key, write_password(tmp_path, "battery staple"))


def test_a_new_key_is_its_owners_alone(tmp_path: Path) -> None:
    key = create_key(tmp_path / "keys", "alice", "p", scrypt=False)
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.path.parent.stat().st_mode) == 0o700
    assert json.loads(key.path.read_text())["version"] == 3


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    before = create_key(tmp_path, "alice", "p", scrypt=False).path.read_bytes()
    with pytest.raises(Failure, match="already"):
        create_key(tmp_path, "alice", "p", scrypt=False)
    assert (tmp_path / "alice.json").read_bytes() == before


@pytest.mark.parametrize("name", ["", "../alice", "a b", "é", "x" * 65])
def test_refuses_names_that_are_no_file_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no name for a key"):
        create_key(tmp_path / "keys", name, "p", scrypt=False)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("written", ["0x" + "AB" * 20, "ab" * 20])
def test_reads_the_address_of_other_programs_too(written: str, tmp_path: Path) -> None:
    path = tmp_path / "wallet.json"
    path.write_text(json.dumps({"address": written, "version": 3}))
    assert read_key(path).account == Address(b"\xab" * 20)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"address": 5}', '{"address": "0x12"}', "\x00"])
def test_refuses_what_is_no_keystore_and_passes_it_over_in_lists(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(Failure, match="no keystore"):
        read_key(tmp_path / "other.json")
    assert stored_keys(tmp_path) == []


def test_chooses_the_only_key_or_the_one_of_the_account(tmp_path: Path) -> None:
    alice = create_key(tmp_path, "alice", "p", scrypt=False)
    assert choose_key(tmp_path, None, None) == alice
    bob = create_key(tmp_path, "bob", "p", scrypt=False)
    assert choose_key(tmp_path, None, bob.account) == bob
    assert choose_key(tmp_path, alice.path, None) == alice
    with pytest.raises(Failure, match="2 keys") as failure:
        choose_key(tmp_path, None, None)
    assert failure.value.exit_code == ExitCode.USAGE


def test_refuses_a_key_that_is_not_the_accounts(tmp_path: Path) -> None:
    alice = create_key(tmp_path, "alice", "p", scrypt=False)
    with pytest.raises(Failure, match="is the key of"):
        choose_key(tmp_path, alice.path, Address(bytes(20)))
    with pytest.raises(Failure, match="no key for"):
        choose_key(tmp_path, None, Address(bytes(20)))
    with pytest.raises(Failure, match="can not be read"):
        choose_key(tmp_path, tmp_path / "nobody.json", None)


def test_takes_the_password_from_the_option_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, other = write_password(tmp_path, "first line\r\nsecond"), tmp_path / "other"
    other.write_text("from the environment")
    monkeypatch.setenv("RESILIA_PASSWORD_FILE", str(other))
    assert ask_password("?", given) == "first line"
    assert ask_password("?", None) == "from the environment"
    with pytest.raises(Failure, match="can not be read"):
        ask_password("?", tmp_path / "missing")


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(Failure) as failure:
        ask_password("?", None)
    assert (failure.value.exit_code, "--password-file" in failure.value.advice) == (ExitCode.USAGE, True)


def test_a_new_password_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["one", "one", "one", "two"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(typed))
    assert ask_password("?", None, twice=True) == "one"
    with pytest.raises(Failure, match="not the same"):
        ask_password("?", None, twice=True)


def test_key_new_and_key_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    password = str(write_password(tmp_path))
    assert main(["key", "list"]) == ExitCode.OK
    assert "There is no key" in capsys.readouterr().err
    assert main(["key", "new", "alice", "--password-file", password]) == ExitCode.OK
    account = capsys.readouterr().out.strip()
    assert main(["key", "list", "--json"]) == ExitCode.OK
    listed = json.loads(capsys.readouterr().out)
    assert listed == {
        "schema": "resilia/key-list/1",
        "items": [{"name": "alice", "account": account, "file": str(key_folder() / "alice.json")}],
    }
    assert main(["key", "new", "alice", "--password-file", password]) == ExitCode.FAILED
