from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured
from node.settings import COMMAND_LINE, FILE, SETTINGS, USUAL, load_settings

ACCOUNT = "0x" + "Ab" * 20


def test_each_setting_comes_from_the_first_place_that_has_it(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f'# mine\nhost = "10.0.0.1"\nweb_port = 80\nauditors = ["{ACCOUNT}"]\n')
    environment = {
        "RESILIA_NODE_WEB_PORT": "81",
        "RESILIA_NODE_RPC_PORT": "8546",
        "RESILIA_RPC": "http://x",
        "HOME": "/",
    }
    chosen = load_settings(tmp_path, environment, {"rpc_port": 8547, "web_port": None, "auditors": ()})
    assert {name: each.value for name, each in chosen.items() if each.origin != USUAL} == {
        "host": "10.0.0.1",
        "web_port": 81,
        "rpc_port": 8_547,
        "auditors": (ACCOUNT.lower(),),
    }
    assert chosen["host"].origin == f"{tmp_path / FILE}, line 2"
    assert chosen["web_port"].origin == "RESILIA_NODE_WEB_PORT"
    assert chosen["rpc_port"].origin == COMMAND_LINE


def test_a_folder_without_a_file_has_what_is_usual(tmp_path: Path) -> None:
    chosen = load_settings(tmp_path, {}, {})
    assert chosen.keys() == SETTINGS.keys()
    assert {each.origin for each in chosen.values()} == {USUAL}
    assert chosen["host"].value == "127.0.0.1"


def test_lists_in_the_environment_have_commas(tmp_path: Path) -> None:
    chosen = load_settings(tmp_path, {"RESILIA_NODE_WEBHOOKS": "http://a/x, https://b/y"}, {})
    assert chosen["webhooks"].value == ("http://a/x", "https://b/y")


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ("web_prot = 80", {}, "no setting 'web_prot'"),
        ("", {"RESILIA_NODE_COLOUR": "red"}, "no setting 'colour'"),
        ('\nweb_port = "eighty"', {}, "line 2: web_port must be a port, not 'eighty'"),
        ("web_port = 70000", {}, "must be a port"),
        ("web_port = true", {}, "must be a port"),
        ('auditors = ["alice"]', {}, "must be a list of accounts"),
        ("host = 5", {}, "must be an address"),
        ("", {"RESILIA_NODE_WEBHOOKS": "ftp://x"}, "RESILIA_NODE_WEBHOOKS: webhooks must be a list of addresses"),
        ("host = ", {}, "can not be read"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, environment: dict[str, str], said: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(Misconfigured, match=said.replace("(", r"\(")):
        load_settings(tmp_path, environment, {})


def test_every_setting_accepts_what_is_usual_or_has_nothing(tmp_path: Path) -> None:
    def same(value: Any) -> Any:
        return value

    for setting in SETTINGS.values():
        assert setting.usual is None or setting.read(setting.usual) == same(setting.usual)


def test_how_the_chain_is_sealed_can_be_set(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("await_standby = true\n")
    chosen = load_settings(tmp_path, {"RESILIA_NODE_SEAL_EVERY_S": "2"}, {"await_standby": None})
    assert (chosen["seal_every_s"].value, chosen["await_standby"].value) == (2, True)
    for variables in ({"RESILIA_NODE_SEAL_EVERY_S": "61"}, {"RESILIA_NODE_AWAIT_STANDBY": "maybe"}):
        with pytest.raises(Misconfigured, match="must be"):
            load_settings(tmp_path, variables, {})
