import json
import subprocess
import sys
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import node.cli.status
from energy.errors import Corrupt, Misconfigured, Unavailable
from node.cli.failure import ExitCode
from node.cli.main import app, main


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            found += commands(each, (*path, name))
    return found


COMMANDS = commands(get_command(app))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_page(
    path: tuple[str, ...], language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "--help", "--lang", language]) == ExitCode.OK
    page = capsys.readouterr().out
    usage, heading = {
        "en": ("Usage: ", "With every command:"),
        "fr": ("Usage\u202f: ", "Avec toute commande\u202f:"),
    }[language]
    assert page.startswith(usage + " ".join(["resilia", *path]) + " [OPTIONS]")
    assert heading in page
    assert max(len(line) for line in page.splitlines()) <= 80


def test_there_is_a_command_for_every_noun_and_verb() -> None:
    assert {" ".join(path) for path in COMMANDS} >= {
        "init", "node", "demo", "status", "doctor", "version", "book", "trades", "run list", "key new", "key list",
        "order place", "order cancel", "order list", "cert list", "cert show", "cert evidence", "cert verify",
    }  # fmt: skip


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["order"]) == ExitCode.OK
    assert "place" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ordr"], "There is no command 'ordr'. Did you mean 'order'?"),
        (["nothing-like-it"], "There is no command 'nothing-like-it'."),
        (["book", "--intervall", "next"], "There is no option --intervall. Did you mean --interval?"),
        (["book", "--interval"], "--interval needs a value."),
        (["order", "list", "--mine=yes"], "--mine takes no value."),
        (["order", "place"], "buy|sell is missing."),
        (["book", "a", "b"], "Too many arguments: a b."),
        (["trades", "--limit", "many"], "The value of --limit is not understood."),
        (["trades", "--limit", "0"], "The value of --limit is not understood."),
        (["--lang", "de"], "de is not a language of this program."),
    ],
)
def test_mistakes_end_with_2_and_say_what_is_wrong(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == ExitCode.USAGE
    captured = capsys.readouterr()
    first, advice = captured.err.splitlines()
    assert first == f"resilia: {said}"
    assert advice.strip()
    assert captured.out == ""


def test_mistakes_are_told_in_french_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["book", "--intervall", "next", "--lang", "fr"]) == ExitCode.USAGE
    assert "Il n’y a pas d’option --intervall." in capsys.readouterr().err


def test_with_json_a_failure_is_data_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json", "--rpc", "http://127.0.0.1:9"]) == ExitCode.UNREACHABLE
    error = json.loads(capsys.readouterr().out)
    assert (error["schema"], error["exitCode"]) == ("resilia/error/1", 4)
    assert "resilia demo" in error["advice"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("no folder"), ExitCode.MISCONFIGURED),
        (Corrupt("sum of nets is 1"), ExitCode.CORRUPT),
        (Unavailable("starting"), ExitCode.FAILED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
)
def test_errors_of_the_node_have_their_exit_codes(
    error: BaseException, code: ExitCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_distribution: str) -> str:
        raise error

    monkeypatch.setattr(node.cli.status, "installed_version", fail)
    assert main(["version"]) == code


def test_help_loads_nothing_heavy() -> None:
    program = "import sys; from node.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr.split()
    heavy = {"web3", "eth", "sqlmodel", "sqlalchemy", "fastapi", "httpx", "eth_account", "rich", "numpy", "highspy"}
    assert not heavy & set(loaded)
    assert not {"babel", "pydantic", "asyncio", "oracles.typed_data"} & set(loaded)
