"""Every command is told of somewhere, and every command that a document tells of is there, with its options."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from node.cli.main import app
from node.cli.session import GLOBAL_OPTIONS
from tests.support.documents import LISEZMOI, README, commands, documents
from tests.support.source_tree import ROOT, relative


def command_tree(command: Any, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    inner = getattr(command, "commands", {})
    found = {} if inner else {words: command}
    for name, each in inner.items():
        found |= command_tree(each, (*words, name))
    return found


COMMANDS = command_tree(typer.main.get_command(app))
GLOBAL = set(re.findall(r"--[a-z-]+", " ".join(flags for flags, _ in GLOBAL_OPTIONS))) | {"--help"}
TOLD = [(document, words) for document in documents() for words in commands(document, ["resilia"])]


def command_of(words: list[str]) -> tuple[str, ...]:
    """Return the words of a command line that name a command, options of all commands left out."""
    names: list[str] = []
    skip = False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("--rpc", "--lang"):
            skip = True
        elif not word.startswith("-"):
            names.append(word)
            if tuple(names) in COMMANDS:
                break
    return tuple(names)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_command_is_documented(command: tuple[str, ...]) -> None:
    assert any(command_of(words) == command for _, words in TOLD), f"no document shows 'resilia {' '.join(command)}'"


@pytest.mark.parametrize("document", [README, LISEZMOI], ids=lambda path: path.stem)
def test_readme_shows_what_each_user_needs(document: Path) -> None:
    shown = {command_of(words) for words in commands(document, ["resilia"])}
    assert shown >= {("demo",), ("init",), ("node",), ("key", "new"), ("order", "place"), ("cert", "evidence")}


def test_commands_in_documents_exist_with_their_options() -> None:
    assert len(TOLD) > 20
    wrong = []
    for document, words in TOLD:
        line = f"{relative(document)}: {' '.join(words)}"
        command = COMMANDS.get(command_of(words))
        if command is None:
            if len(words) > 1 and not any(known[: len(words) - 1] == tuple(words[1:]) for known in COMMANDS):
                wrong.append(f"{line}: no such command")
            continue
        options = {flag for parameter in command.params for flag in parameter.opts} | GLOBAL
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        wrong += [f"{line}: no option {option}" for option in sorted(given - options)]
    assert wrong == []


def test_make_targets_in_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    told = {words[1] for document in documents() for words in commands(document, ["make"]) if len(words) > 1}
    assert told
    assert told <= targets
    public = {name for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE) for name in line.split()}
    assert public <= told


def test_programs_in_documents_exist_with_their_options() -> None:
    told = [words for document in documents() for words in commands(document, ["python", "-m"])]
    assert {words[2] for words in told} >= {"scripts.verify_evidence", "scripts.explorer_blocks"}
    for words in told:
        place = ROOT / words[2].replace(".", "/")
        source = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
        assert source.exists()
        shared = (ROOT / "scripts" / "audit.py").read_text()
        for option in (word for word in words[3:] if word.startswith("--")):
            assert f'"{option}"' in source.read_text() + shared, f"{words[2]} has no {option}"


def test_every_program_is_documented() -> None:
    told = {words[2] for document in documents() for words in commands(document, ["python", "-m"])}
    told |= {words[1][:-3].replace("/", ".") for document in documents() for words in commands(document, ["python"])}
    programs = {
        f"scripts.{path.stem}"
        for path in (ROOT / "scripts").glob("*.py")
        if '__name__ == "__main__"' in path.read_text()
    }
    assert programs - told <= {"scripts.check_wheel"}  # make wheel-test
